"""Recurrent: reverse is BPTT and forward is RTRL, as loops over single units have them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import few, relative

import hgref
from hgref.fast import cpu
from hgref.objectives import L2, Callback, LeastSquares, Quadratic
from hgref.outer import Adam, GradientDescent
from hgref.verify.witness import central_differences, complex_step, taylor


@st.composite
def cases(draw, max_T=9, max_n=3):
    """(problem, lam, target): E(s_T) = ½ ‖s_T‖² − target · s_T, whose gradient is s_T − target."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    T, h, k = (draw(st.integers(1, high)) for high in (max_T, 4, 3))
    sequences = draw(st.integers(0, max_n))  # 0: one, without an axis of its own
    n, spare = max(sequences, 1), draw(st.integers(0, 2))
    inputs = rng.standard_normal((T + spare, n, k) if sequences else (T + spare, k))
    target = rng.standard_normal(n * h)
    w0 = rng.uniform(-0.8, 0.8, n * h)
    dynamics, E = hgref.Recurrent(inputs, hidden=h), Quadratic(np.eye(n * h), target)
    problem = hgref.Problem(dynamics, E, T, w0, learn_w0=draw(st.booleans()))
    shapes = {"W": (h, h), "U": (h, k), "b": (h,)}
    return problem, problem.pack(**{n: rng.standard_normal(s) for n, s in shapes.items()}), target


# --- the literature's loops: they know nothing of hgref ---


def bptt(W, U, b, inputs, start, target, K):
    """Werbos' ordered derivatives of ½ Σ (s_i(T) − target_i)² for one sequence, the last K steps.

    Returns ∂E/∂W, ∂E/∂U, ∂E/∂b and the ordered derivatives at the earliest step.
    """
    h, k, s = len(b), len(inputs[0]), [list(start)]
    for x in inputs:
        net = [
            b[i] + sum(W[i][j] * s[-1][j] for j in range(h)) + sum(U[i][j] * x[j] for j in range(k))
            for i in range(h)
        ]
        s.append([math.tanh(net_i) for net_i in net])
    dW, dU, db = np.zeros((h, h)), np.zeros((h, k)), np.zeros(h)
    F = [s[-1][i] - target[i] for i in range(h)]
    for t in range(len(inputs), len(inputs) - K, -1):
        F_net = [F[i] * (1 - s[t][i] ** 2) for i in range(h)]
        for i in range(h):
            db[i] += F_net[i]
            for j in range(h):
                dW[i, j] += F_net[i] * s[t - 1][j]
            for j in range(k):
                dU[i, j] += F_net[i] * inputs[t - 1][j]
        F = [sum(F_net[i] * W[i][j] for i in range(h)) for j in range(h)]
    return dW, dU, db, F


class WilliamsZipser:
    """y_k, and p^k_ij = ∂y_k/∂w_ij for w = (W U b), whose lines of input are z = (y, x, 1)."""

    def __init__(self, W, U, b, start):
        self.w = np.column_stack([W, U, b])
        self.y, (self.n, self.m) = list(start), self.w.shape
        self.p = np.zeros((self.n, self.n, self.m))

    def step(self, x):
        z, n = [*self.y, *x, 1.0], self.n
        net = [sum(self.w[k, j] * z[j] for j in range(self.m)) for k in range(n)]
        y, p = [math.tanh(net_k) for net_k in net], np.zeros_like(self.p)
        for k in range(n):
            for i in range(n):
                for j in range(self.m):
                    through = sum(self.w[k, a] * self.p[a, i, j] for a in range(n))
                    p[k, i, j] = (1 - y[k] ** 2) * (through + (z[j] if i == k else 0))
        self.y, self.p = y, p

    def gradient(self, error):
        """∂E/∂w_ij = Σ_k error_k p^k_ij, as (W, U, b)."""
        total = sum(error[k] * self.p[k] for k in range(self.n))
        return total[:, : self.n], total[:, self.n : -1], total[:, -1]


def sequences(problem):
    """The inputs and the start of each sequence: (T, k), (h,)."""
    network = problem.dynamics
    inputs = network.inputs[: problem.T].transpose(1, 0, 2)
    return list(zip(inputs, problem.w0.reshape(-1, network.h), strict=True))


@given(case=cases())
def test_reverse_is_back_propagation_through_time(case):
    problem, lam, target = case
    blocks = problem.unpack(lam)
    W, U, b = (blocks[name] for name in ("W", "U", "b"))
    targets = target.reshape(-1, len(b))
    K = 1 + len(target) % problem.T
    full, short = hgref.reverse(problem, lam), hgref.truncated(problem, lam, K)
    for steps, g in ((problem.T, full), (K, short)):
        parts = [
            bptt(W, U, b, inputs, start, targets[j], steps)
            for j, (inputs, start) in enumerate(sequences(problem))
        ]
        for name, found in zip(("W", "U", "b"), map(sum, zip(*parts, strict=True)), strict=False):
            np.testing.assert_allclose(g[name], found, rtol=1e-12, atol=1e-12)
        if problem.learn_w0:
            ends = np.concatenate([part[-1] for part in parts])
            np.testing.assert_allclose(
                g["w0"], ends if steps == problem.T else 0 * ends, rtol=1e-12, atol=1e-13
            )


@given(case=cases(max_T=6, max_n=2))
def test_forward_is_real_time_recurrent_learning(case):
    problem, lam, target = case
    blocks = problem.unpack(lam)
    g = hgref.forward(problem, lam, wrt=("W", "U", "b"), partials=True)
    at_each_step = np.zeros((problem.T, g.layout.size))
    for j, (inputs, start) in enumerate(sequences(problem)):
        loops = WilliamsZipser(blocks["W"], blocks["U"], blocks["b"], start)
        for t, x in enumerate(inputs):
            loops.step(x)
            error = np.subtract(loops.y, target.reshape(-1, loops.n)[j])
            at_each_step[t] += np.concatenate([part.ravel() for part in loops.gradient(error)])
    np.testing.assert_allclose(g.partials, at_each_step, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(g.grad, at_each_step[-1], rtol=1e-12, atol=1e-12)


@few
@given(seed=st.integers(0, 2**32 - 1), T=st.integers(1, 12))
def test_realtime_is_their_online_algorithm(seed, T):
    """Unit 0 has a target at each step, and the weights change at each step; p is carried on."""
    rng, h, k, rate = np.random.default_rng(seed), 3, 2, 0.1
    inputs, y = rng.standard_normal((T, k)), rng.uniform(-1, 1, T)
    first = np.zeros((T, h))
    first[:, 0] = 1
    E = LeastSquares(first, y, batches=np.arange(T)[:, None], bias=False)
    problem = hgref.Problem(hgref.Recurrent(inputs, hidden=h), E, T)
    start = {"W": rng.standard_normal((h, h)), "U": rng.standard_normal((h, k)), "b": np.zeros(h)}
    run = hgref.realtime(problem, start, every=1, outer=GradientDescent(rate))
    loops = WilliamsZipser(*start.values(), np.zeros(h))
    for t in range(T):
        loops.step(inputs[t])
        assert run.f[t] == pytest.approx((loops.y[0] - y[t]) ** 2 / 2, rel=1e-11, abs=1e-14)
        loops.w -= rate * np.column_stack(loops.gradient([loops.y[0] - y[t], 0, 0]))
        for name, part in (("W", loops.w[:, :h]), ("U", loops.w[:, h:-1]), ("b", loops.w[:, -1])):
            np.testing.assert_allclose(run[name][t + 1], part, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(run.s_T, loops.y, rtol=1e-11, atol=1e-12)


# --- the other witnesses ---


@given(case=cases(max_T=30))
def test_both_roads_end_at_the_complex_step_through_the_run(case):
    problem, lam, _ = case
    witness = complex_step(problem.f, lam)
    reverse, forward = hgref.reverse(problem, lam), hgref.forward(problem, lam)
    assert relative(reverse.grad, witness) < 1e-11
    assert relative(forward.grad, reverse.grad) < 1e-12
    assert reverse.f == forward.f == problem.f(lam)
    assert np.array_equal(reverse.s_T, forward.s_T)


@few
@given(case=cases())
def test_central_differences_and_the_taylor_slope(case):
    problem, lam, _ = case
    g = hgref.reverse(problem, lam)
    directions = np.random.default_rng(problem.d).choice([-1.0, 1.0], (lam.size, 2))
    slopes, errors = central_differences(problem.f, lam, directions)
    scale = np.linalg.norm(g.grad)
    assert np.all(np.abs(g.grad @ directions - slopes) < 1e-6 * scale + 10 * errors)
    assert np.all(errors < 1e-5 * max(scale, 1e-6))
    slopes = [taylor(problem.f, g.grad, lam, h=0.01, levels=10, seed=k).slope for k in range(5)]
    assert min(slopes) > 1.9


@given(case=cases())
def test_checkpointed_and_full_truncated_are_reverse_to_the_last_bit(case):
    problem, lam, _ = case
    g = hgref.reverse(problem, lam)
    others = [hgref.truncated(problem, lam, K=problem.T), hgref.checkpointed(problem, lam)]
    others += [hgref.checkpointed(problem, lam, every=k) for k in range(1, min(problem.T, 4))]
    for other in others:
        assert np.array_equal(other.grad, g.grad)
        assert other.f == g.f


@given(case=cases())
def test_jacobians_are_the_complex_step_of_one_step(case):
    problem, lam, _ = case
    run = problem.at(lam)
    blocks, layout = run.lam, run.layout
    rng = np.random.default_rng(problem.d)
    t, s = int(rng.integers(1, problem.T + 1)), rng.uniform(-0.9, 0.9, problem.d)
    A, B = hgref.jacobians.A(problem, t, s, lam), hgref.jacobians.B(problem, t, s, lam)
    moved = [problem.dynamics.step(t, s + 1e-30j * e, blocks) for e in np.eye(problem.d)]
    np.testing.assert_allclose(A, np.imag(moved).T / 1e-30, rtol=1e-12, atol=1e-14)
    moved = [problem.dynamics.step(t, s, layout.split(lam + 1e-30j * e)) for e in np.eye(lam.size)]
    np.testing.assert_allclose(B, np.imag(moved).T / 1e-30, rtol=1e-12, atol=1e-14)
    alpha = rng.standard_normal(problem.d)
    row, share = problem.dynamics.vjp(t, s, blocks, alpha)
    np.testing.assert_allclose(row, alpha @ A, rtol=1e-11, atol=1e-12)
    for name, block in layout.split(alpha @ B).items():
        np.testing.assert_allclose(share.get(name, 0 * block), block, rtol=1e-11, atol=1e-12)


def test_blocks_that_are_absent_count_as_zero():
    problem, lam = remember()
    run = problem.at(lam)
    blocks, layout = run.lam, run.layout
    rng = np.random.default_rng(1)
    s, ds = rng.uniform(-1, 1, problem.d), rng.standard_normal((problem.d, 2))
    for name in layout.shapes:
        one = {name: rng.standard_normal((*layout.shapes[name], 2))}
        zeros = {n: np.zeros((*shape, 2)) for n, shape in layout.shapes.items()}
        full = problem.dynamics.jvp(2, s, blocks, ds, {**zeros, **one})
        np.testing.assert_allclose(problem.dynamics.jvp(2, s, blocks, ds, one), full, rtol=1e-14)


# --- errors of the hidden state ---


def remember(T=6, h=3, n=4, seed=0):
    """n sequences whose first input unit 0 shall still hold at the end."""
    rng = np.random.default_rng(seed)
    inputs = 0.3 * rng.standard_normal((T, n, 1))
    inputs[0] = rng.choice([-0.8, 0.8], (n, 1))
    units = np.zeros((n, n * h))
    units[range(n), range(0, n * h, h)] = 1
    E = LeastSquares(units, inputs[0, :, 0], bias=False)
    problem = hgref.Problem(hgref.Recurrent(inputs, hidden=h), E, T)
    lam = problem.pack(
        W=rng.standard_normal((h, h)), U=rng.standard_normal((h, 1)), b=rng.standard_normal(h) / 2
    )
    return problem, lam


def test_it_learns_to_remember_its_first_input():
    problem, lam = remember()
    run = hgref.outer.minimize(
        problem, lam, hypergradient=hgref.reverse, outer=Adam(0.05), iterations=60
    )
    assert run.f[-1] < 0.05 * run.f[0]


def test_a_readout_is_a_callback_with_a_block_of_its_own():
    """E = ½ ‖S Vᵀ − Y‖² of hidden states S (n, h): its gradient in V is direct, ∂E/∂λ."""
    rng, n, h, outputs = np.random.default_rng(2), 3, 4, 2
    Y = rng.standard_normal((n, outputs))

    def miss(w, lam):
        return w.reshape(n, h) @ lam["V"].T - Y

    E = Callback(
        lambda w, lam: np.sum(miss(w, lam) ** 2) / 2,
        lambda w, lam: (miss(w, lam) @ lam["V"]).reshape(-1),
        grad_lam=lambda w, lam: {"V": miss(w, lam).T @ w.reshape(n, h)},
        hyper={"V": (outputs, h)},
    )
    inputs = rng.standard_normal((5, n, 2))
    problem = hgref.Problem(hgref.Recurrent(inputs, hidden=h), E + L2(), 5)
    assert list(problem.layout.shapes) == ["W", "U", "b", "V", "l2"]
    shapes = problem.layout.shapes
    lam = problem.pack(**{name: rng.standard_normal(shape) for name, shape in shapes.items()})
    witness = complex_step(problem.f, lam)
    assert relative(hgref.reverse(problem, lam).grad, witness) < 1e-11
    assert relative(hgref.forward(problem, lam).grad, witness) < 1e-11


# --- check, diagnose, and the layers that do not have it ---


def test_check_judges_it():
    problem, lam = remember()
    g = hgref.reverse(problem, lam)
    assert hgref.check(problem, lam, g.grad)
    assert hgref.check(problem, lam, dict(hgref.forward(problem, lam)))
    assert not hgref.check(problem, lam, {**dict(g), "U": 1.001 * g["U"]})


@pytest.mark.parametrize("learn_w0", [False, True])
def test_diagnose_names_mistakes_and_survives_all_of_them(learn_w0):
    base, lam = remember(h=4)
    problem = hgref.Problem(base.dynamics, base.E, base.T, np.full(base.p, 0.3), learn_w0=learn_w0)
    lam = base.unpack(lam)  # w0 comes from the problem
    g = hgref.reverse(problem, lam)

    def first(candidate):
        return hgref.diagnose(problem, lam, candidate)[0].name

    assert first(-g.grad) == "sign"
    assert first({**dict(g), "W": g["W"].T}) == "transposed"
    assert first(hgref.truncated(problem, lam, K=2).grad) == "truncated"
    shorter = hgref.Problem(base.dynamics, base.E, base.T - 1, problem.w0, learn_w0=learn_w0)
    assert first(hgref.reverse(shorter, lam).grad) == "steps-off-by-one"
    odd = hgref.diagnose(problem, lam, {**dict(g), "W": g["W"] + g["W"].sum()})
    assert len(odd) == 0  # none of the catalogue, alone or in pairs
    assert "no known mistake matches" in str(odd)


def test_the_number_of_steps_is_diagnosed_where_there_are_spare_inputs():
    base, lam = remember(T=7)
    problem = hgref.Problem(base.dynamics, base.E, 5)
    for T in (4, 6):
        other = hgref.reverse(hgref.Problem(base.dynamics, base.E, T), lam).grad
        found = hgref.diagnose(problem, lam, other)[0]
        assert (found.name, found.variant) == ("steps-off-by-one", f"T = {T}")


def test_the_compiled_layer_and_its_plan_refuse_it_in_a_sentence():
    problem, lam = remember()
    for function in (cpu.reverse, cpu.forward, cpu.checkpointed):
        with pytest.raises(TypeError, match="found Recurrent.*use the same function of hgref"):
            function(problem, lam)
    with pytest.raises(TypeError, match="found Recurrent; hgref.reverse keeps 576 B"):
        hgref.plan(problem)


# --- refusals ---


@pytest.mark.parametrize(
    ("inputs", "hidden", "error", "message"),
    [
        (np.zeros(5), 3, ValueError, r"inputs: expected shape \(T, k\) or \(T, n, k\)"),
        (np.zeros((2, 2, 2, 2)), 3, ValueError, r"found \(2, 2, 2, 2\)"),
        (np.zeros((0, 2)), 3, ValueError, r"none of them 0, found \(0, 2\)"),
        (np.zeros((4, 0, 2)), 3, ValueError, r"none of them 0, found \(4, 0, 2\)"),
        ([[1.0], [np.nan]], 3, ValueError, r"inputs: expected finite numbers, found nan at index"),
        ([[1.0], [1.0, 2.0]], 3, ValueError, "inputs: expected a rectangular array"),
        ([["a"]], 3, TypeError, "inputs: expected numbers"),
        (np.zeros((4, 2)), 0, ValueError, "hidden: expected at least 1, found 0"),
        (np.zeros((4, 2)), 2.5, TypeError, "hidden: expected an integer, found 2.5"),
    ],
)
def test_inputs_that_are_none_are_refused(inputs, hidden, error, message):
    with pytest.raises(error, match=message):
        hgref.Recurrent(inputs, hidden=hidden)


def test_problems_that_do_not_fit_are_refused():
    network, E = hgref.Recurrent(np.ones((4, 2)), hidden=3), Quadratic(np.eye(3), np.zeros(3))
    with pytest.raises(ValueError, match="T: expected at most 4, one step an input, found 5"):
        hgref.Problem(network, E, 5)
    with pytest.raises(ValueError, match="E: expected p = 3 weights, as in training, found 2"):
        hgref.Problem(network, Quadratic(np.eye(2), np.zeros(2)), 4)
    problem = hgref.Problem(network, E, 4)
    right = {"W": np.zeros((3, 3)), "U": np.zeros((3, 2)), "b": np.zeros(3)}
    for name, shape in (("W", (4, 3, 3)), ("U", (3,)), ("b", (4,)), ("b", (4, 3)), ("b", ())):
        with pytest.raises(ValueError, match=rf"{name}: expected shape .*, found \("):
            hgref.reverse(problem, {**right, name: np.zeros(shape)})  # (4, …): no schedules
    with pytest.raises(ValueError, match="U: expected finite numbers"):
        hgref.reverse(problem, {**right, "U": np.full((3, 2), np.nan)})
    with pytest.raises(ValueError, match=r"lam: expected shape \(18,\), found \(17,\)"):
        hgref.reverse(problem, np.zeros(17))
