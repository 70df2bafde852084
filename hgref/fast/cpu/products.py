"""Products with few columns, in registers: those that every pass over the data consists of.

    add_product   out += A B       dense: z = X V, and G = Rᵀ X
    add_sparse    out += x B      sparse: one row x of X or of Xᵀ

BLAS packs its operands first, which costs more than a product with ten columns itself. Here a tile
of four rows and three vectors of the result stays in registers while the loop runs over
the common index: each number that is loaded serves several multiplications. LLVM does not find
this from a plain loop, so the innermost loop is written in its own language.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from llvmlite.binding import get_host_cpu_features
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

from hgref.arguments import Array
from hgref.fast.cpu.compiled import leaf

# Bytes of a register, of a narrower vector, and of one narrower still: whole registers take most
# columns, the others what is left, so that three columns, or ten, leave few numbers empty.
FEATURES: str = config.CPU_FEATURES or get_host_cpu_features().flatten()  # type: ignore[attr-defined]
WIDTH = 64 if "+avx512f" in FEATURES else 32
NARROW, HALF = 32, 16
TWO, THREE = 2 * WIDTH, 3 * WIDTH  # Numba takes a name for a literal, and no expression
NARROW_TWO, NARROW_THREE = 2 * NARROW, 3 * NARROW
# Rows of a tile, by the bytes of its columns: twelve sums, three vectors of B and one number of A
# fill sixteen registers; fewer rows for the rest. No bytes: one column.
ALONE, BESIDE = (8, 4, 3, 1), (4, 3, 2, 1)
TILES = {THREE: BESIDE, TWO: BESIDE, WIDTH: ALONE, NARROW: ALONE, HALF: (4, 1), 0: (1,)}
DEPTH = 256  # of the common index at a time: then three vectors of B stay in the nearest cache
LINE = 64  # bytes of a cache line
CHAINS = 4  # sums of a sparse row side by side: an addition waits for the one before it


def padded(columns: int, itemsize: int) -> int:
    """The next number of columns that is a multiple of NARROW bytes."""
    return -(-columns * itemsize // NARROW) * NARROW // itemsize


def aligned(shape: tuple[int, ...], real: np.dtype) -> Array:
    """Zeros that begin with a cache line, so that a row of them spans as few lines as it can."""
    size = math.prod(shape) * real.itemsize
    room = np.zeros(size + LINE, np.uint8)
    first = -room.ctypes.data % LINE
    return room[first : first + size].view(real).reshape(shape)


@leaf
def add_product(A, a, a_row, a_next, B, b, b_next, out, o, o_row, m, length, n):
    """out[o + i·o_row + j] += Σ_q A[a + i·a_row + q·a_next] B[b + q·b_next + j],  i < m, j < n.

    A, B, out   flat arrays of one number type;  q < length
    """
    wide, narrow, half = WIDTH // A.itemsize, NARROW // A.itemsize, HALF // A.itemsize
    for q in range(np.int64(0), length, DEPTH):
        depth = min(length - q, np.int64(DEPTH))
        to_a, to_b, j = a + q * a_next, b + q * b_next, np.int64(0)
        while j + 3 * wide <= n:
            tiles(A, to_a, a_row, a_next, B, to_b + j, b_next, out, o + j, o_row, m, depth, THREE)
            j += 3 * wide
        if j + 2 * wide <= n:
            tiles(A, to_a, a_row, a_next, B, to_b + j, b_next, out, o + j, o_row, m, depth, TWO)
            j += 2 * wide
        if j + wide <= n:
            tiles(A, to_a, a_row, a_next, B, to_b + j, b_next, out, o + j, o_row, m, depth, WIDTH)
            j += wide
        if j + narrow <= n:
            tiles(A, to_a, a_row, a_next, B, to_b + j, b_next, out, o + j, o_row, m, depth, NARROW)
            j += narrow
        if j + half <= n:
            tiles(A, to_a, a_row, a_next, B, to_b + j, b_next, out, o + j, o_row, m, depth, HALF)
            j += half
        while j < n:
            tiles(A, to_a, a_row, a_next, B, to_b + j, b_next, out, o + j, o_row, m, depth, 0)
            j += 1


@leaf
def add_sparse(values, indices, first, last, B, n, out, o):
    """out[o : o+n] += Σ_q values[q] B[indices[q]·n : …],  q = first … last-1.

    n   a multiple of NARROW bytes
    """
    wide, j = NARROW // values.itemsize, 0
    while j + 3 * wide <= n:
        gathered(values, indices, first, last, B, j, n, out, o + j, NARROW_THREE)
        j += 3 * wide
    if j + 2 * wide <= n:
        gathered(values, indices, first, last, B, j, n, out, o + j, NARROW_TWO)
    elif j + wide <= n:
        gathered(values, indices, first, last, B, j, n, out, o + j, NARROW)


class Writer:
    """Writes an innermost loop as a function of its own, which LLVM does not copy to its callers.

    real   the number type;  size: bytes of the numbers side by side; 0: one number
    """

    def __init__(self, context: Any, module: Any, name: str, real: Any, size: int, form: str):
        """`form`: a letter for each argument: p a pointer to numbers, u to indices, i an index."""
        self.real, self.index = real, context.get_value_type(types.intp)
        kinds = {"p": real.as_pointer(), "u": ir.IntType(32).as_pointer(), "i": self.index}
        signature = ir.FunctionType(ir.VoidType(), [kinds[letter] for letter in form])
        self.function = ir.Function(module, signature, name)
        self.function.linkage = "linkonce_odr"
        for attribute in ("noinline", "optsize"):  # unrolled, these loops compile twice as long
            self.function.attributes.add(attribute)
        self.builder = ir.IRBuilder(self.function.append_basic_block())
        self.itemsize = context.get_abi_sizeof(real)
        register = WIDTH if size % WIDTH == 0 else min(size, NARROW)
        self.wide = min(size, register) // self.itemsize or 1
        self.vector, self.each = ir.VectorType(real, self.wide), range(size // register or 1)

    def constant(self, n: int) -> Any:
        return ir.Constant(self.index, n)

    def at(self, *terms: Any) -> Any:
        """The sum of indices; a pair is a product."""
        total = self.constant(0)
        for term in terms:
            product = self.builder.mul(*term) if isinstance(term, tuple) else term
            total = self.builder.add(total, product)
        return total

    def places(self, data: Any, index: Any) -> list[Any]:
        """Pointers to the vectors from an index on."""
        every = [self.at(index, self.constant(v * self.wide)) for v in self.each]
        pointers = [self.builder.gep(data, [place]) for place in every]
        return [self.builder.bitcast(pointer, self.vector.as_pointer()) for pointer in pointers]

    def load(self, data: Any, index: Any) -> list[Any]:
        return [self.builder.load(at, align=self.itemsize) for at in self.places(data, index)]

    def store(self, totals: list[Any], data: Any, index: Any) -> None:
        for total, at in zip(totals, self.places(data, index), strict=True):
            self.builder.store(self.builder.load(total), at, align=self.itemsize)

    def sums(self, starts: list[Any]) -> list[Any]:
        """Variables that LLVM keeps in registers."""
        return [cgutils.alloca_once_value(self.builder, start) for start in starts]

    def add(self, totals: list[Any], left: Any, right: list[Any]) -> None:
        """totals += left · right, for a pointer to one number on the left."""
        blank = ir.Constant(self.vector, ir.Undefined)
        first, zeros = ir.Constant(ir.IntType(32), 0), ir.VectorType(ir.IntType(32), self.wide)
        one = self.builder.insert_element(blank, self.builder.load(left), first)
        spread = self.builder.shuffle_vector(one, blank, ir.Constant(zeros, [0] * self.wide))
        for total, vector in zip(totals, right, strict=True):
            term = self.builder.fmul(spread, vector, flags=["contract"])
            before = self.builder.load(total)
            self.builder.store(self.builder.fadd(before, term, flags=["contract"]), total)


def calls(form: str, write: Callable[[Writer, int], None]) -> Callable[..., Any]:
    """The body of an intrinsic: a call of the function that `write` writes.

    form   a letter for each argument but the last: a an array, u one of indices, i an integer
    """

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kinds, given = signature.args, []
        for letter, kind, argument in zip(form, kinds, arguments, strict=False):
            if letter == "i":
                given.append(context.cast(builder, argument, kind, types.intp))
            else:
                given.append(context.make_array(kind)(context, builder, argument).data)
        size, number = kinds[-1].literal_value, kinds[0].dtype
        name = f"{write.__name__}_{number}_{size}"
        if name not in builder.module.globals:
            real = context.get_data_type(number)
            writer = Writer(context, builder.module, name, real, size, form.replace("a", "p"))
            write(writer, size)
            writer.builder.ret_void()
        builder.call(builder.module.globals[name], given)
        return context.get_dummy_value()

    return emit


@intrinsic(prefer_literal=True)
def in_tiles(context, A, a, a_row, a_next, B, b, b_next, out, o, o_row, m, length, size):
    """`add_product` for `size` bytes of columns, a literal; 0: for one column."""
    signature = types.void(A, a, a_row, a_next, B, b, b_next, out, o, o_row, m, length, size)
    return signature, calls("aiiiaiiaiiii", write_tiles)


def write_tiles(write: Writer, size: int) -> None:
    A, a, a_row, a_next, B, b, b_next, out, o, o_row, m, length = write.function.args
    builder = write.builder

    def tile(first: Any, rows: int) -> None:
        each = [builder.add(first, write.constant(r)) for r in range(rows)]
        to = [write.at(o, (row, o_row)) for row in each]
        totals = [write.sums(write.load(out, place)) for place in to]
        with cgutils.for_range(builder, length) as loop:
            right = write.load(B, write.at(b, (loop.index, b_next)))
            for row, sums in zip(each, totals, strict=True):
                left = write.at(a, (row, a_row), (loop.index, a_next))
                write.add(sums, builder.gep(A, [left]), right)
        for place, sums in zip(to, totals, strict=True):
            write.store(sums, out, place)

    first = write.constant(0)
    for rows in TILES[size]:
        step = write.constant(rows)
        last = write.at(first, (builder.sdiv(builder.sub(m, first), step), step))
        with cgutils.for_range_slice(builder, first, last, step) as (row, _):
            tile(row, rows)
        first = last


@intrinsic(prefer_literal=True)
def in_chains(context, values, indices, first, last, B, b, b_next, out, o, size):
    """`add_sparse` for `size` bytes of columns, a literal: CHAINS entries side by side."""
    signature = types.void(values, indices, first, last, B, b, b_next, out, o, size)
    return signature, calls("auiiaiiai", write_chains)


def write_chains(write: Writer, size: int) -> None:
    values, indices, first, last, B, b, b_next, out, o = write.function.args
    builder, zeros = write.builder, [ir.Constant(write.vector, None) for _ in write.each]
    chains = [write.sums(write.load(out, o)), *(write.sums(zeros) for _ in range(CHAINS - 1))]

    def entry(q: Any, sums: list[Any]) -> None:
        row = builder.zext(builder.load(builder.gep(indices, [q])), write.index)
        write.add(sums, builder.gep(values, [q]), write.load(B, write.at(b, (row, b_next))))

    step, one = write.constant(CHAINS), write.constant(1)
    middle = write.at(first, (builder.sdiv(builder.sub(last, first), step), step))
    with cgutils.for_range_slice(builder, first, middle, step) as (q, _):
        for k, sums in enumerate(chains):
            entry(builder.add(q, write.constant(k)), sums)
    with cgutils.for_range_slice(builder, middle, last, one) as (q, _):
        entry(q, chains[0])
    for each in zip(*chains, strict=True):
        a, b, c, d = map(builder.load, each)
        builder.store(builder.fadd(builder.fadd(a, b), builder.fadd(c, d)), each[0])
    write.store(chains[0], out, o)


tiles: Any = in_tiles
gathered: Any = in_chains


def plain_tiles(A, a, a_row, a_next, B, b, b_next, out, o, o_row, m, length, size):
    """`in_tiles` in NumPy, for code that is not compiled."""
    n, q = size // A.itemsize or 1, np.arange(length)
    for i in range(m):
        left = A[a + i * a_row + q * a_next]
        out[o + i * o_row : o + i * o_row + n] += left @ B[(b + q * b_next)[:, None] + np.arange(n)]


def plain_chains(values, indices, first, last, B, b, b_next, out, o, size):
    """`in_chains` in NumPy."""
    rows, n = indices[first:last].astype(np.int64), size // values.itemsize
    out[o : o + n] += values[first:last] @ B[(b + rows * b_next)[:, None] + np.arange(n)]


if config.DISABLE_JIT:  # type: ignore[attr-defined]
    tiles, gathered = plain_tiles, plain_chains
