"""Losses in JAX only: float64 is enabled inside hgref and nowhere else."""

import importlib

import numpy as np
import pytest

jax = pytest.importorskip("jax")
jnp = importlib.import_module("jax.numpy")
interop = importlib.import_module("hgref.interop.jax")


def test_a_text_is_refused_as_a_template():
    with pytest.raises(TypeError, match="params: expected an array of real numbers, found str"):
        interop.objective(lambda w, lam: 0, "weights")


def test_templates_of_numpy_and_of_half_precision():
    params = {"W": np.eye(2), "b": np.ones(3, np.float16), "empty": np.zeros(0)}
    J = interop.objective(lambda params, lam: 0, params)
    w = J.flatten(params)
    np.testing.assert_array_equal(w, [1, 0, 0, 1, 1, 1, 1])
    back = J.unflatten(w)
    assert jax.tree_util.tree_structure(back) == jax.tree_util.tree_structure(params)
    assert {leaf.dtype for leaf in back.values()} == {np.dtype(np.float64)}


def test_a_jax_without_float64_is_refused(monkeypatch):
    J, w = interop.objective(lambda w, lam: w @ w, np.zeros(3)), np.ones(3)
    with pytest.raises(RuntimeError, match="jax: expected float64 to be enabled here"):
        J.tensor(w)  # outside of J.float64()
    for home in (jax, jax.experimental):
        monkeypatch.delattr(home, "enable_x64", raising=False)
    with pytest.raises(RuntimeError, match="jax: expected enable_x64 for float64, found none"):
        J.grad(1, w, {})


def test_a_user_who_has_float64_on_keeps_it():
    J, w = interop.objective(lambda w, lam: (w**3).sum(), np.zeros(3)), np.full(3, 1 / 3)
    with J.float64():
        np.testing.assert_allclose(J.grad(1, w, {}), 3 * w**2, rtol=1e-15)
        assert jnp.ones(1).dtype == np.float64
