"""The two products, for every number of rows and columns that a tile may leave over."""

import numpy as np
import pytest
import scipy.sparse
from numpy.testing import assert_allclose

from hgref.fast.cpu.compiled import kernel
from hgref.fast.cpu.products import add_product, add_sparse, padded


@kernel
def multiply(A, a_row, a_next, B, out, m, length, n):
    zero = np.int64(0)
    add_product(A, zero, a_row, a_next, B, zero, n, out, zero, n, m, length, n)


@kernel
def multiply_sparse(pointers, indices, values, B, n, out):
    for i in range(len(pointers) - 1):
        add_sparse(values, indices, pointers[i], pointers[i + 1], B, n, out, i * n)


@pytest.mark.parametrize(("real", "tolerance"), [(np.float64, 1e-12), (np.float32, 1e-4)])
def test_dense(real, tolerance):
    rng = np.random.default_rng(0)
    for n in [*range(1, 40), 51, 100]:
        m, length = int(rng.integers(1, 14)), int(rng.integers(1, 300))
        A, B = (rng.standard_normal(shape).astype(real) for shape in ((m, length), (length, n)))
        expected = 1 + A.astype(float) @ B
        for lying, strides in ((A, (length, 1)), (A.T.copy(), (1, m))):
            out = np.ones(m * n, real)
            sizes = map(np.int64, (m, length, n))
            multiply(lying.reshape(-1), *map(np.int64, strides), B.reshape(-1), out, *sizes)
            assert_allclose(out.reshape(m, n), expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize(("real", "tolerance"), [(np.float64, 1e-12), (np.float32, 1e-4)])
def test_sparse(real, tolerance):
    rng = np.random.default_rng(0)
    for columns in [*range(1, 30), 51]:
        n = padded(columns, real().itemsize)
        X = scipy.sparse.csr_matrix(rng.random((7, 40)) * (rng.random((7, 40)) < 0.4))
        B, out = rng.standard_normal((40, n)).astype(real), np.ones(7 * n, real)
        about = X.indptr.astype(np.uint32), X.indices.astype(np.uint32), X.data.astype(real)
        multiply_sparse(*about, B.reshape(-1), np.int64(n), out)
        assert_allclose(out.reshape(7, n), 1 + X @ B.astype(float), rtol=0, atol=tolerance)
