"""Laws are judged by complex steps, in scalars, and by exact fractions.

Those of a dynamics by the complex step of their own `step`; those of a loss, an activation or a
penalty by that of the function whose derivative they are, written here in other words.
"""

import ast
import cmath
import inspect
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import hgref
from hgref import laws
from hgref.dynamics.proximal import BOX

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


DYNAMICS = {
    name: (kind.law, kind.state, kind.names)
    for name, kind in vars(hgref.dynamics).items()
    if inspect.isclass(kind) and issubclass(kind, hgref.Coordinatewise) and hasattr(kind, "law")
} | {"Box": (BOX, ("w",), ())}
VALUES = {  # of a law's arguments, where they are not just any numbers
    "u": st.floats(0.1, 2),
    **dict.fromkeys(["beta", "beta1", "beta2", "mu", "keep", "decay"], between),
    **dict.fromkeys(["c1", "c2"], st.floats(0.5, 2)),
    **dict.fromkeys(["eta", "l1", "l2"], st.floats(0, 2)),  # a proximal step divides by 1 + η l2
    **dict.fromkeys(["eps", "eps_root"], st.floats(1e-3, 1)),
    **dict.fromkeys(["nesterov", "averaged"], st.sampled_from([0, 1])),
}


@pytest.mark.parametrize("name", DYNAMICS)
@given(data=st.data())
def test_the_law_of_a_dynamics(name, data):
    """Its jvp is the complex step of its step, its vjp the transpose; a new law is found here."""
    law, state, names = DYNAMICS[name]
    arguments = list(inspect.signature(law.step).parameters)
    x = {n: data.draw(VALUES.get(n, numbers), label=n) for n in arguments}
    moving = [n for n in arguments if n in {*law.tangents, *names}]  # the others are settings
    dx = {n: data.draw(numbers, label=f"d{n}") for n in moving}
    b = {n: data.draw(numbers, label=f"b_{n}") for n in state}
    known = {**x, **{f"d{n}": v for n, v in dx.items()}, **{f"b_{n}": v for n, v in b.items()}}

    def row(_):
        shares = dict(zip(law.tangents, law(law.vjp, known), strict=True))
        return [shares.get(n, 0.0) for n in moving]  # a jvp without a tangent claims that it is 0

    check(
        lambda *moved: law(law.step, {**x, **dict(zip(moving, moved, strict=True))}),
        lambda _: law(law.jvp, known),
        row,
        [x[n] for n in moving],
        list(dx.values()),
        list(b.values()),
    )


@given(x=st.tuples(*[numbers] * 3), rates=st.tuples(between, between))
def test_the_decay_of_adam_does_not_pass_through_its_means(x, rates):
    """w' = w − η δ w before the step of Adam, so with η c1 = 0 the decay is all that moves w."""
    (m, w, g), (eta, decay) = x, rates
    found = laws.adam_step(m, 0.5, w, g, eta, 0.9, 0.99, 0.0, 1.0, 1e-3, 0.0, decay)
    plain = laws.adam_step(m, 0.5, w, g, eta, 0.9, 0.99, 0.0, 1.0, 1e-3, 0.0, 0.0)
    assert found[:2] == plain[:2]
    assert found[2] == pytest.approx(w - eta * decay * w, rel=1e-14, abs=1e-15)


@given(w=numbers, rates=st.tuples(between, between, between), dg=numbers, b_w=numbers)
def test_adam_where_every_gradient_was_zero(w, rates, dg, b_w):
    """The update has slope c1 (1-β1)/ε at g = 0, where autodiff says 0 · ∞."""
    eta, beta1, beta2 = rates
    eps, c1, c2 = 1e-3, 1.3, 1.7
    x = (0.0, 0.0, w, 0.0, eta, beta1, beta2, c1, c2, eps, 0.0, 0.0)
    dx = (0.0, 0.0, 0.0, dg, *[0.0] * 8)
    *_, witness = complex_jvp(laws.adam_step, x, dx)
    *_, dw = laws.adam_jvp(*x, *dx)
    b_g = laws.adam_vjp(*x, 0.0, 0.0, b_w)[3]
    assert dw == pytest.approx(witness, rel=1e-13)
    assert dw == pytest.approx(-eta * c1 * (1 - beta1) / eps * dg, rel=1e-13)
    assert b_g == pytest.approx(-eta * c1 * (1 - beta1) / eps * b_w, rel=1e-13)


@given(x=st.tuples(*[numbers] * 4), rates=st.tuples(between, st.floats(0.01, 1)))
def test_rms_is_what_its_names_say(x, rates):
    """RMSProp averages the squares, AdaGrad sums them up, whatever β is."""
    u, w, g, beta = abs(x[0]), *x[1:]
    eta, eps = rates
    mean, down = laws.rms_step(u, w, g, eta, beta % 1, 1, eps, 0.0)
    assert mean == pytest.approx(beta % 1 * u + (1 - beta % 1) * g**2)
    assert down == pytest.approx(w - eta * g / (np.sqrt(mean) + eps))
    total, down = laws.rms_step(u, w, g, eta, beta, 0, 0.0, eps)
    assert total == pytest.approx(u + g**2)
    assert down == pytest.approx(w - eta * g / np.sqrt(total + eps))


def test_lion_where_the_average_is_zero():
    """sign(0) = 0: only the decay moves w."""
    x = {"m": np.zeros(1), "w": np.full(1, 2.0), "g": np.zeros(1), "eta": 0.5}
    x |= {"beta1": 0.5, "beta2": 0.25, "decay": 0.5}
    assert [float(y[0]) for y in laws.lion_step(**x)] == [0.0, 1.5]
    dm, dw = laws.lion_jvp(**x, dm=0.0, dw=0.0, dg=0.0, deta=1.0, dbeta2=0.0, ddecay=0.0)
    assert (float(dm[0]), float(dw[0])) == (0.0, -1.0)
    assert float(laws.lion_vjp(**x, b_m=0.0, b_w=1.0)[3][0]) == -1.0


@pytest.mark.parametrize("averaged", [0, 1])
@given(rates=st.tuples(between, st.floats(0, 0.95)), dx=st.tuples(*[numbers] * 7), b_w=numbers)
def test_rms_where_every_gradient_was_zero(averaged, rates, dx, b_w):
    """The update has slope 1/ε at g = 0; no other derivative but that of w is left."""
    eta, eps = rates[0], 1e-3
    rest = (0.0, 0.0, *rates, averaged, eps, 0.0)  # u, g, η, β, a, ε', ρ
    dg, dw = dx[2], dx[1]
    (witness,) = complex_jvp(
        lambda w, g: laws.rms_step(0.0, w, g, *rates, averaged, eps, 0.0)[1], (1.0, 0.0), (dw, dg)
    )
    found = laws.rms_jvp(*rest, 0.0, *dx[1:])
    assert found[0] == 0
    assert found[1] == pytest.approx(witness, rel=1e-12, abs=1e-14)
    assert found[1] == pytest.approx(dw - eta / eps * dg, rel=1e-12, abs=1e-12)
    row = laws.rms_vjp(*rest, 0.0, b_w)
    assert row == pytest.approx((0, b_w, -eta / eps * b_w, 0, 0, 0, 0), rel=1e-13)


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


# --- losses, activations, penalties ---


def sigma(z):
    return 1 / (1 + cmath.exp(-z))


def close(found, witness):
    return found == pytest.approx(witness, rel=1e-12, abs=1e-14)


def transposed(row, dx, b, down):
    """<row, dx> = b · down."""
    return close(np.dot(row, dx), b * down)


LOSSES = {  # (ℓ(z, y), P(z))
    "squares": (lambda z, y: (z - y) ** 2 / 2, lambda z: z),
    "logistic": (lambda z, y: cmath.log(1 + cmath.exp(z)) - y * z, sigma),
}


@pytest.mark.parametrize("name", LOSSES)
@given(z=numbers, y=st.sampled_from([0.0, 1.0]), dz=numbers)
def test_residual_and_curvature(name, z, y, dz):
    loss, mean = LOSSES[name]
    (slope,) = complex_jvp(lambda z: loss(z, y), [z], [1.0])
    assert close(laws.residual(mean(z).real, y), slope)
    (witness,) = complex_jvp(mean, [z], [dz])
    P, Q = sigma(z).real, sigma(-z).real
    found = {"squares": (dz,), "logistic": (P, Q, dz)}[name]
    assert close(getattr(laws, f"{name}_curvature")(*found), witness)


def test_the_curvature_of_two_classes_does_not_cancel():
    P, Q = 1.0, np.exp(-40.0)  # σ(40) and σ(-40) in float64
    assert laws.logistic_curvature(P, Q, 2.0) == pytest.approx(2 * np.exp(-40.0), rel=1e-15)


@given(z=st.tuples(*[numbers] * 3), label=st.integers(0, 2), dz=st.tuples(*[numbers] * 3))
def test_residual_and_curvature_of_softmax(z, label, dz):
    def loss(*z):
        return cmath.log(sum(map(cmath.exp, z))) - z[label]

    def means(*z):
        return tuple(cmath.exp(a) / sum(map(cmath.exp, z)) for a in z)

    P = np.real(means(*z))
    mean = P @ dz
    witness = complex_jvp(means, z, dz)
    for k in range(3):
        (slope,) = complex_jvp(loss, z, np.eye(3)[k])
        assert close(laws.residual(P[k], float(label == k)), slope)
        assert close(laws.softmax_curvature(P[k], dz[k], mean), witness[k])


def huber(e, threshold):
    """The textbook's, on the side of the kink on which the real parts are."""
    if abs(e.real) <= threshold.real:
        return e * e / 2
    size = e if e.real > 0 else -e
    return threshold * (size - threshold / 2)


@given(e=numbers, threshold=st.floats(0.05, 2), dz=numbers, dthreshold=numbers, b=numbers)
def test_huber(e, threshold, dz, dthreshold, b):
    """Value, residual, curvature and the derivatives in δ, away from the kink at |e| = δ."""
    assume(abs(abs(e) - threshold) > 1e-6)
    value, to_threshold = laws.huber_value(e, threshold)
    assert close(value, huber(e, threshold))
    assert close(to_threshold, complex_jvp(huber, (e, threshold), (0.0, 1.0))[0])
    (slope,) = complex_jvp(huber, (e, threshold), (1.0, 0.0))
    assert close(laws.huber_residual(e, threshold), slope)
    (witness,) = complex_jvp(laws.huber_residual, (e, threshold), (dz, dthreshold))
    assert close(laws.huber_curvature(e, threshold, dz, dthreshold), witness)
    row = laws.huber_curvature(e, threshold, b, 0.0), laws.huber_share(e, threshold, b)
    assert transposed(row, (dz, dthreshold), b, witness)


@pytest.mark.parametrize("e", [0.75, -0.75])
def test_huber_at_its_kink_is_squares(e):
    """Where |e| = δ exactly, C = 1 and ∂r/∂δ = 0."""
    here = np.asarray(e), np.asarray(0.75)
    assert laws.huber_curvature(*here, 2.0, 3.0) == 2.0
    assert laws.huber_share(*here, 2.0) == 0.0
    assert laws.huber_residual(here[0] + 1e-30j, here[1]) == e + 1e-30j
    assert laws.huber_value(*here) == (e * e / 2, 0.0)


ACTIVATIONS = {  # (a(z), a'(z) in other words, the arguments of the laws of slope and bend)
    "tanh": (
        cmath.tanh,
        lambda z: 1 / cmath.cosh(z) ** 2,
        lambda z: ((np.tanh(z),), (np.tanh(z),)),
    ),
    "softplus": (
        lambda z: cmath.log(1 + cmath.exp(z)),
        lambda z: cmath.exp(z) / (1 + cmath.exp(z)),
        lambda z: ((sigma(z).real,), (sigma(z).real, sigma(-z).real)),
    ),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
@given(z=numbers)
def test_slope_and_bend(name, z):
    value, slope, arguments = ACTIVATIONS[name]
    for_slope, for_bend = arguments(z)
    (witness,) = complex_jvp(value, [z], [1.0])
    assert close(getattr(laws, f"{name}_slope")(*for_slope), witness)
    (witness,) = complex_jvp(slope, [z], [1.0])
    assert close(getattr(laws, f"{name}_bend")(*for_bend), witness)


@given(z=numbers, dz=numbers)
def test_relu(z, dz):
    """The larger of z and 0; its slope is 1 above, 0 below, and 0 at the kink, as torch has it."""
    assert laws.relu(z) == max(z, 0)
    (witness,) = complex_jvp(laws.relu, [z], [dz])
    assert close(laws.relu_slope(z) * dz, witness)
    assert laws.relu_slope(z) == float(z > 0)
    assert laws.relu_slope(z + 1j * H) == laws.relu_slope(z)


@given(z=numbers, dz=numbers, b=numbers, db=numbers)
def test_hidden_unit(z, dz, b, db):
    """At h = tanh(z), with 1/cosh² for its slope; the bend is the complex step of that."""

    def slope(z):
        return 1 / cmath.cosh(z) ** 2

    (down,) = complex_jvp(cmath.tanh, [z], [dz])
    assert close(laws.hidden_jvp(slope(z).real, dz), down)
    assert transposed([laws.hidden_vjp(slope(z).real, b)], [dz], b, down)
    (bend,) = complex_jvp(slope, [z], [1.0])
    (moved,) = complex_jvp(lambda z, b: slope(z) * b, [z, b], [dz, db])
    assert close(laws.hidden_vjp_jvp(slope(z).real, bend, dz, b, db), moved)


@given(c=numbers, r=numbers, dr=numbers, dc=numbers, b=numbers)
def test_weighted(c, r, dr, dc, b):
    check(
        laws.weighted,
        lambda d: laws.weighted_jvp(c, r, d[1], d[0]),
        lambda b: laws.weighted_vjp(c, r, *b)[::-1],
        (c, r),
        (dc, dr),
        (b,),
    )


@given(l2=numbers, w=numbers, dw=numbers, dl2=numbers, u=numbers)
def test_l2(l2, w, dw, dl2, u):
    (slope,) = complex_jvp(lambda w: l2 * w**2 / 2, [w], [1.0])
    assert close(laws.l2_grad(l2, w), slope)
    (down,) = complex_jvp(lambda l2, w: l2 * w, [l2, w], [dl2, dw])
    assert close(laws.l2_jvp(l2, w, dw, dl2), down)
    uH, uM = laws.l2_vjp(l2, w, u)
    assert transposed([uM, uH], [dl2, dw], u, down)


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
    assert sum(isinstance(node, ast.FunctionDef) for node in tree.body) > 40


@given(x=st.tuples(*[numbers] * 3), dx=st.tuples(*[numbers] * 3), u=st.tuples(numbers, numbers))
def test_apart(x, dx, u):
    c, a, b = x
    (slope,) = complex_jvp(lambda a: c * (a - b) ** 2, [a], [1.0])
    assert close(laws.apart_grad(c, a, b), slope)
    (down,) = complex_jvp(lambda c, a, b: 2 * c * (a - b), x, dx)
    assert close(laws.apart_jvp(*x, *dx[1:], dx[0]), down)
    to_a, to_c = laws.apart_vjp(*x, *u)  # of ∂Ω/∂a times u_a, and its negative ∂Ω/∂b times u_b
    assert transposed([to_c, to_a, -to_a], dx, u[0] - u[1], down)
