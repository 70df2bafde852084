"""Laws are judged by the complex step of their own `step`, in scalars, and by exact fractions."""

import ast
import inspect
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hgref import laws

H = 1e-30
numbers = st.floats(-2, 2).filter(lambda x: x == 0 or abs(x) > 1e-3)
between = st.floats(0.05, 0.95)


def complex_jvp(step, x, dx):
    """The tangent of step(*x) along dx, by the complex step."""
    out = step(*(a + 1j * H * b for a, b in zip(x, dx, strict=True)))
    return [np.imag(o) / H for o in (out if isinstance(out, tuple) else (out,))]


def check(step, jvp, vjp, x, dx, b):
    """jvp(dx) is the complex step of `step`; vjp is its transpose."""
    witness = complex_jvp(step, x, dx)
    found = jvp(dx)
    found = found if isinstance(found, tuple) else (found,)
    scale = 1 + np.linalg.norm(witness)
    np.testing.assert_allclose(found, witness, rtol=0, atol=1e-12 * scale)
    row = vjp(b)
    terms = [*np.multiply(row, dx), *np.multiply(b, witness)]
    gap = np.dot(row, dx) - np.dot(b, witness)
    assert abs(gap) <= 1e-12 * (1 + np.abs(terms).sum())


@given(x=st.tuples(numbers, numbers, numbers), dx=st.tuples(*[numbers] * 3), b=numbers)
def test_gd(x, dx, b):
    _, g, eta = x
    check(
        laws.gd_step,
        lambda d: laws.gd_jvp(g, eta, *d),
        lambda b: laws.gd_vjp(g, eta, *b),
        x,
        dx,
        (b,),
    )


@given(
    x=st.tuples(numbers, numbers, numbers, between, between),
    constants=st.tuples(between, between, st.sampled_from([0, 1])),
    dx=st.tuples(*[numbers] * 5),
    b=st.tuples(numbers, numbers),
)
def test_momentum(x, constants, dx, b):
    check(
        lambda *x: laws.momentum_step(*x, *constants),
        lambda d: laws.momentum_jvp(*x, *constants, *d),
        lambda b: laws.momentum_vjp(*x, *constants, *b),
        x,
        dx,
        b,
    )


@given(
    point=st.tuples(numbers, st.floats(0.1, 2), numbers, numbers),
    rates=st.tuples(between, between, between, st.floats(0.5, 2), st.floats(0.5, 2)),
    epsilons=st.tuples(st.floats(1e-3, 1), st.floats(1e-3, 1)),
    dx=st.tuples(*[numbers] * 11),
    b=st.tuples(numbers, numbers, numbers),
)
def test_adam(point, rates, epsilons, dx, b):
    x = (*point, *rates, *epsilons)
    m, u, _, *rest = x
    check(
        laws.adam_step,
        lambda d: laws.adam_jvp(m, u, *rest, *d),
        lambda b: laws.adam_vjp(m, u, *rest, *b),
        x,
        dx,
        b,
    )


@given(w=numbers, rates=st.tuples(between, between, between), dg=numbers, b_w=numbers)
def test_adam_where_every_gradient_was_zero(w, rates, dg, b_w):
    """The update has slope c1 (1-β1)/ε at g = 0, where autodiff says 0 · ∞."""
    eta, beta1, beta2 = rates
    eps, c1, c2 = 1e-3, 1.3, 1.7
    x = (0.0, 0.0, w, 0.0, eta, beta1, beta2, c1, c2, eps, 0.0)
    dx = (0.0, 0.0, 0.0, dg, *[0.0] * 7)
    *_, witness = complex_jvp(laws.adam_step, x, dx)
    *_, dw = laws.adam_jvp(0.0, 0.0, *x[3:], *dx)
    b_g = laws.adam_vjp(0.0, 0.0, *x[3:], 0.0, 0.0, b_w)[3]
    assert dw == pytest.approx(witness, rel=1e-13)
    assert dw == pytest.approx(-eta * c1 * (1 - beta1) / eps * dg, rel=1e-13)
    assert b_g == pytest.approx(-eta * c1 * (1 - beta1) / eps * b_w, rel=1e-13)


@pytest.mark.parametrize("kind", ["folded", "split"])
@given(
    t=st.integers(1, 50),
    betas=st.tuples(between, between),
    dx=st.tuples(numbers, numbers),
    b=st.tuples(numbers, numbers),
)
def test_adam_bias(kind, t, betas, dx, b):
    law, jvp, vjp = (getattr(laws, f"adam_bias_{kind}{tail}") for tail in ("", "_jvp", "_vjp"))
    check(
        lambda *x: law(t, *x),
        lambda d: jvp(t, *betas, *d),
        lambda b: vjp(t, *betas, *b),
        betas,
        dx,
        b,
    )


@pytest.mark.parametrize("beta", [0.0, 0.5])
def test_adam_bias_at_the_first_step(beta):
    """1 - β^1 = 1 - β, and its slope is -1 also at β = 0."""
    c1, c2 = laws.adam_bias_split(1, beta, beta)
    assert c1 == c2 == 1 / (1 - beta)
    assert laws.adam_bias_split_jvp(1, beta, beta, 1.0, 1.0) == ((1 - beta) ** -2,) * 2


fractions = st.fractions(-3, 3, max_denominator=20)


@given(
    x=st.tuples(*[fractions] * 7), nesterov=st.sampled_from([0, 1]), d=st.tuples(*[fractions] * 7)
)
def test_momentum_law_is_exact_on_fractions(x, nesterov, d):
    """No rounding: with h → 0 taken exactly, the tangent of a polynomial law is its derivative.

    The law has degree 4 in a common step h, so five exact evaluations give its slope at 0 exactly.
    """
    v, w, g, eta, mu, keep, decay = x
    dv, dw, dg, deta, dmu, *_ = d

    def at(h):
        moved = (v + h * dv, w + h * dw, g + h * dg, eta + h * deta, mu + h * dmu)
        return laws.momentum_step(*moved, keep, decay, nesterov)[1]

    slope = (at(-2) - 8 * at(-1) + 8 * at(1) - at(2)) / Fraction(12)
    tangent = laws.momentum_jvp(v, w, g, eta, mu, keep, decay, nesterov, dv, dw, dg, deta, dmu)
    assert tangent[1] == slope


def test_laws_are_leaves():
    """No imports, no calls, no branches: what compiles for a kernel and runs on any number."""
    tree = ast.parse(inspect.getsource(laws))
    refused = (ast.Import, ast.ImportFrom, ast.Call, ast.If, ast.IfExp, ast.While, ast.For)
    assert [node.lineno for node in ast.walk(tree) if isinstance(node, refused)] == []
    assert len([node for node in tree.body if isinstance(node, ast.FunctionDef)]) == 15
