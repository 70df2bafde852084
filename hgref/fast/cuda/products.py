"""One matrix product by the whole grid, tile by tile through shared memory.

    out[i, j] (+)= Σ_k a[i, k] b[j, k]            i < I,  j < J,  k < K

Matrices are flat arrays with a first index and two strides each, so that one function takes W_l
inside w, a transposed W_l, or the examples of a step. Each thread keeps four sums of a tile. If I·J
is too small to occupy all multiprocessors, the depth k is split into parts with a sum each; the
reader adds the parts in order, without atomic additions, so that every run gives the same bits.

Traffic of a tile: DEPTH·(ROWS + COLS) numbers for ROWS·COLS·DEPTH multiplications, 13 a number.
The tiles, DEPTH × ROWS and DEPTH × COLS, are shared memory of the calling kernel: a device function
that is called from several places cannot have its own.
"""

from __future__ import annotations

from numba import cuda

from hgref.fast.cuda.device import COLS, DEPTH, ROWS, device_function

EACH = 4  # sums of a thread
STEP = COLS // EACH
ONE = 1, 0  # the depth is not split
TILES = DEPTH * (ROWS + COLS)  # numbers in shared memory


@device_function
def product(memory, left, right, to, sizes, split, add):
    """One product; (+) if `add`.

    memory (≥ TILES,) shared memory
    left   (a, first, stride of i, stride of k);  right (b, first, stride of j, stride of k)
    to     (out, first, stride of i): out[first + i·stride + j]
    sizes  (I, J, K)
    split  (parts, size): the sum over part q of the depths goes to out[q·size + …]; or ONE
    """
    (a, a0, ai, ak), (b, b0, bj, bk), (out, o0, oi) = left, right, to
    (rows, columns, depth), (parts, part_size) = sizes, split
    tile_a, tile_b = 0, DEPTH * ROWS
    sums = cuda.local.array(EACH, a.dtype)
    thread = cuda.threadIdx.x
    mine_i, mine_j = thread // STEP, thread % STEP
    down, across = (rows + ROWS - 1) // ROWS, (columns + COLS - 1) // COLS
    for tile in range(cuda.blockIdx.x, down * across * parts, cuda.gridDim.x):
        q, place = tile // (down * across), tile % (down * across)
        i0, j0 = place // across * ROWS, place % across * COLS
        last = depth * (q + 1) // parts
        for c in range(EACH):
            sums[c] = 0
        for k0 in range(depth * q // parts, last, DEPTH):
            load(a, a0 + i0 * ai + k0 * ak, ai, ak, memory, tile_a, rows - i0, last - k0, ROWS)
            load(b, b0 + j0 * bj + k0 * bk, bj, bk, memory, tile_b, columns - j0, last - k0, COLS)
            cuda.syncthreads()
            for k in range(DEPTH):
                x = memory[tile_a + k * ROWS + mine_i]
                for c in range(EACH):
                    sums[c] += x * memory[tile_b + k * COLS + mine_j + c * STEP]
            cuda.syncthreads()
        for c in range(EACH):
            i, j = i0 + mine_i, j0 + mine_j + c * STEP
            if i < rows and j < columns:
                at = o0 + q * part_size + i * oi + j
                out[at] = out[at] + sums[c] if add else sums[c]


@device_function
def load(source, first, across, deep, memory, tile, width, depth, size):
    """Entry (k, i) of a tile ← source[first + i·across + k·deep], 0 beyond; neighbours together."""
    for e in range(cuda.threadIdx.x, DEPTH * size, cuda.blockDim.x):
        if deep == 1:
            k, i = e % DEPTH, e // DEPTH
        else:
            k, i = e // size, e % size
        here = i < width and k < depth
        memory[tile + k * size + i] = source[first + i * across + k * deep] if here else 0
