"""One row of a sparse matrix times a panel, with several columns of the panel in one register.

LLVM compiles the plain loop to one column at a time, because the row it writes might overlap the
panel it reads. So this loop is written in LLVM's own language, with the columns as one vector. Four
sums run side by side, since each addition waits for the one before it.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.errors import RequireLiteralValue
from numba.extending import intrinsic, overload

from hgref.fast.cpu.compiled import UNCOUNTED
from hgref.fast.cpu.shapes import NARROW

WIDE = 2 * NARROW  # columns at a time, or NARROW of them
CHAINS = 4


def row_times(values, indices, first, last, panel, out, i, at, lanes):
    """out[i, at : at+lanes] = Σ_q values[q] panel[indices[q], at : at+lanes],  q = first … last-1.

    values, indices   of a CSR or CSC matrix; panel (N, C) and out (n, C) C-contiguous
    lanes             WIDE or NARROW, a literal number at the call
    """
    out[i, at : at + lanes] = 0
    for q in range(first, last):
        out[i, at : at + lanes] += values[q] * panel[indices[q], at : at + lanes]


@overload(row_times, jit_options=UNCOUNTED, prefer_literal=True)
def compile_row_times(values, indices, first, last, panel, out, i, at, lanes):
    if not isinstance(lanes, types.IntegerLiteral):
        raise RequireLiteralValue("lanes")

    def row(values, indices, first, last, panel, out, i, at, lanes):
        in_registers(values, indices, first, last, panel, out, i, at, lanes)  # type: ignore

    return row


@intrinsic(prefer_literal=True)
def in_registers(context, values, indices, first, last, panel, out, i, at, lanes):
    """The loop of `row_times` in LLVM's language."""
    signature = types.void(values, indices, first, last, panel, out, i, at, lanes)
    return signature, emit


def emit(context, builder, signature, arguments):
    array, real = signature.args, context.get_data_type(signature.args[0].dtype)
    lanes = signature.args[8].literal_value
    index, vector = context.get_value_type(types.intp), ir.VectorType(real, lanes)
    aligned = context.get_abi_sizeof(real)

    def cast(k, to=types.intp):
        return context.cast(builder, arguments[k], array[k], to)

    def struct(k):
        return context.make_array(array[k])(context, builder, arguments[k])

    def columns(k, row):
        """A pointer to the columns at … at+lanes of a row of array number k."""
        stride = cgutils.unpack_tuple(builder, struct(k).shape)[1]
        place = builder.add(builder.mul(row, stride), cast(7))
        return builder.bitcast(builder.gep(struct(k).data, [place]), vector.as_pointer())

    def spread(number):
        blank = ir.Constant(vector, ir.Undefined)
        one = builder.insert_element(blank, number, ir.Constant(ir.IntType(32), 0))
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), lanes), [0] * lanes)
        return builder.shuffle_vector(one, blank, zeros)

    def add_product(q, total):
        value = builder.load(builder.gep(struct(0).data, [q]))
        row = builder.zext(builder.load(builder.gep(struct(1).data, [q])), index)
        term = builder.fmul(
            spread(value), builder.load(columns(4, row), align=aligned), flags=["contract"]
        )
        builder.store(builder.fadd(builder.load(total), term, flags=["contract"]), total)

    totals = [cgutils.alloca_once_value(builder, ir.Constant(vector, None)) for _ in range(CHAINS)]
    first, last = cast(2), cast(3)
    length = builder.sub(last, first)
    middle = builder.add(first, builder.and_(length, ir.Constant(index, -CHAINS)))
    step = ir.Constant(index, CHAINS)
    with cgutils.for_range_slice(builder, first, middle, step, index) as (q, _):
        for k, total in enumerate(totals):
            add_product(builder.add(q, ir.Constant(index, k)), total)
    with cgutils.for_range_slice(builder, middle, last, ir.Constant(index, 1), index) as (q, _):
        add_product(q, totals[0])
    a, b, c, d = (builder.load(total) for total in totals)
    whole = builder.fadd(builder.fadd(a, b), builder.fadd(c, d))
    builder.store(whole, columns(5, cast(6)), align=aligned)
    return context.get_dummy_value()
