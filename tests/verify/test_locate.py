"""locate: the first number of a trace that its own predecessor does not explain, and no other."""

import numpy as np
import pytest
from strategies import JUMPING, Choice, build

import hgref
from hgref.objectives import L2, Quadratic, Softmax

NONE = "every step of the traces follows from the one before"


def traces(problem, lam):
    return {
        "states": np.array(list(problem.states(lam))),
        "Z": hgref.forward(problem, lam, trace=True).trace,
        "alphas": hgref.reverse(problem, lam, trace=True).trace,
    }


@pytest.mark.parametrize("kind", [np.float64, np.float32])
@pytest.mark.parametrize("dynamics", JUMPING)
def test_a_right_trace_is_never_accused(dynamics, kind):
    """What a run in the type itself would give: each row is made of the rounded one before."""
    problem, lam = build(dynamics, "softmax", Choice(5, 9, *[False] * 3, True, True, (False,) * 5))
    run, identity = problem.at(lam), problem.at(lam).layout.identity()
    s, Z = [run.start().astype(kind)], [run.start_jvp(identity, lam.size).astype(kind)]
    for t in range(1, 10):
        step = run.at(t, s[-1].astype(float))
        Z.append(step.jvp(Z[-1].astype(float), identity).astype(kind))
        s.append(step.value.astype(kind))
    alphas = [run.error_grad(9, s[9].astype(float))[0].astype(kind)]
    for t in range(9, 0, -1):
        step = run.at(t, s[t - 1].astype(float))
        alphas.append(step.vjp(alphas[-1].astype(float))[0].astype(kind))
    found = hgref.locate(problem, lam, np.array(s), np.array(alphas[::-1]), np.array(Z))
    assert not found, found
    assert str(found) == NONE
    grad = run.layout.zeros(like=alphas[0])
    for t in range(9, 0, -1):
        _, share = run.vjp(t, run.at(t, s[t - 1].astype(float)), alphas[9 - t].astype(float))
        for name, block in share.items():
            grad[name] += block.astype(kind)
    grad["w0"] = grad["w0"] + run.start_vjp(alphas[-1])["w0"]
    assert not hgref.locate(problem, lam, s[1:], alphas[-2::-1], Z[1:], grad)
    assert not hgref.locate(problem, lam, s, Z=Z, grad={"eta": alphas[0] @ Z[-1][:, 0]})


def a_problem():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((8, 3)), rng.integers(0, 3, 8)
    J, E = Softmax(X, y, 3, bias=False) + L2("weight"), Softmax(X[:5], y[:5], 3, bias=False)
    problem = hgref.Problem(hgref.Adam(J), E, 6, rng.standard_normal(9))
    rates = {"eta": 0.1, "beta1": 0.8, "beta2": 0.9, "eps": 0.01}
    return problem, problem.pack(**rates, l2=rng.uniform(0.1, 0.3, 9))


@pytest.mark.parametrize("t", [1, 4, 6])
@pytest.mark.parametrize(("block", "offset"), [("m", 0), ("u", 9), ("w", 18)])
def test_a_step_that_is_off_is_named_and_not_what_follows(t, block, offset):
    problem, lam = a_problem()
    run, states = problem.at(lam), list(problem.states(lam))[:t]
    for k in range(t, 7):
        states.append(run.step(k, states[-1]))
        if k == t:
            states[-1] = states[-1].copy()
            states[-1][offset + 5] += 1e-6
    found = hgref.locate(problem, lam, states=states)
    assert (found.trace, found.t, found.block, found.coordinate) == ("states", t, block, 5)
    assert found.cause == "the step"
    assert found.found - found.expected == pytest.approx(1e-6, rel=1e-6)
    assert str(found).startswith(f"s_{t} is off in {block}[5] by the step")


def test_another_start_is_told():
    problem, lam = a_problem()
    states = traces(problem, lam)["states"]
    states[0, 20] = 0.25
    found = hgref.locate(problem, lam, states=states)
    assert (found.t, found.block, found.coordinate, found.cause) == (0, "w", 2, "the start")


def test_a_detached_second_moment_is_an_error_of_a_and_a_wrong_error_of_its_gradient():
    problem, lam = a_problem()
    run = problem.at(lam)
    s, alphas = traces(problem, lam)["states"], traces(problem, lam)["alphas"]
    wrong = alphas.copy()
    for t in range(6, 0, -1):
        wrong[t - 1] = run.at(t, s[t - 1]).vjp(wrong[t])[0]
        if t <= 3:
            wrong[t - 1, 9:18] = 0  # u is a constant from step 3 down
    found = hgref.locate(problem, lam, alphas=wrong)
    assert (found.trace, found.t, found.block, found.cause) == ("alphas", 2, "u", "A_t")
    found = hgref.locate(problem, lam, alphas=2 * alphas)
    assert (found.t, found.block, found.cause) == (6, "w", "∇E")


def test_sensitivities_name_the_column_and_a_or_b():
    problem, lam = a_problem()
    run, identity = problem.at(lam), problem.at(lam).layout.identity()
    s, true = traces(problem, lam)["states"], traces(problem, lam)["Z"]

    def following(change, t):
        Z = true[:t]
        for k in range(t, 7):
            Z = [*Z, change(k, run.at(k, s[k - 1]).jvp(Z[-1], identity), Z[-1])]
        return np.array(Z)

    def forgets_beta1(k, Z, before):
        Z = Z.copy()
        Z[:, 1] -= run.at(k, s[k - 1]).jvp(0 * before, identity)[:, 1]
        return Z

    found = hgref.locate(problem, lam, Z=following(forgets_beta1, 2))
    assert (found.trace, found.t, found.cause) == ("Z", 2, "B_t")
    assert found.column == ("beta1", 0)
    assert ", column beta1[0], by B_t: " in str(found)

    def forgets_H(k, Z, before):  # as if each step's gradient did not depend on w
        moved = np.concatenate([before[:18], 0 * before[18:]])
        return run.at(k, s[k - 1]).jvp(moved, identity) + np.concatenate([0 * moved[:18],
                                                                          before[18:]])  # fmt: skip

    found = hgref.locate(problem, lam, Z=following(forgets_H, 3))
    assert (found.t, found.cause) == (3, "A_t")


def penalised():
    """E has a hyperparameter of its own, the start is learned, and λ is a function of θ."""
    J = Quadratic(np.diag([1.0, 2.0]), [1.0, -1.0]) + L2()
    problem = hgref.Problem(hgref.Momentum(J), J, 8, [0.3, 0.1], learn_w0=True,
                            transform=hgref.transforms.Exp("eta"))  # fmt: skip
    return problem, problem.pack(eta=np.log(0.1), mu=0.8, l2=0.2, w0=[0.3, 0.1])


@pytest.mark.parametrize("block", ["eta", "mu", "l2", "w0"])
def test_a_gradient_that_does_not_follow_from_right_traces(block):
    problem, lam = penalised()
    right, given = hgref.reverse(problem, lam), traces(problem, lam)
    wrong = {name: share * (1 + 1e-9 * (name == block)) for name, share in right.blocks.items()}
    for some in ({"states"}, {"alphas"}, {"Z"}, {"states", "alphas"}, {"Z", "alphas"}):
        about = {name: trace for name, trace in given.items() if name in some}
        assert not hgref.locate(problem, lam, **about, grad=right)
        found = hgref.locate(problem, lam, **about, grad=wrong)
        assert (found.trace, found.block) == ("grad", block), some
        formula = "∂E/∂λ + ∇E Z_T" if some == {"Z"} else "∂E/∂λ + Σ_t α_t B_t"
        assert f"the traces are right, but the gradient is not {formula} in {block}[" in str(found)


def test_a_gradient_is_held_against_the_alphas_that_were_given():
    """A sum over wrong alphas is the right sum: the alphas are what is wrong."""
    problem, lam = penalised()
    run, given = problem.at(lam), traces(problem, lam)
    states, alphas = given["states"], [given["alphas"][8]]
    grad, start = run.error_grad(8, states[8])[1], None
    for t in range(8, 0, -1):
        start, share = run.vjp(t, run.at(t, states[t - 1]), alphas[-1])
        alphas.append(start if t != 5 else 0.5 * start)
        for name, block in share.items():
            grad[name] = grad.get(name, 0) + block
    grad |= run.start_vjp(alphas[-1])
    found = hgref.locate(problem, lam, alphas=alphas[::-1], grad=grad)
    assert (found.trace, found.t, found.cause) == ("alphas", 4, "A_t")
    assert hgref.locate(problem, lam, states=states, grad=grad).trace == "grad"


def test_nan_is_off_and_so_is_a_trace_of_another_learning_rate():
    problem, lam = a_problem()
    states = traces(problem, lam)["states"]
    states[3, 1] = np.nan
    assert hgref.locate(problem, lam, states=states).t == 3
    for name, trace in traces(problem, lam).items():
        trace[0] = np.nan  # it was given, and is no number
        found = hgref.locate(problem, lam, **{name: trace})
        assert (found.trace, found.t) == (name, 0)
    other = np.array(list(problem.states({**problem.unpack(lam), "eta": 0.11})))
    found = hgref.locate(problem, lam, states=other)
    assert (found.t, found.block) == (1, "w")
    grad = {"eta": np.array(np.nan)}
    assert (
        hgref.locate(problem, lam, alphas=traces(problem, lam)["alphas"], grad=grad).block == "eta"
    )


def test_the_states_of_the_user_are_where_products_are_taken():
    """A run in float32: its multipliers belong to its own states."""
    J = Quadratic(np.diag([1.0, 2.0]), [1.0, -1.0])
    E = Softmax([[1.0]], [0], 2, bias=False)
    problem = hgref.Problem(hgref.GradientDescent(J), E, 40, [0.3, 0.1])
    run, lam = problem.at([0.1]), [0.1]
    s = [run.start().astype(np.float32)]
    for t in range(1, 41):
        s.append(run.step(t, s[-1].astype(float)).astype(np.float32))
    alphas = [run.error_grad(40, s[-1].astype(float))[0]]
    for t in range(40, 0, -1):
        alphas.append(run.at(t, s[t - 1].astype(float)).vjp(alphas[-1])[0])
    assert not hgref.locate(problem, lam, np.array(s), np.array(alphas[::-1]))


def test_what_is_refused():
    problem, lam = a_problem()
    with pytest.raises(ValueError, match="locate: expected states, alphas or Z, found none"):
        hgref.locate(problem, lam, grad={"eta": 1.0})
    with pytest.raises(ValueError, match="hyperparameter in the candidate"):
        hgref.locate(problem, lam, alphas=np.zeros((7, 27)), grad={"rate": 1.0})
    with pytest.raises(ValueError, match=r"states: expected shape \(7, 27\), found \(5, 27\)"):
        hgref.locate(problem, lam, states=np.zeros((5, 27)))
    with pytest.raises(ValueError, match=r"states: expected shape \(7, 27\), found \(\)"):
        hgref.locate(problem, lam, states=3.0)
    with pytest.raises(TypeError, match="Z: expected real numbers"):
        hgref.locate(problem, lam, Z=np.zeros((7, 27, 13), complex))
