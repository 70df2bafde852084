"""Wrong hypergradients in JAX, as users write them: a loop, and jax.grad or a pass back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial, wraps
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import grad, lax, vjp
from jax.flatten_util import ravel_pytree
from settings import CLASSES, Loops, Setting

LOOPS = Loops()
Gradient = dict[str, Any]
stop = lax.stop_gradient


def in_float64(function: Callable[[Setting], Gradient]) -> Callable[[Setting], Gradient]:
    """With float64, inside this function and nowhere else in the process."""

    @wraps(function)
    def with_float64(s: Setting) -> Gradient:
        with jax.enable_x64(True):
            return jax.tree.map(np.asarray, function(s))

    return with_float64


def wrong(
    *names: str, on: tuple[str, ...], lost: tuple[str, int, str] | None = None
) -> Callable[[Any], Any]:
    """LOOPS.wrong, of the function in float64; a second mark is put on the same function."""
    mark = LOOPS.wrong(*names, on=on, lost=lost)
    return lambda function: mark(
        function if hasattr(function, "__wrapped__") else in_float64(function)
    )


# --- right building blocks ---


def logits(w, X):
    """(n, CLASSES) of a linear model, or of the network if w is longer."""
    D = X.shape[1]
    if w.size > CLASSES * (D + 1):
        W1, b1, w = w[: 5 * D].reshape(5, D), w[5 * D : 5 * D + 5], w[5 * D + 5 :]
        X = jnp.tanh(X @ W1.T + b1)
    return X @ w[:-CLASSES].reshape(CLASSES, -1).T + w[-CLASSES:]


def losses(w, X, y):
    """Each example's loss: ridge, logistic, softmax or network, as the size of w says."""
    D = X.shape[1]
    if w.size == D:
        return (X @ w - y) ** 2 / 2
    if w.size == D + 1:
        z = X @ w[:D] + w[D]
        return jnp.logaddexp(0, z) - y * z
    z = logits(w, X)
    return jax.nn.logsumexp(z, 1) - z[jnp.arange(len(y)), y]


def examples(s, t):
    """X and y of step t."""
    rows = slice(None) if s.batches is None else jnp.asarray(s.batches)[t - 1]
    return jnp.asarray(s.X)[rows], jnp.asarray(s.y)[rows]


def J(w, lam, s, t):
    """The training loss of step t."""
    data = jnp.mean(lam.get("weights", 1.0) * losses(w, *examples(s, t)))
    return data + lam.get("l2", 0.0) / 2 * (w @ w)


def E(w, lam, s):
    """The validation error, with a penalty where the setting has one."""
    l2 = lam["l2"] if "l2" in s.problem.E.hyper(w.size) else 0.0
    return jnp.mean(losses(w, s.Xv, s.yv)) + l2 / 2 * (w @ w)


def rate(lam, t):
    return jnp.asarray(lam["eta"])[t - 1] if jnp.ndim(lam["eta"]) else lam["eta"]


def start(s, lam):
    """s_0: the weights, and zeros for velocities and running means."""
    w = jnp.asarray(lam.get("w0", s.w0))
    memory = {"mu": "v", "beta1": "m", "beta2": "u", "beta": "u"}
    return {"w": w, **{memory[name]: jnp.zeros_like(w) for name in lam if name in memory}}


def step(state, lam, s, t, J=J):
    """One right step of gradient descent, momentum, RMSProp, Adam or AdamW."""
    w, g = state["w"], grad(J)(state["w"], lam, s, t)
    if "mu" in lam:
        v = lam["mu"] * state["v"] + g
        return {"w": w - lam["eta"] * v, "v": v}
    if "beta" in lam:
        u = lam["beta"] * state["u"] + (1 - lam["beta"]) * g**2
        return {"w": w - lam["eta"] * g / (jnp.sqrt(u) + lam["eps"]), "u": u}
    if "beta1" in lam:
        b1, b2 = lam["beta1"], lam["beta2"]
        m, u = b1 * state["m"] + (1 - b1) * g, b2 * state["u"] + (1 - b2) * g**2
        ahead = m / (1 - b1**t) / (jnp.sqrt(u / (1 - b2**t)) + lam["eps"])
        kept = 1 - lam["eta"] * lam.get("weight_decay", 0.0)
        return {"w": kept * w - lam["eta"] * ahead, "m": m, "u": u}
    return {"w": w - rate(lam, t) * g}


def train(s, lam, T=None):
    """w_T."""
    state = start(s, lam)
    for t in range(1, (T or s.T) + 1):
        state = step(state, lam, s, t)
    return state["w"]


def states(s):
    """s_0, …, s_T."""
    past = [start(s, s.lam)]
    for t in range(1, s.T + 1):
        past.append(step(past[-1], s.lam, s, t))
    return past


def pull(alpha, state, s, t, step=step):
    """α A_t and α B_t at a state."""
    return vjp(partial(step, s=s, t=t), state, s.lam)[1](alpha)


def last(s, state):
    """∇E with respect to a state, and to λ."""
    alpha = jax.tree.map(jnp.zeros_like, state)
    of_w, of_lam = grad(E, (0, 1))(state["w"], s.lam, s)
    return {**alpha, "w": of_w}, of_lam


def add(a, b):
    return jax.tree.map(jnp.add, a, b)


def learned(s, total, alpha):
    """The gradient, with α_0 for the start if that is learned."""
    return {**total, "w0": alpha["w"]} if "w0" in s.lam else total


def note(s, trace, state):
    """Note a state, or its α: its blocks in the order of their names, so that w is the last."""
    s.note(trace, *(state[name] for name in sorted(state)))


def noted(s, step=step, error=E):
    """The gradient of this error after these steps. Its states and its α_t are noted.

    α_t is the derivative in a zero that is added to s_t.
    """

    def f(lam, zeros):
        past = [add(start(s, lam), zeros[0])]
        for t in range(1, s.T + 1):
            past.append(add(step(past[-1], lam, s, t), zeros[t]))
        return error(past[-1]["w"], lam, s), past

    zeros = [jax.tree.map(jnp.zeros_like, start(s, s.lam))] * (s.T + 1)
    (found, alphas), past = grad(f, (0, 1), has_aux=True)(s.lam, zeros)
    for state, alpha in zip(past, alphas[::-1], strict=True):
        note(s, "states", state)
        note(s, "alphas", alpha)
    return found


@in_float64
def right(s: Setting) -> Gradient:
    return grad(lambda lam: E(train(s, lam), lam, s))(s.lam)


@in_float64
def right_by_hand(s: Setting) -> Gradient:
    """The same, by α_t."""
    past = states(s)
    alpha, total = last(s, past[-1])
    for t in range(s.T, 0, -1):
        alpha, share = pull(alpha, past[t - 1], s, t)
        total = add(total, share)
    return learned(s, total, alpha)


# --- derivatives that are lost ---


@wrong("first-order", on=("softmax_gd", "softmax_schedule", "ridge_start"))
def weights_detached_inside_the_gradient(s: Setting) -> Gradient:
    """The training gradient is taken at stop_gradient(w)."""

    def f(lam):
        w = jnp.asarray(lam.get("w0", s.w0))
        for t in range(1, s.T + 1):
            w = w - rate(lam, t) * grad(J)(stop(w), lam, s, t)
        return E(w, lam, s)

    return grad(f)(s.lam)


@wrong("first-order", on=("weighted_momentum", "batches_momentum", "mlp_momentum"))
def gradient_with_its_own_backward_pass(s: Setting) -> Gradient:
    """A custom_vjp of the training gradient knows M, and gives nothing to w."""

    @partial(jax.custom_vjp, nondiff_argnums=(2,))
    def g(w, lam, t):
        return grad(J)(w, lam, s, t)

    def back(t, kept, u):
        w, lam = kept
        return jnp.zeros_like(w), vjp(lambda lam: grad(J)(w, lam, s, t), lam)[1](u)[0]

    g.defvjp(lambda w, lam, t: (g(w, lam, t), (w, lam)), back)

    def f(lam):
        w, v = s.w0, jnp.zeros_like(s.w0)
        for t in range(1, s.T + 1):
            v = lam["mu"] * v + g(w, lam, t)
            w = w - lam["eta"] * v
        return E(w, lam, s)

    return grad(f)(s.lam)


@wrong("first-order", on=("softmax_rmsprop",))
def rmsprop_without_second_derivatives(s: Setting) -> Gradient:
    """w is detached before the gradient, in a scan."""

    def f(lam):
        def body(state, t):
            w, u = state
            g = grad(J)(stop(w), lam, s, t)
            u = lam["beta"] * u + (1 - lam["beta"]) * g**2
            return (w - lam["eta"] * g / (jnp.sqrt(u) + lam["eps"]), u), None

        (w, _), _ = lax.scan(body, (s.w0, jnp.zeros_like(s.w0)), jnp.arange(1, s.T + 1))
        return E(w, lam, s)

    return grad(f)(s.lam)


@wrong("zero", on=("mlp_momentum", "logistic_adamw"))
def closes_over_the_numbers(s: Setting) -> Gradient:
    """The loop reads the hyperparameters of the enclosing scope, not its argument."""

    def f(lam):
        state = start(s, s.lam)
        for t in range(1, s.T + 1):
            state = step(state, s.lam, s, t)
        return E(state["w"], lam, s)

    return grad(f)(s.lam)


@wrong("zero", on=("ridge_start", "softmax_rmsprop"))
def trained_weights_detached(s: Setting) -> Gradient:
    """The error is evaluated at stop_gradient(w_T)."""

    def f(lam):
        state = start(s, lam)
        for t in range(1, s.T + 1):
            state = step(state, lam, s, t)
        return E(stop(state["w"]), lam, s)

    return grad(f)(s.lam)


@wrong("only-direct-term", on=("penalised_error",))
def trained_weights_detached_under_a_penalty(s: Setting) -> Gradient:
    """The error is evaluated at stop_gradient(w_T), but knows l2 itself."""

    def f(lam):
        w, v = s.w0, 0.0
        for t in range(1, s.T + 1):
            v = lam["mu"] * v + grad(J)(w, lam, s, t)
            w = w - lam["eta"] * v
        w = stop(w)
        return jnp.mean(losses(w, s.Xv, s.yv)) + lam["l2"] / 2 * jnp.sum(w**2)

    return grad(f)(s.lam)


@wrong("direct-term-forgotten", on=("penalised_error",))
def penalty_of_the_error_detached(s: Setting) -> Gradient:
    """The coefficient in the validation error is a constant."""

    def f(lam):
        w, v = s.w0, 0.0
        for t in range(1, s.T + 1):
            v = lam["mu"] * v + grad(J)(w, lam, s, t)
            w = w - lam["eta"] * v
        return E(w, stop(lam), s)

    return grad(f)(s.lam)


@wrong("rate-detached", on=("weighted_momentum", "softmax_rmsprop"))
def rate_as_a_float(s: Setting) -> Gradient:
    """The optimizer is built once, with float(eta)."""
    update = partial(step, s=s)

    def f(lam):
        fed = {**lam, "eta": float(s.lam["eta"])}
        state = start(s, lam)
        for t in range(1, s.T + 1):
            state = update(state, fed, t=t)
        return E(state["w"], lam, s)

    return grad(f)(s.lam)


@wrong("rate-detached", on=("mlp_momentum", "batches_momentum"))
def momentum_coefficient_as_a_constant(s: Setting) -> Gradient:
    """mu is detached."""

    def f(lam):
        w, v = s.w0, jnp.zeros_like(s.w0)
        for t in range(1, s.T + 1):
            v = stop(lam["mu"]) * v + grad(J)(w, lam, s, t)
            w = w - lam["eta"] * v
        return E(w, lam, s)

    return grad(f)(s.lam)


@wrong("rate-detached", on=("logistic_adam", "logistic_adamw"))
def adam_with_its_usual_beta2(s: Setting) -> Gradient:
    """beta2 goes into the optimizer as a number."""

    def f(lam):
        state = start(s, lam)
        for t in range(1, s.T + 1):
            state = step(state, {**lam, "beta2": s.lam["beta2"]}, s, t)
        return E(state["w"], lam, s)

    return grad(f)(s.lam)


@wrong("w0-not-learned", on=("ridge_start",))
def start_from_the_setting(s: Setting) -> Gradient:
    """The run starts at the array s.w0, not at the block w0."""

    def f(lam):
        w = s.w0
        for t in range(1, s.T + 1):
            w = w - lam["eta"] * grad(J)(w, lam, s, t)
        return E(w, lam, s)

    return grad(f)(s.lam)


@wrong("mixed-term-dropped", on=("softmax_gd", "weighted_momentum", "mlp_momentum"))
def objective_sees_constants(s: Setting) -> Gradient:
    """The training loss is called with detached hyperparameters."""

    def f(lam):
        state = start(s, lam)
        for t in range(1, s.T + 1):
            state = step(state, lam, s, t, lambda w, lam, s, t: J(w, stop(lam), s, t))
        return E(state["w"], lam, s)

    return grad(f)(s.lam)


@wrong("mixed-term-dropped", on=("weighted_momentum",))
def example_weights_detached(s: Setting) -> Gradient:
    """The example weights are a constant, l2 is not."""

    def f(lam):
        w, v = s.w0, 0.0
        fed = {**lam, "weights": stop(lam["weights"])}
        for t in range(1, s.T + 1):
            v = lam["mu"] * v + grad(J)(w, fed, s, t)
            w = w - lam["eta"] * v
        return E(w, lam, s)

    return grad(f)(s.lam)


@wrong("accessory-state-detached", on=("batches_momentum", "mlp_momentum", "penalised_error"))
def velocity_detached(s: Setting) -> Gradient:
    """The velocity of the step before is a constant."""

    def f(lam):
        w, v = s.w0, jnp.zeros_like(s.w0)
        for t in range(1, s.T + 1):
            v = lam["mu"] * stop(v) + grad(J)(w, lam, s, t)
            w = w - lam["eta"] * v
        return E(w, lam, s)

    return grad(f)(s.lam)


@wrong("accessory-state-detached", on=("logistic_adam", "logistic_adamw", "softmax_rmsprop"))
def only_the_weights_carry_derivatives(s: Setting) -> Gradient:
    """The optimizer's state is stored without its history."""

    def f(lam):
        state = start(s, lam)
        for t in range(1, s.T + 1):
            kept = {name: x if name == "w" else stop(x) for name, x in state.items()}
            state = step(kept, lam, s, t)
        return E(state["w"], lam, s)

    return grad(f)(s.lam)


@wrong("accessory-state-detached", on=("logistic_adam",))
def second_moment_detached(s: Setting) -> Gradient:
    """u of the step before is a constant, m is not."""

    def f(lam):
        state = start(s, lam)
        for t in range(1, s.T + 1):
            state = step({**state, "u": stop(state["u"])}, lam, s, t)
        return E(state["w"], lam, s)

    return grad(f)(s.lam)


@wrong("first-velocity-detached", on=("weighted_momentum", "penalised_error"))
def buffer_made_of_a_detached_gradient(s: Setting) -> Gradient:
    """v is None at first, and becomes stop_gradient(g)."""

    def f(lam):
        w, v = s.w0, None
        for t in range(1, s.T + 1):
            g = grad(J)(w, lam, s, t)
            v = stop(g) if v is None else lam["mu"] * v + g
            w = w - lam["eta"] * v
        return E(w, lam, s)

    return grad(f)(s.lam)


@wrong("truncated", on=("softmax_gd", "logistic_adam", "mlp_momentum", "ridge_start"))
def state_detached_four_steps_before_the_end(s: Setting) -> Gradient:
    """stop_gradient on the whole state after step T − 4."""

    def f(lam):
        state = start(s, lam)
        for t in range(1, s.T + 1):
            state = step(state, lam, s, t)
            if t == s.T - 4:
                state = stop(state)
        return E(state["w"], lam, s)

    return grad(f)(s.lam)


@wrong("truncated", on=("batches_momentum", "weighted_momentum", "penalised_error"))
def seven_steps_after_a_warm_start(s: Setting) -> Gradient:
    """The first steps are run outside of f, which trains for seven more."""
    state = start(s, s.lam)
    for t in range(1, s.T - 6):
        state = step(state, s.lam, s, t)

    def f(lam):
        w, v = state["w"], state["v"]
        for t in range(s.T - 6, s.T + 1):
            v = lam["mu"] * v + grad(J)(w, lam, s, t)
            w = w - lam["eta"] * v
        return E(w, lam, s)

    return grad(f)(s.lam)


@wrong("truncated", on=("softmax_schedule", "logistic_adamw", "softmax_rmsprop"))
def two_scans(s: Setting) -> Gradient:
    """A scan with detached hyperparameters, then one of eleven steps with them."""

    def f(lam):
        def body(lam, state, t):
            return step(state, lam, s, t), None

        middle = s.T - 11
        state, _ = lax.scan(partial(body, stop(lam)), start(s, lam), jnp.arange(1, middle + 1))
        state, _ = lax.scan(partial(body, lam), state, jnp.arange(middle + 1, s.T + 1))
        return E(state["w"], lam, s)

    return grad(f)(s.lam)


@wrong("bias-correction-constant", on=("logistic_adam", "logistic_adamw"))
def bias_correction_from_numbers(s: Setting) -> Gradient:
    """1 − β^t is computed with the float values of β1 and β2."""
    b1, b2 = float(s.lam["beta1"]), float(s.lam["beta2"])

    def f(lam):
        w, m, u = s.w0, 0.0, 0.0
        for t in range(1, s.T + 1):
            g = grad(J)(w, lam, s, t)
            m = lam["beta1"] * m + (1 - lam["beta1"]) * g
            u = lam["beta2"] * u + (1 - lam["beta2"]) * g**2
            w = w - lam["eta"] * lam.get("weight_decay", 0.0) * w
            w = w - lam["eta"] * m / (1 - b1**t) / (jnp.sqrt(u / (1 - b2**t)) + lam["eps"])
        return E(w, lam, s)

    return grad(f)(s.lam)


# --- another run ---


@wrong("nesterov", on=("weighted_momentum", "mlp_momentum", "batches_momentum"))
def looks_ahead(s: Setting) -> Gradient:
    """nesterov=True."""

    def f(lam):
        w, v = s.w0, jnp.zeros_like(s.w0)
        for t in range(1, s.T + 1):
            g = grad(J)(w, lam, s, t)
            v = lam["mu"] * v + g
            w = w - lam["eta"] * (g + lam["mu"] * v)
        return E(w, lam, s)

    return grad(f)(s.lam)


@wrong("averaged-momentum", on=("batches_momentum", "penalised_error", "mlp_momentum"))
def velocity_is_a_running_mean(s: Setting) -> Gradient:
    """v is an exponential mean of the gradients."""

    def f(lam):
        mu = lam["mu"]

        def body(state, t):
            w, v = state
            v = mu * v + (1 - mu) * grad(J)(w, lam, s, t)
            return (w - lam["eta"] * v, v), v

        (w, _), _ = lax.scan(body, (s.w0, jnp.zeros_like(s.w0)), jnp.arange(1, s.T + 1))
        return E(w, lam, s)

    return grad(f)(s.lam)


def adam_tf1(state, lam, s, t):
    """TensorFlow 1's: the corrections are folded into the rate."""
    g, b1, b2 = grad(J)(state["w"], lam, s, t), lam["beta1"], lam["beta2"]
    m, u = b1 * state["m"] + (1 - b1) * g, b2 * state["u"] + (1 - b2) * g * g
    eta = lam["eta"] * jnp.sqrt(1 - b2**t) / (1 - b1**t)
    kept = 1 - lam["eta"] * lam.get("weight_decay", 0.0)
    return {"w": kept * state["w"] - eta * m / (jnp.sqrt(u) + lam["eps"]), "m": m, "u": u}


@wrong("adam-convention", on=("logistic_adam", "logistic_adamw"))
def adam_of_an_older_library(s: Setting) -> Gradient:
    """ε is added to √u before the correction."""

    def f(lam):
        state = start(s, lam)
        for t in range(1, s.T + 1):
            state = adam_tf1(state, lam, s, t)
        return E(state["w"], lam, s)

    return grad(f)(s.lam)


@wrong("adam-convention", on=("logistic_adam",))
def adam_as_the_papers_code_has_it(s: Setting) -> Gradient:
    """w − η √(1 − β2^t) / (1 − β1^t) m / √(u + ε)."""

    def f(lam):
        w, m, u = s.w0, 0.0, 0.0
        for t in range(1, s.T + 1):
            g = grad(J)(w, lam, s, t)
            m = lam["beta1"] * m + (1 - lam["beta1"]) * g
            u = lam["beta2"] * u + (1 - lam["beta2"]) * g**2
            c = jnp.sqrt(1 - lam["beta2"] ** t) / (1 - lam["beta1"] ** t)
            w = w - lam["eta"] * c * m / jnp.sqrt(u + lam["eps"])
        return E(w, lam, s)

    return grad(f)(s.lam)


@wrong("adam-convention", "epsilon-place", on=("logistic_adam", "logistic_adamw"))
def eps_given_as_eps_root(s: Setting) -> Gradient:
    """optax.adam(eta, eps=0, eps_root=eps): ε is inside the root."""

    def f(lam):
        w, m, u = s.w0, 0.0, 0.0
        for t in range(1, s.T + 1):
            g = grad(J)(w, lam, s, t)
            m = lam["beta1"] * m + (1 - lam["beta1"]) * g
            u = lam["beta2"] * u + (1 - lam["beta2"]) * g**2
            mh, uh = m / (1 - lam["beta1"] ** t), u / (1 - lam["beta2"] ** t)
            decay = lam.get("weight_decay", 0.0) * w
            w = w - lam["eta"] * (mh / jnp.sqrt(uh + lam["eps"]) + decay)
        return E(w, lam, s)

    return grad(f)(s.lam)


@wrong("differentiated-another-map", on=("logistic_adam", "logistic_adamw"))
def jacobians_of_an_older_adam(s: Setting) -> Gradient:
    """The states are right, the pass back is that of TensorFlow 1's step."""
    past = states(s)
    alpha, total = last(s, past[-1])
    for t in reversed(range(1, s.T + 1)):
        alpha, share = pull(alpha, past[t - 1], s, t, adam_tf1)
        total = add(total, share)
    return total


@wrong("differentiated-another-map", on=("softmax_rmsprop",))
def jacobians_with_eps_inside(s: Setting) -> Gradient:
    """The states have √u + ε, the pass back √(u + ε)."""

    def inside(state, lam, s, t):
        g = grad(J)(state["w"], lam, s, t)
        u = lam["beta"] * state["u"] + (1 - lam["beta"]) * g * g
        return {"w": state["w"] - lam["eta"] * g / jnp.sqrt(u + lam["eps"]), "u": u}

    past = states(s)
    alpha, total = last(s, past[-1])
    while len(past) > 1:
        past.pop()
        alpha, share = pull(alpha, past[-1], s, len(past), inside)
        total = add(total, share)
    return total


@wrong("differentiated-another-map", on=("mlp_momentum", "weighted_momentum"))
def jacobians_of_nesterov(s: Setting) -> Gradient:
    """Plain momentum is run, its look-ahead variant is differentiated."""

    def ahead(state, lam, s, t):
        g = grad(J)(state["w"], lam, s, t)
        v = lam["mu"] * state["v"] + g
        return {"w": state["w"] - lam["eta"] * (g + lam["mu"] * v), "v": v}

    past = states(s)
    alpha, total = last(s, past[-1])
    for t in range(s.T, 0, -1):
        alpha, share = pull(alpha, past[t - 1], s, t, ahead)
        total = add(total, share)
    return total


def adam_corrected(s, c1, c2):
    """Adam or AdamW with these bias corrections, functions of (lam, t)."""

    def f(lam):
        w, m, u = s.w0, jnp.zeros_like(s.w0), jnp.zeros_like(s.w0)
        for t in range(1, s.T + 1):
            g = grad(J)(w, lam, s, t)
            m = lam["beta1"] * m + (1 - lam["beta1"]) * g
            u = lam["beta2"] * u + (1 - lam["beta2"]) * g**2
            d = m / c1(lam, t) / (jnp.sqrt(u / c2(lam, t)) + lam["eps"])
            w = w - lam["eta"] * (d + lam.get("weight_decay", 0.0) * w)
        return E(w, lam, s)

    return grad(f)(s.lam)


@wrong("bias-correction-missing", on=("logistic_adam", "logistic_adamw"))
def adam_without_corrections(s: Setting) -> Gradient:
    """m / (√u + ε)."""
    return adam_corrected(s, lambda lam, t: 1.0, lambda lam, t: 1.0)


@wrong("bias-correction-missing", on=("logistic_adam", "logistic_adamw"))
def only_m_is_corrected(s: Setting) -> Gradient:
    """m is divided by 1 − β1^t, u by nothing."""
    return adam_corrected(s, lambda lam, t: 1 - lam["beta1"] ** t, lambda lam, t: 1.0)


@wrong("bias-correction-missing", on=("logistic_adam", "logistic_adamw"))
def only_u_is_corrected(s: Setting) -> Gradient:
    """u is divided by 1 − β2^t, m by nothing."""
    return adam_corrected(s, lambda lam, t: 1.0, lambda lam, t: 1 - lam["beta2"] ** t)


@wrong("bias-correction-off-by-one", on=("logistic_adam", "logistic_adamw"))
def counter_raised_twice(s: Setting) -> Gradient:
    """The step count is raised before the loop and in it."""

    def f(lam):
        w, m, u, count = s.w0, 0.0, 0.0, 1
        for t in range(1, s.T + 1):
            count += 1
            g = grad(J)(w, lam, s, t)
            m = lam["beta1"] * m + (1 - lam["beta1"]) * g
            u = lam["beta2"] * u + (1 - lam["beta2"]) * g**2
            mh, uh = m / (1 - lam["beta1"] ** count), u / (1 - lam["beta2"] ** count)
            w = w * (1 - lam["eta"] * lam.get("weight_decay", 0.0))
            w = w - lam["eta"] * mh / (jnp.sqrt(uh) + lam["eps"])
        return E(w, lam, s)

    return grad(f)(s.lam)


@wrong("epsilon-place", on=("softmax_rmsprop",))
def eps_inside_the_root(s: Setting) -> Gradient:
    """optax.rmsprop's default."""

    def f(lam):
        w, u = s.w0, jnp.zeros_like(s.w0)
        for t in range(1, s.T + 1):
            g = grad(J)(w, lam, s, t)
            u = lam["beta"] * u + (1 - lam["beta"]) * g**2
            w = w - lam["eta"] * g * lax.rsqrt(u + lam["eps"])
        return E(w, lam, s)

    return grad(f)(s.lam)


@wrong("accumulator-start", on=("softmax_rmsprop", "logistic_adam"))
def squares_start_at_one(s: Setting) -> Gradient:
    """u_0 = 1."""

    def f(lam):
        state = {**start(s, lam), "u": jnp.ones_like(s.w0)}
        for t in range(1, s.T + 1):
            state = step(state, lam, s, t)
        return E(state["w"], lam, s)

    return grad(f)(s.lam)


@wrong("accumulator-start", on=("softmax_rmsprop",))
def squares_start_at_a_tenth(s: Setting) -> Gradient:
    """initial_accumulator_value=0.1, in a scan."""

    def f(lam):
        def body(state, t):
            w, u = state
            g = grad(J)(w, lam, s, t)
            u = lam["beta"] * u + (1 - lam["beta"]) * g**2
            return (w - lam["eta"] * g / (jnp.sqrt(u) + lam["eps"]), u), None

        (w, _), _ = lax.scan(body, (s.w0, jnp.full_like(s.w0, 0.1)), jnp.arange(1, s.T + 1))
        return E(w, lam, s)

    return grad(f)(s.lam)


@wrong("bias-correction-added", on=("softmax_rmsprop",))
def rmsprop_corrected_as_adam_is(s: Setting) -> Gradient:
    """u is divided by 1 − β^t."""

    def f(lam):
        w, u = s.w0, jnp.zeros_like(s.w0)
        for t in range(1, s.T + 1):
            g = grad(J)(w, lam, s, t)
            u = lam["beta"] * u + (1 - lam["beta"]) * g**2
            root = jnp.sqrt(u / (1 - lam["beta"] ** t))
            w = w - lam["eta"] * g / (root + lam["eps"])
        return E(w, lam, s)

    return grad(f)(s.lam)


@wrong("decay-without-rate", on=("logistic_adamw",))
def decay_is_not_scaled(s: Setting) -> Gradient:
    """w shrinks by weight_decay a step."""

    def f(lam):
        state = start(s, lam)
        for t in range(1, s.T + 1):
            w = state["w"]
            state = step(state, {**lam, "weight_decay": 0.0}, s, t)
            state["w"] = state["w"] - lam["weight_decay"] * w
        return E(state["w"], lam, s)

    return grad(f)(s.lam)


@wrong("decay-without-rate", on=("logistic_adamw",))
def decay_joined_after_the_rate(s: Setting) -> Gradient:
    """The decay is added to updates that already have their rate."""

    def f(lam):
        b1, b2 = lam["beta1"], lam["beta2"]

        def body(state, t):
            w, m, u = state
            g = grad(J)(w, lam, s, t)
            m, u = b1 * m + (1 - b1) * g, b2 * u + (1 - b2) * jnp.square(g)
            update = m / (1 - b1**t) / (jnp.sqrt(u / (1 - b2**t)) + lam["eps"])
            update = -lam["eta"] * update - lam["weight_decay"] * w
            return (w + update, m, u), None

        zeros = jnp.zeros_like(s.w0)
        (w, _, _), _ = lax.scan(body, (s.w0, zeros, zeros), jnp.arange(1, s.T + 1))
        return E(w, lam, s)

    return grad(f)(s.lam)


@wrong("decoupled-decay", on=("weighted_momentum", "logistic_adam", "softmax_rmsprop"))
def penalty_beside_the_optimizer(s: Setting) -> Gradient:
    """The penalty shrinks the weights directly, after the optimizer's step on the data's loss."""

    def f(lam):
        fed = {**lam, "l2": 0.0}
        state = start(s, lam)
        for t in range(1, s.T + 1):
            shrink = lam["eta"] * lam["l2"] * state["w"]
            state = step(state, fed, s, t)
            state["w"] = state["w"] - shrink
        return E(state["w"], lam, s)

    return grad(f)(s.lam)


@wrong("decoupled-decay", on=("logistic_adamw",))
def adam_with_weight_decay_in_the_gradient(s: Setting) -> Gradient:
    """torch.optim.Adam(weight_decay=…) in place of AdamW."""

    def f(lam):
        state, fed = start(s, lam), {**lam, "l2": lam["weight_decay"], "weight_decay": 0.0}
        for t in range(1, s.T + 1):
            state = step(state, fed, s, t)
        return E(state["w"], lam, s)

    return grad(f)(s.lam)


@wrong("decay-missing", on=("softmax_gd", "batches_momentum", "logistic_adam"))
def loss_without_its_penalty(s: Setting) -> Gradient:
    """Only the data's loss is trained."""

    def of_data(w, lam, s, t):
        return losses(w, *examples(s, t)).mean()

    def f(lam):
        state = start(s, lam)
        for t in range(1, s.T + 1):
            state = step(state, lam, s, t, of_data)
        return E(state["w"], lam, s)

    return grad(f)(s.lam)


@wrong("decay-missing", on=("logistic_adamw",))
def adam_in_place_of_adamw(s: Setting) -> Gradient:
    """Adam, which has no decay."""

    def f(lam):
        state, fed = start(s, lam), {name: x for name, x in lam.items() if name != "weight_decay"}
        for t in range(1, s.T + 1):
            state = step(state, fed, s, t)
        return E(state["w"], lam, s)

    return grad(f)(s.lam)


@wrong("half-missing", on=("softmax_gd", "mlp_momentum", "logistic_adam", "softmax_schedule"))
def penalty_is_the_sum_of_squares(s: Setting) -> Gradient:
    """l2 · sum(w²)."""

    def loss(w, lam, s, t):
        return jnp.mean(losses(w, *examples(s, t))) + lam["l2"] * jnp.sum(w**2)

    def f(lam):
        state = start(s, lam)
        for t in range(1, s.T + 1):
            state = step(state, lam, s, t, loss)
        return E(state["w"], lam, s)

    return grad(f)(s.lam)


@wrong("penalty-in-E", on=("softmax_gd", "weighted_momentum", "logistic_adam"))
def error_with_the_training_penalty(s: Setting) -> Gradient:
    """One function, data's loss and penalty, serves both sets."""

    def loss(w, lam, X, y, weights=1.0):
        return jnp.mean(weights * losses(w, X, y)) + lam["l2"] / 2 * jnp.sum(w**2)

    def f(lam):
        w = train(s, lam)
        return loss(w, lam, s.Xv, s.yv)

    return grad(f)(s.lam)


@wrong("sum-for-mean", on=("ridge_start", "penalised_error", "logistic_adamw"))
def error_is_a_sum(s: Setting) -> Gradient:
    """The validation losses are summed."""

    def f(lam):
        state = start(s, lam)
        for t in range(1, s.T + 1):
            state = step(state, lam, s, t)
        w = state["w"]
        mean = jnp.mean(losses(w, s.Xv, s.yv))
        return E(w, lam, s) - mean + jnp.sum(losses(w, s.Xv, s.yv))

    return grad(f)(s.lam)


@wrong("sum-for-mean", on=("softmax_rmsprop", "logistic_adam"))
def training_loss_is_a_sum(s: Setting) -> Gradient:
    """The training losses are summed, the penalty is as asked."""

    def loss(w, lam, s, t):
        return jnp.sum(losses(w, s.X, s.y)) + lam["l2"] / 2 * jnp.sum(w**2)

    def f(lam):
        state = start(s, lam)
        for t in range(1, s.T + 1):
            state = step(state, lam, s, t, loss)
        return E(state["w"], lam, s)

    return grad(f)(s.lam)


@wrong("sum-for-mean", on=("weighted_momentum", "softmax_gd"))
def training_mean_taken_twice(s: Setting) -> Gradient:
    """The losses are divided by n, and then averaged."""

    def loss(w, lam, s, t):
        each = lam.get("weights", 1.0) * losses(w, s.X, s.y) / len(s.y)
        return each.mean() + lam["l2"] / 2 * w.dot(w)

    def f(lam):
        state = start(s, lam)
        for t in range(1, s.T + 1):
            state = step(state, lam, s, t, loss)
        return E(state["w"], lam, s)

    return grad(f)(s.lam)


@wrong("batch-scaling", on=("batches_momentum",))
def batch_divided_by_all(s: Setting) -> Gradient:
    """The batch's losses are summed and divided by the size of the training set."""

    def f(lam):
        w, v = s.w0, 0.0
        for rows in s.batches:

            def loss(w, rows=rows):
                data = losses(w, s.X[rows], s.y[rows]).sum() / len(s.X)
                return data + lam["l2"] / 2 * jnp.sum(w**2)

            v = lam["mu"] * v + grad(loss)(w)
            w = w - lam["eta"] * v
        return E(w, lam, s)

    return grad(f)(s.lam)


@wrong("weights-normalised", on=("weighted_momentum",))
def weighted_mean(s: Setting) -> Gradient:
    """jnp.average(losses, weights=weights)."""

    def f(lam):
        def loss(w):
            data = jnp.average(losses(w, s.X, s.y), weights=lam["weights"])
            return data + lam["l2"] / 2 * jnp.sum(w**2)

        w, v = s.w0, 0.0
        for _ in range(s.T):
            v = lam["mu"] * v + grad(loss)(w)
            w = w - lam["eta"] * v
        return E(w, lam, s)

    return grad(f)(s.lam)


@wrong("E-on-training-data", on=("softmax_gd", "mlp_momentum", "logistic_adam", "ridge_start"))
def error_of_the_wrong_set(s: Setting) -> Gradient:
    """X and y for Xv and yv."""

    def f(lam):
        state = start(s, lam)
        for t in range(1, s.T + 1):
            state = step(state, lam, s, t)
        return losses(state["w"], s.X, s.y).mean()

    return grad(f)(s.lam)


@wrong("schedule-one-off", on=("softmax_schedule",))
def schedule_read_at_t(s: Setting) -> Gradient:
    """eta[t] for t = 1 … T: the index beyond the end is clamped."""

    def f(lam):
        def body(w, t):
            return w - lam["eta"][t] * grad(J)(w, lam, s, t), None

        w, _ = lax.scan(body, s.w0, jnp.arange(1, s.T + 1))
        return E(w, lam, s)

    return grad(f)(s.lam)


@wrong("schedule-one-off", on=("softmax_schedule",))
def schedule_rolled(s: Setting) -> Gradient:
    """eta[t % T] for t = 1 … T."""

    def f(lam):
        w = s.w0
        for t in range(1, s.T + 1):
            w = w - lam["eta"][t % s.T] * grad(J)(w, lam, s, t)
        return E(w, lam, s)

    return grad(f)(s.lam)


@wrong("steps-off-by-one", on=("batches_momentum", "softmax_schedule", "logistic_adam"))
def range_without_the_last(s: Setting) -> Gradient:
    """range(1, T): T − 1 steps."""

    def f(lam):
        state = start(s, lam)
        for t in range(1, s.T):
            state = step(state, lam, s, t)
        return E(state["w"], lam, s)

    return grad(f)(s.lam)


@wrong("steps-off-by-one", on=("batches_momentum", "softmax_schedule", "ridge_start"))
def range_with_one_more(s: Setting) -> Gradient:
    """T + 1 steps; JAX clamps the index of the batch, and that of the schedule."""

    def f(lam):
        def body(state, t):
            return step(state, lam, s, t), None

        state, _ = lax.scan(body, start(s, lam), jnp.arange(1, s.T + 2))
        return E(state["w"], lam, s)

    return grad(f)(s.lam)


# --- a wrong pass back ---


@wrong("sign", on=("logistic_adam", "mlp_momentum"))
def gradient_of_minus_the_error(s: Setting) -> Gradient:
    """A score to be maximised, −E."""

    def score(lam):
        state = start(s, lam)
        for t in range(1, s.T + 1):
            state = step(state, lam, s, t)
        return -E(state["w"], lam, s)

    return grad(score)(s.lam)


@wrong("jacobians-at-s_t", on=("softmax_gd", "weighted_momentum", "logistic_adam"))
def jacobians_after_the_step(s: Setting) -> Gradient:
    """The states are stored after each step, and s_t is paired with step t."""
    state, past = start(s, s.lam), []
    for t in range(1, s.T + 1):
        state = step(state, s.lam, s, t)
        past.append((t, state))
    alpha, total = last(s, state)
    for t, state in reversed(past):
        alpha, share = pull(alpha, state, s, t)
        total = add(total, share)
    return learned(s, total, alpha)


@wrong("products-at-another-iterate", on=("softmax_gd", "weighted_momentum", "ridge_start"))
def products_at_the_weights_after_a_plain_step(s: Setting) -> Gradient:
    """A custom_vjp keeps w − η g, the buffer that was overwritten, for its products."""

    @partial(jax.custom_vjp, nondiff_argnums=(2,))
    def g(w, lam, t):
        return grad(J)(w, lam, s, t)

    def ahead(w, lam, t):
        here = g(w, lam, t)
        return here, (w - lam["eta"] * here, lam)

    def back(t, kept, u):
        return vjp(lambda w, lam: grad(J)(w, lam, s, t), *kept)[1](u)

    g.defvjp(ahead, back)

    def f(lam):
        w, v = jnp.asarray(lam.get("w0", s.w0)), 0.0
        for t in range(1, s.T + 1):
            v = lam.get("mu", 0.0) * v + g(w, lam, t)
            w = w - lam["eta"] * v
        return E(w, lam, s)

    return grad(f)(s.lam)


@wrong("B-one-step-late", on=("batches_momentum", "logistic_adam", "softmax_rmsprop"))
def alpha_moved_before_its_share(s: Setting) -> Gradient:
    """α is carried back first, and then multiplied by B_t."""
    past = states(s)
    alpha, total = last(s, past[-1])
    for t in range(s.T, 0, -1):
        alpha, _ = pull(alpha, past[t - 1], s, t)
        _, share = pull(alpha, past[t - 1], s, t)
        total = add(total, share)
    return total


@wrong("stale-rate", on=("softmax_schedule",))
def pass_back_with_the_first_rate(s: Setting) -> Gradient:
    """The pass back is built once, with eta[0]."""
    past, lam = states(s), {**s.lam, "eta": np.full(s.T, s.lam["eta"][0])}
    alpha, total = last(s, past[-1])
    for t in range(s.T, 0, -1):
        alpha, share = vjp(partial(step, s=s, t=t), past[t - 1], lam)[1](alpha)
        total = add(total, share)
    return total


def back_with(s, batches):
    """The pass back with another table of batches."""
    past, other = states(s), replace(s, batches=batches)
    alpha, total = last(s, past[-1])
    for t in range(s.T, 0, -1):
        alpha, share = pull(alpha, past[t - 1], other, t)
        total = add(total, share)
    return total


@wrong("other-batches", on=("batches_momentum",))
def iterator_restarted(s: Setting) -> Gradient:
    """The pass back draws the batches from the beginning again."""
    return back_with(s, s.batches[::-1])


@wrong("other-batches", on=("batches_momentum",))
def shuffled_again(s: Setting) -> Gradient:
    """The pass back shuffles the examples anew."""
    return back_with(s, np.random.default_rng(1).permuted(s.batches, axis=0))


@wrong("other-batches", on=("batches_momentum",))
def only_the_last_batch_was_kept(s: Setting) -> Gradient:
    """Every step is taken back with the batch of step T."""
    return back_with(s, np.tile(s.batches[-1], (s.T, 1)))


@wrong("other-batches", on=("batches_momentum",))
def all_the_data_on_the_way_back(s: Setting) -> Gradient:
    """Mini-batches ahead, the whole training set back."""
    return back_with(s, np.tile(np.arange(len(s.X)), (s.T, 1)))


@wrong("schedule-backwards", on=("softmax_schedule",))
def schedule_collected_on_the_way_back(s: Setting) -> Gradient:
    """A scan over T … 1 stacks the shares of the rates as they come."""
    past = jax.tree.map(lambda *x: jnp.stack(x), *states(s)[:-1])
    alpha, total = last(s, {"w": train(s, s.lam)})

    def body(carry, here):
        alpha, l2 = carry
        w, t = here
        alpha, share = pull(alpha, {"w": w}, s, t)
        return (alpha, l2 + share["l2"]), share["eta"][t - 1]

    way_back = past["w"][::-1], jnp.arange(s.T, 0, -1)
    (_, l2), eta = lax.scan(body, (alpha, total["l2"]), way_back)
    return {"eta": eta, "l2": l2}


def implicit(s, solve):
    """−∇E H⁻¹ M at w_T, with a way to solve H q = ∇E."""
    w = train(s, s.lam)
    q = solve(
        lambda u: jax.jvp(lambda w: grad(J)(w, s.lam, s, 1), (w,), (u,))[1], grad(E)(w, s.lam, s)
    )
    share = vjp(lambda lam: grad(J)(w, lam, s, 1), s.lam)[1](q)[0]
    return jax.tree.map(jnp.subtract, grad(E, 1)(w, s.lam, s), share)


@wrong("implicit-limit", on=("softmax_gd", "ridge_start", "penalised_error"))
def implicit_function_theorem(s: Setting) -> Gradient:
    """The linear system is solved at w_T, as though it were the minimum."""
    return implicit(s, lambda H, b: jnp.linalg.solve(jax.vmap(H)(jnp.eye(b.size)), b))


@wrong("implicit-not-converged", on=("softmax_gd", "penalised_error", "weighted_momentum"))
def four_iterations_of_cg(s: Setting) -> Gradient:
    """Conjugate gradients, maxiter=4."""
    return implicit(s, lambda H, b: jax.scipy.sparse.linalg.cg(H, b, maxiter=4, tol=0)[0])


@wrong("implicit-not-converged", on=("softmax_gd", "ridge_start"))
def twenty_terms_of_neumann(s: Setting) -> Gradient:
    """η Σ_k (I − ηH)^k ∇E, for k < 20."""

    def neumann(H, b):
        q = p = b
        for _ in range(19):
            p = p - s.lam["eta"] * H(p)
            q = q + p
        return s.lam["eta"] * q

    return implicit(s, neumann)


# --- right numbers, delivered wrongly ---


@wrong("logarithm", on=("softmax_gd", "logistic_adam", "weighted_momentum"))
def with_respect_to_the_logarithms(s: Setting) -> Gradient:
    """f is a function of log λ, and so is its gradient."""

    def f(logs):
        lam = jax.tree.map(jnp.exp, logs)
        state = start(s, lam)
        for t in range(1, s.T + 1):
            state = step(state, lam, s, t)
        return E(state["w"], lam, s)

    return grad(f)(jax.tree.map(jnp.log, s.lam))


@wrong("logarithm", on=("batches_momentum", "mlp_momentum", "ridge_start"))
def penalty_by_its_logarithm(s: Setting) -> Gradient:
    """Only l2 is searched for on a logarithmic scale."""

    def f(raw):
        lam = {**raw, "l2": jnp.exp(raw["l2"])}
        return E(train(s, lam), lam, s)

    return grad(f)({**s.lam, "l2": jnp.log(s.lam["l2"])})


@wrong("logarithm", on=("logistic_adamw", "softmax_rmsprop"))
def rate_by_its_decimal_logarithm(s: Setting) -> Gradient:
    """eta = 10^x."""

    def f(raw):
        lam = {**raw, "eta": 10.0 ** raw["eta"]}
        return E(train(s, lam), lam, s)

    return grad(f)({**s.lam, "eta": jnp.log10(s.lam["eta"])})


@wrong("reparametrised", on=("batches_momentum", "mlp_momentum"))
def momentum_through_a_sigmoid(s: Setting) -> Gradient:
    """mu = sigmoid(x)."""
    mu = s.lam["mu"]

    def f(raw):
        lam = {**raw, "mu": jax.nn.sigmoid(raw["mu"])}
        return E(train(s, lam), lam, s)

    return grad(f)({**s.lam, "mu": jnp.log(mu / (1 - mu))})


@wrong("reparametrised", on=("softmax_gd", "softmax_schedule"))
def positive_through_softplus(s: Setting) -> Gradient:
    """All are softplus of what is learned."""

    def f(raw):
        lam = jax.tree.map(jax.nn.softplus, raw)
        return E(train(s, lam), lam, s)

    return grad(f)(jax.tree.map(lambda x: jnp.log(jnp.expm1(x)), s.lam))


@wrong("reparametrised", on=("weighted_momentum",))
def example_weights_as_squares(s: Setting) -> Gradient:
    """weights = x², so that they stay positive."""

    def f(raw):
        lam = {**raw, "weights": raw["weights"] ** 2}
        return E(train(s, lam), lam, s)

    return grad(f)({**s.lam, "weights": jnp.sqrt(s.lam["weights"])})


@wrong("reparametrised", on=("ridge_start", "logistic_adam"))
def penalty_by_its_inverse(s: Setting) -> Gradient:
    """C = 1 / l2, as in scikit-learn."""

    def f(raw):
        lam = {**raw, "l2": 1 / raw["l2"]}
        return E(train(s, lam), lam, s)

    return grad(f)({**s.lam, "l2": 1 / s.lam["l2"]})


@wrong("permuted-blocks", on=("batches_momentum", "logistic_adam", "softmax_rmsprop"))
def sorted_names(s: Setting) -> Gradient:
    """The gradient is raveled, sorted by name, and read in the order of the definition."""

    def f(lam):
        return E(train(s, lam), lam, s)

    flat, _ = ravel_pytree(grad(f)(s.lam))
    return dict(zip(s.lam, flat, strict=True))


# --- mistakes without a name ---


@wrong("penalty-elsewhere", on=("softmax_gd", "mlp_momentum"))
def penalty_divided_by_n(s: Setting) -> Gradient:
    """l2 / (2n) ‖w‖²."""

    def loss(w, lam, s, t):
        return (losses(w, s.X, s.y).sum() + lam["l2"] / 2 * w @ w) / len(s.y)

    def f(lam):
        state = start(s, lam)
        for t in range(1, s.T + 1):
            state = step(state, lam, s, t, loss)
        return E(state["w"], lam, s)

    return grad(f)(s.lam)


@wrong("penalty-elsewhere", on=("softmax_gd", "batches_momentum", "logistic_adam"))
def biases_not_penalised(s: Setting) -> Gradient:
    """The penalty leaves the biases out."""
    free = 1 if s.w0.size == s.X.shape[1] + 1 else CLASSES

    def loss(w, lam, s, t):
        return losses(w, *examples(s, t)).mean() + lam["l2"] / 2 * jnp.sum(w[:-free] ** 2)

    def f(lam):
        state = start(s, lam)
        for t in range(1, s.T + 1):
            state = step(state, lam, s, t, loss)
        return E(state["w"], lam, s)

    return grad(f)(s.lam)


@wrong("E-on-training-data", on=("softmax_gd", "mlp_momentum"))
def training_and_validation_loss_together(s: Setting) -> Gradient:
    """The total of both losses is minimised."""

    def f(lam):
        state = start(s, lam)
        for t in range(1, s.T + 1):
            state = step(state, lam, s, t)
        return E(state["w"], lam, s) + J(state["w"], lam, s, s.T)

    return grad(f)(s.lam)


@wrong("another-start", on=("softmax_gd", "logistic_adam", "weighted_momentum"))
def starts_at_zeros(s: Setting) -> Gradient:
    """The start that was asked for is ignored."""

    def f(lam):
        state = start(replace(s, w0=np.zeros_like(s.w0)), lam)
        for t in range(1, s.T + 1):
            state = step(state, lam, s, t)
        return E(state["w"], lam, s)

    return grad(f)(s.lam)


@wrong(on=("softmax_schedule", "ridge_start"), lost=("alphas", 14, "∇E"))
def error_of_the_first_examples(s: Setting) -> Gradient:
    """A validation batch of four."""
    return noted(s, error=lambda w, lam, s: jnp.mean(losses(w, s.Xv[:4], s.yv[:4])))


@wrong("stopped-early", on=("softmax_gd", "logistic_adamw"))
def stopped_early(s: Setting) -> Gradient:
    """T − 3 steps."""

    def f(lam):
        state, t = start(s, lam), 0
        while t < s.T - 3:
            t += 1
            state = step(state, lam, s, t)
        return E(state["w"], lam, s)

    return grad(f)(s.lam)


@wrong("averaged-weights", on=("mlp_momentum", "softmax_rmsprop"))
def moving_average_evaluated(s: Setting) -> Gradient:
    """E sees an exponential mean of the weights."""

    def f(lam):
        state = start(s, lam)
        mean = state["w"]
        for t in range(1, s.T + 1):
            state = step(state, lam, s, t)
            mean = 0.9 * mean + 0.1 * state["w"]
        return E(mean, lam, s)

    return grad(f)(s.lam)


@wrong("averaged-weights", on=("softmax_schedule", "batches_momentum"))
def mean_weights_evaluated(s: Setting) -> Gradient:
    """E sees the mean of w_1, …, w_T."""

    def f(lam):
        def body(state, t):
            state = step(state, lam, s, t)
            return state, state["w"]

        _, path = lax.scan(body, start(s, lam), jnp.arange(1, s.T + 1))
        return E(path.mean(0), lam, s)

    return grad(f)(s.lam)


@wrong("amsgrad", on=("logistic_adam", "logistic_adamw"))
def amsgrad(s: Setting) -> Gradient:
    """The largest corrected second moment so far divides."""

    def f(lam):
        w, m, u, largest = s.w0, 0.0, 0.0, jnp.zeros_like(s.w0)
        for t in range(1, s.T + 1):
            g = grad(J)(w, lam, s, t)
            m = lam["beta1"] * m + (1 - lam["beta1"]) * g
            u = lam["beta2"] * u + (1 - lam["beta2"]) * g**2
            largest = jnp.maximum(largest, u / (1 - lam["beta2"] ** t))
            w = w * (1 - lam["eta"] * lam.get("weight_decay", 0.0))
            d = m / (1 - lam["beta1"] ** t) / (jnp.sqrt(largest) + lam["eps"])
            w = w - lam["eta"] * d
        return E(w, lam, s)

    return grad(f)(s.lam)


@wrong("implicit-not-converged", on=("softmax_gd", "ridge_start"))
def damped_system(s: Setting) -> Gradient:
    """H + 0.1 I is inverted in the implicit gradient."""
    return implicit(
        s, lambda H, b: jnp.linalg.solve(jax.vmap(H)(jnp.eye(b.size)) + 0.1 * jnp.eye(b.size), b)
    )


@wrong("implicit-not-converged", on=("softmax_gd", "weighted_momentum"))
def identity_for_the_hessian(s: Setting) -> Gradient:
    """−∇E M: H is taken for I in the implicit gradient."""
    return implicit(s, lambda H, b: b)


@wrong(on=("mlp_momentum",), lost=("alphas", 13, "A_t"))
def gauss_newton(s: Setting) -> Gradient:
    """The products with H are those of the Gauss-Newton matrix."""

    @jax.custom_vjp
    def g(w, lam):
        return grad(J)(w, lam, s, 1)

    def back(kept, u):
        w, lam = kept

        def of_logits(z):
            return jnp.mean(jax.nn.logsumexp(z, 1) - z[jnp.arange(len(s.y)), s.y])

        z, dz = jax.jvp(lambda w: logits(w, s.X), (w,), (u,))
        Cdz = jax.jvp(grad(of_logits), (z,), (dz,))[1]
        Gu = vjp(lambda w: logits(w, s.X), w)[1](Cdz)[0] + lam["l2"] * u
        return Gu, vjp(lambda lam: grad(J)(w, lam, s, 1), lam)[1](u)[0]

    g.defvjp(lambda w, lam: (g(w, lam), (w, lam)), back)

    def momentum(state, lam, s, t):
        v = lam["mu"] * state["v"] + g(state["w"], lam)
        return {"w": state["w"] - lam["eta"] * v, "v": v}

    return noted(s, momentum)


@wrong("jacobians-at-one-state", on=("softmax_gd", "mlp_momentum"))
def every_A_at_the_end(s: Setting) -> Gradient:
    """A_t is taken at s_T for all t, B_t where it belongs."""
    past = states(s)
    alpha, total = last(s, past[-1])
    for t in range(s.T, 0, -1):
        _, share = pull(alpha, past[t - 1], s, t)
        alpha, _ = pull(alpha, past[-1], s, t)
        total = add(total, share)
    return total


@wrong("stale-error-gradient", on=("weighted_momentum", "softmax_schedule", "logistic_adam"))
def error_gradient_before_the_last_step(s: Setting) -> Gradient:
    """α_T is ∇E at s_{T−1}."""
    past = states(s)
    alpha, total = last(s, past[-2])
    for t in range(s.T, 0, -1):
        alpha, share = pull(alpha, past[t - 1], s, t)
        total = add(total, share)
    return total


@wrong("finite-differences", on=("softmax_gd", "penalised_error"))
def rough_differences(s: Setting) -> Gradient:
    """(f(λ + 0.001) − f(λ)) / 0.001."""
    at = E(train(s, s.lam), s.lam, s)
    found = {}
    for name in s.lam:
        moved = {**s.lam, name: s.lam[name] + 1e-3}
        found[name] = (E(train(s, moved), moved, s) - at) / 1e-3
    return found


def clipped(w, lam, s, t):
    """The training gradient, of norm at most 0.3."""
    g = grad(J)(w, lam, s, t)
    return g * jnp.minimum(1.0, 0.3 / jnp.linalg.norm(g))


@wrong(on=("softmax_gd", "ridge_start"), lost=("states", 1, "the step"))
def clipped_on_the_way_only(s: Setting) -> Gradient:
    """The run clips its gradients, the pass back knows nothing of it."""
    past = [start(s, s.lam)]
    for t in range(1, s.T + 1):
        w = past[-1]["w"]
        past.append({"w": w - s.lam["eta"] * clipped(w, s.lam, s, t)})
    for state in past:
        note(s, "states", state)
    alpha, total = last(s, past[-1])
    for t in range(s.T, 0, -1):
        note(s, "alphas", alpha)
        alpha, share = pull(alpha, past[t - 1], s, t)
        total = add(total, share)
    return learned(s, total, alpha)


@wrong(on=("softmax_schedule",), lost=("alphas", 5, "A_t"))
@wrong(on=("softmax_gd",), lost=("alphas", 11, "A_t"))
def clipped_on_the_way_back_only(s: Setting) -> Gradient:
    """The pass back goes through clipped steps, which the run did not take."""

    def with_clipping(state, lam, s, t):
        return {"w": state["w"] - rate(lam, t) * clipped(state["w"], lam, s, t)}

    past = states(s)
    for state in past:
        note(s, "states", state)
    alpha, total = last(s, past[-1])
    for t in range(s.T, 0, -1):
        note(s, "alphas", alpha)
        alpha, share = pull(alpha, past[t - 1], s, t, with_clipping)
        total = add(total, share)
    return total


@wrong(on=("weighted_momentum", "softmax_schedule", "ridge_start"), lost=("states", 0, "the start"))
def run_in_half_precision(s: Setting) -> Gradient:
    """Data, weights and hyperparameters are float16."""

    def half(x):
        return np.asarray(x, np.float16) if np.asarray(x).dtype.kind == "f" else x

    data = {name: half(getattr(s, name)) for name in ("X", "y", "Xv", "yv", "w0")}
    found = noted(replace(s, **data, lam=jax.tree.map(half, s.lam)))
    return jax.tree.map(np.float64, found)


@wrong("trained-on-other-batches", on=("batches_momentum",))
def another_order_of_batches(s: Setting) -> Gradient:
    """The whole run has its own shuffle."""
    other = replace(s, batches=np.random.default_rng(2).permutation(s.batches))

    def f(lam):
        state = start(s, lam)
        for t in range(1, s.T + 1):
            state = step(state, lam, other, t)
        return E(state["w"], lam, s)

    return grad(f)(s.lam)


@wrong(on=("softmax_gd", "batches_momentum"), lost=("states", 1, "the step"))
def labels_smoothed(s: Setting) -> Gradient:
    """The training loss smooths its labels by a tenth."""

    def loss(w, lam, s, t):
        X, y = examples(s, t)
        target = 0.9 * jax.nn.one_hot(y, CLASSES, dtype=w.dtype) + 0.1 / CLASSES
        each = -jnp.sum(target * jax.nn.log_softmax(logits(w, X)), 1)
        return each.mean() + lam["l2"] / 2 * jnp.sum(w**2)

    return noted(s, partial(step, J=loss))


@wrong(on=("weighted_momentum", "batches_momentum"), lost=("grad", 0, "mu"))
def momentum_learned_after_a_warm_up(s: Setting) -> Gradient:
    """mu has no derivative in the first five steps."""

    def warmed_up(state, lam, s, t):
        mu = stop(lam["mu"]) if t <= 5 else lam["mu"]
        return step(state, {**lam, "mu": mu}, s, t)

    return noted(s, warmed_up)


@wrong(on=("mlp_momentum", "weighted_momentum"), lost=("alphas", 13, "A_t"))
def velocity_cut_from_step_four(s: Setting) -> Gradient:
    """The velocity carries derivatives in the first three steps only."""

    def momentum(state, lam, s, t):
        w, v = state["w"], stop(state["v"]) if t >= 4 else state["v"]
        v = lam["mu"] * v + grad(J)(w, lam, s, t)
        return {"w": w - lam["eta"] * v, "v": v}

    return noted(s, momentum)


@wrong("denominator-detached", on=("softmax_rmsprop", "logistic_adam"))
def denominator_detached(s: Setting) -> Gradient:
    """√u + ε is a constant as a whole."""

    def f(lam):
        w, m, u = s.w0, 0.0, 0.0
        b1, b2 = lam.get("beta1", 0.0), lam["beta2" if "beta2" in lam else "beta"]
        for t in range(1, s.T + 1):
            g = grad(J)(w, lam, s, t)
            m, u = b1 * m + (1 - b1) * g, b2 * u + (1 - b2) * g**2
            c1, c2 = (1 - b1**t, 1 - b2**t) if "beta1" in lam else (1.0, 1.0)
            w = w - lam["eta"] * m / c1 / stop(jnp.sqrt(u / c2) + lam["eps"])
        return E(w, lam, s)

    return grad(f)(s.lam)


@wrong("weights-normalised", on=("weighted_momentum",))
def weights_divided_by_a_constant_sum(s: Setting) -> Gradient:
    """The sum of the weights divides them, but is detached."""

    def f(lam):
        def loss(w):
            share = lam["weights"] / stop(lam["weights"].sum())
            return share @ losses(w, s.X, s.y) + lam["l2"] / 2 * jnp.sum(w**2)

        w, v = s.w0, 0.0
        for _ in range(s.T):
            v = lam["mu"] * v + grad(loss)(w)
            w = w - lam["eta"] * v
        return E(w, lam, s)

    return grad(f)(s.lam)


@wrong(on=("logistic_adamw",), lost=("states", 1, "the step"))
def decay_after_the_step(s: Setting) -> Gradient:
    """The weights shrink after Adam's step, not before it."""

    def adamw(state, lam, s, t):
        state = step(state, {**lam, "weight_decay": 0.0}, s, t)
        return {**state, "w": (1 - lam["eta"] * lam["weight_decay"]) * state["w"]}

    return noted(s, adamw)


@wrong("another-start", on=("softmax_gd", "penalised_error"))
def start_read_by_columns(s: Setting) -> Gradient:
    """The matrix of the start is flattened in Fortran's order."""
    W = s.w0[:-CLASSES].reshape((CLASSES, -1), order="F")
    w0 = np.concatenate([W.ravel(), s.w0[-CLASSES:]])

    def f(lam):
        state = start(replace(s, w0=w0), lam)
        for t in range(1, s.T + 1):
            state = step(state, lam, s, t)
        return E(state["w"], lam, s)

    return grad(f)(s.lam)


@wrong("nesterov", on=("weighted_momentum", "mlp_momentum"))
def gradient_at_the_point_ahead(s: Setting) -> Gradient:
    """Nesterov's own form: g at w − η μ v, and then v = μ v + g."""

    def f(lam):
        w, v = s.w0, jnp.zeros_like(s.w0)
        for t in range(1, s.T + 1):
            g = grad(J)(w - lam["eta"] * lam["mu"] * v, lam, s, t)
            v = lam["mu"] * v + g
            w = w - lam["eta"] * v
        return E(w, lam, s)

    return grad(f)(s.lam)


@wrong(on=("softmax_gd", "logistic_adam"), lost=("alphas", 14, "∇E"))
def mean_error_of_the_path(s: Setting) -> Gradient:
    """The errors of all steps are averaged."""

    def f(lam, zeros):
        def body(state, t_and_zero):
            t, zero = t_and_zero
            state = add(step(state, lam, s, t), zero)
            return state, (state, E(state["w"], lam, s))

        ts = jnp.arange(1, s.T + 1)
        _, (path, errors) = lax.scan(body, start(s, lam), (ts, zeros))
        return errors.mean(), path

    zeros = jax.tree.map(lambda x: jnp.zeros((s.T, *x.shape)), start(s, s.lam))
    (found, alphas), path = grad(f, (0, 1), has_aux=True)(s.lam, zeros)
    for t in range(s.T):
        note(s, "states", {name: block[t] for name, block in path.items()})
        note(s, "alphas", {name: block[-1 - t] for name, block in alphas.items()})
    return found


# --- two mistakes of different parts ---


@wrong("truncated + sum-for-mean", on=("mlp_momentum", "softmax_rmsprop"))
def seven_steps_and_a_sum(s: Setting) -> Gradient:
    """Detached at T − 7, and a summed error."""

    def f(lam):
        state = start(s, lam)
        for t in range(1, s.T + 1):
            state = step(stop(state) if t == s.T - 6 else state, lam, s, t)
        return losses(state["w"], s.Xv, s.yv).sum()

    return grad(f)(s.lam)


@wrong("first-order + E-on-training-data", on=("softmax_gd", "softmax_schedule"))
def detached_weights_and_the_wrong_set(s: Setting) -> Gradient:
    """g at stop_gradient(w), and the error of the training set."""

    def f(lam):
        w = s.w0
        for t in range(1, s.T + 1):
            w = w - rate(lam, t) * grad(J)(stop(w), lam, s, t)
        return losses(w, s.X, s.y).mean()

    return grad(f)(s.lam)


@wrong("first-order + mixed-term-dropped", "gradient-detached", on=("softmax_gd", "mlp_momentum"))
def gradient_detached(s: Setting) -> Gradient:
    """The training gradient as a whole is a constant."""

    def f(lam):
        w, v = s.w0, 0.0
        for t in range(1, s.T + 1):
            v = lam.get("mu", 0.0) * v + stop(grad(J)(w, lam, s, t))
            w = w - lam["eta"] * v
        return E(w, lam, s)

    return grad(f)(s.lam)


@wrong("half-missing + steps-off-by-one", on=("batches_momentum", "softmax_gd"))
def sum_of_squares_and_one_step_less(s: Setting) -> Gradient:
    """l2 ‖w‖² in T − 1 steps."""

    def loss(w, lam, s, t):
        return jnp.mean(losses(w, *examples(s, t))) + lam["l2"] * w @ w

    def f(lam):
        state = start(s, lam)
        for t in range(1, s.T):
            state = step(state, lam, s, t, loss)
        return E(state["w"], lam, s)

    return grad(f)(s.lam)


@wrong("nesterov + sum-for-mean", on=("mlp_momentum", "weighted_momentum"))
def look_ahead_and_a_sum(s: Setting) -> Gradient:
    """nesterov=True, and a summed error."""

    def f(lam):
        w, v = s.w0, 0.0
        for t in range(1, s.T + 1):
            g = grad(J)(w, lam, s, t)
            v = lam["mu"] * v + g
            w = w - lam["eta"] * (g + lam["mu"] * v)
        return jnp.sum(losses(w, s.Xv, s.yv))

    return grad(f)(s.lam)


@wrong("averaged-momentum + E-on-training-data", on=("batches_momentum", "mlp_momentum"))
def running_mean_and_the_wrong_set(s: Setting) -> Gradient:
    """v = μ v + (1 − μ) g, and the error of the training set."""

    def f(lam):
        w, v = s.w0, 0.0
        for t in range(1, s.T + 1):
            v = lam["mu"] * v + (1 - lam["mu"]) * grad(J)(w, lam, s, t)
            w = w - lam["eta"] * v
        return jnp.mean(losses(w, s.X, s.y))

    return grad(f)(s.lam)


@wrong("decoupled-decay + logarithm", on=("logistic_adam", "softmax_rmsprop"))
def decoupled_and_on_a_logarithmic_scale(s: Setting) -> Gradient:
    """The penalty beside the optimizer, its coefficient by the logarithm."""

    def f(raw):
        lam = {**raw, "l2": jnp.exp(raw["l2"])}
        state = start(s, lam)
        for t in range(1, s.T + 1):
            w = state["w"]
            state = step(state, {**lam, "l2": 0.0}, s, t)
            state["w"] = state["w"] - lam["eta"] * lam["l2"] * w
        return E(state["w"], lam, s)

    return grad(f)({**s.lam, "l2": jnp.log(s.lam["l2"])})


@wrong("permuted-blocks + half-missing", on=("batches_momentum", "mlp_momentum"))
def sorted_names_and_a_sum_of_squares(s: Setting) -> Gradient:
    """l2 ‖w‖², and the names in the order of the definition for numbers sorted by name."""

    def loss(w, lam, s, t):
        return jnp.mean(losses(w, *examples(s, t))) + lam["l2"] * w @ w

    def f(lam):
        state = start(s, lam)
        for t in range(1, s.T + 1):
            state = step(state, lam, s, t, loss)
        return E(state["w"], lam, s)

    return dict(zip(s.lam, ravel_pytree(grad(f)(s.lam))[0], strict=True))


@wrong("adam-convention + logarithm", on=("logistic_adam",))
def older_adam_on_a_logarithmic_scale(s: Setting) -> Gradient:
    """TensorFlow 1's Adam, the rate by its logarithm."""

    def f(raw):
        lam = {**raw, "eta": jnp.exp(raw["eta"])}
        state = start(s, lam)
        for t in range(1, s.T + 1):
            state = adam_tf1(state, lam, s, t)
        return E(state["w"], lam, s)

    return grad(f)({**s.lam, "eta": jnp.log(s.lam["eta"])})


@wrong("bias-correction-missing + E-on-training-data", on=("logistic_adam", "logistic_adamw"))
def uncorrected_and_the_wrong_set(s: Setting) -> Gradient:
    """m / (√u + ε), and the error of the training set."""

    def f(lam):
        w, m, u = s.w0, 0.0, 0.0
        for t in range(1, s.T + 1):
            g = grad(J)(w, lam, s, t)
            m = lam["beta1"] * m + (1 - lam["beta1"]) * g
            u = lam["beta2"] * u + (1 - lam["beta2"]) * g**2
            w = w * (1 - lam["eta"] * lam.get("weight_decay", 0.0))
            w = w - lam["eta"] * m / (jnp.sqrt(u) + lam["eps"])
        return losses(w, s.X, s.y).mean()

    return grad(f)(s.lam)


@wrong("bias-correction-constant + penalty-in-E", on=("logistic_adam",))
def constant_corrections_and_a_penalised_error(s: Setting) -> Gradient:
    """1 − β^t are numbers, and the error has the training penalty."""

    def f(lam):
        w, m, u = s.w0, 0.0, 0.0
        for t in range(1, s.T + 1):
            g = grad(J)(w, lam, s, t)
            m = lam["beta1"] * m + (1 - lam["beta1"]) * g
            u = lam["beta2"] * u + (1 - lam["beta2"]) * g**2
            c1, c2 = stop(1 - lam["beta1"] ** t), stop(1 - lam["beta2"] ** t)
            w = w - lam["eta"] * m / c1 / (jnp.sqrt(u / c2) + lam["eps"])
        return E(w, lam, s) + lam["l2"] / 2 * w @ w

    return grad(f)(s.lam)


@wrong("epsilon-place + half-missing", on=("softmax_rmsprop",))
def eps_inside_and_a_sum_of_squares(s: Setting) -> Gradient:
    """√(u + ε) and l2 ‖w‖²."""

    def f(lam):
        def loss(w):
            return losses(w, s.X, s.y).mean() + lam["l2"] * (w**2).sum()

        w, u = s.w0, 0.0
        for _ in range(s.T):
            g = grad(loss)(w)
            u = lam["beta"] * u + (1 - lam["beta"]) * g**2
            w = w - lam["eta"] * g / jnp.sqrt(u + lam["eps"])
        return E(w, lam, s)

    return grad(f)(s.lam)


@wrong("accumulator-start + sum-for-mean", on=("softmax_rmsprop",))
def squares_from_one_and_a_sum(s: Setting) -> Gradient:
    """u_0 = 1, and a summed error."""

    def f(lam):
        state = {"w": s.w0, "u": jnp.ones_like(s.w0)}
        for t in range(1, s.T + 1):
            state = step(state, lam, s, t)
        return losses(state["w"], s.Xv, s.yv).sum()

    return grad(f)(s.lam)


@wrong("bias-correction-added + truncated", on=("softmax_rmsprop",))
def corrected_and_seven_steps(s: Setting) -> Gradient:
    """u / (1 − β^t), and a state detached at T − 7."""

    def f(lam):
        w, u = s.w0, jnp.zeros_like(s.w0)
        for t in range(1, s.T + 1):
            g = grad(J)(w, lam, s, t)
            u = lam["beta"] * u + (1 - lam["beta"]) * g**2
            root = jnp.sqrt(u / (1 - lam["beta"] ** t))
            w = w - lam["eta"] * g / (root + lam["eps"])
            if t == s.T - 7:
                w, u = stop((w, u))
        return E(w, lam, s)

    return grad(f)(s.lam)


@wrong("decay-without-rate + steps-off-by-one", on=("logistic_adamw",))
def unscaled_decay_and_one_step_less(s: Setting) -> Gradient:
    """(1 − δ) w, in T − 1 steps."""

    def f(lam):
        state = start(s, lam)
        for t in range(1, s.T):
            w = state["w"]
            state = step(state, {**lam, "weight_decay": 0.0}, s, t)
            state["w"] = state["w"] - lam["weight_decay"] * w
        return E(state["w"], lam, s)

    return grad(f)(s.lam)


@wrong("schedule-one-off + E-on-training-data", on=("softmax_schedule",))
def clamped_schedule_and_the_wrong_set(s: Setting) -> Gradient:
    """eta[t], clamped, and the error of the training set."""

    def f(lam):
        w = s.w0
        for t in range(1, s.T + 1):
            w = w - lam["eta"][min(t, s.T - 1)] * grad(J)(w, lam, s, t)
        return losses(w, s.X, s.y).mean()

    return grad(f)(s.lam)


@wrong("batch-scaling + truncated", on=("batches_momentum",))
def batch_by_n_and_four_steps(s: Setting) -> Gradient:
    """Batches divided by n, and a state detached at T − 4."""

    def loss(w, lam, s, t):
        return losses(w, *examples(s, t)).sum() / len(s.X) + lam["l2"] / 2 * w @ w

    def f(lam):
        state = start(s, lam)
        for t in range(1, s.T + 1):
            state = step(state, lam, s, t, loss)
            state = stop(state) if t == s.T - 4 else state
        return E(state["w"], lam, s)

    return grad(f)(s.lam)


@wrong("weights-normalised + first-velocity-detached", on=("weighted_momentum",))
def weighted_mean_and_a_detached_buffer(s: Setting) -> Gradient:
    """jnp.average, and v_1 = stop_gradient(g)."""

    def f(lam):
        def loss(w):
            data = jnp.average(losses(w, s.X, s.y), weights=lam["weights"])
            return data + lam["l2"] / 2 * w @ w

        w, v = s.w0, None
        for _ in range(s.T):
            g = grad(loss)(w)
            v = stop(g) if v is None else lam["mu"] * v + g
            w = w - lam["eta"] * v
        return E(w, lam, s)

    return grad(f)(s.lam)


@wrong("mixed-term-dropped + E-on-training-data", on=("mlp_momentum", "softmax_gd"))
def constants_and_the_wrong_set(s: Setting) -> Gradient:
    """The training loss has detached hyperparameters, the error is that of the training set."""

    def f(lam):
        w, v = s.w0, 0.0
        for t in range(1, s.T + 1):
            v = lam.get("mu", 0.0) * v + grad(J)(w, stop(lam), s, t)
            w = w - lam["eta"] * v
        return losses(w, s.X, s.y).mean()

    return grad(f)(s.lam)


@wrong("rate-detached + nesterov", on=("mlp_momentum", "batches_momentum"))
def constant_rate_and_look_ahead(s: Setting) -> Gradient:
    """nesterov=True, with float(eta)."""
    eta = float(s.lam["eta"])

    def f(lam):
        w, v = s.w0, 0.0
        for t in range(1, s.T + 1):
            g = grad(J)(w, lam, s, t)
            v = lam["mu"] * v + g
            w = w - eta * (g + lam["mu"] * v)
        return E(w, lam, s)

    return grad(f)(s.lam)


@wrong("reparametrised + averaged-momentum", on=("weighted_momentum", "mlp_momentum"))
def sigmoid_and_running_mean(s: Setting) -> Gradient:
    """mu = sigmoid(x), in v = μ v + (1 − μ) g."""
    mu = s.lam["mu"]

    def f(raw):
        lam = {**raw, "mu": jax.nn.sigmoid(raw["mu"])}
        w, v = s.w0, 0.0
        for t in range(1, s.T + 1):
            v = lam["mu"] * v + (1 - lam["mu"]) * grad(J)(w, lam, s, t)
            w = w - lam["eta"] * v
        return E(w, lam, s)

    return grad(f)({**s.lam, "mu": jnp.log(mu / (1 - mu))})


@wrong("products-at-another-iterate + sum-for-mean", on=("softmax_gd",))
def products_ahead_and_a_sum(s: Setting) -> Gradient:
    """The products at w − η g, and a summed error."""
    w, kept = s.w0, []
    for t in range(1, s.T + 1):
        g = grad(J)(w, s.lam, s, t)
        w = w - s.lam["eta"] * g
        kept.append((w, g))
    alpha, eta, l2 = grad(lambda w: losses(w, s.Xv, s.yv).sum())(w), 0.0, 0.0
    for w, g in reversed(kept):
        uH, uM = vjp(lambda w, lam: grad(J)(w, lam, s, 1), w, s.lam)[1](-s.lam["eta"] * alpha)
        eta, l2 = eta - alpha @ g, l2 + uM["l2"]
        alpha = alpha + uH
    return {"eta": eta, "l2": l2}


@wrong("differentiated-another-map + sum-for-mean", on=("logistic_adam", "logistic_adamw"))
def older_jacobians_and_a_sum(s: Setting) -> Gradient:
    """The pass back is that of TensorFlow 1's Adam, from a summed error."""
    past = states(s)
    alpha, total = last(s, past[-1])
    alpha = {**alpha, "w": grad(lambda w: losses(w, s.Xv, s.yv).sum())(past[-1]["w"])}
    for t in range(s.T, 0, -1):
        alpha, share = pull(alpha, past[t - 1], s, t, adam_tf1)
        total = add(total, share)
    return total


@wrong("bias-correction-off-by-one + sum-for-mean", on=("logistic_adamw",))
def next_corrections_and_a_sum(s: Setting) -> Gradient:
    """c1 and c2 of the next step, and a summed error."""

    def f(lam):
        w, m, u = s.w0, 0.0, 0.0
        for t in range(1, s.T + 1):
            g = grad(J)(w, lam, s, t)
            m = lam["beta1"] * m + (1 - lam["beta1"]) * g
            u = lam["beta2"] * u + (1 - lam["beta2"]) * g**2
            mh, uh = m / (1 - lam["beta1"] ** (t + 1)), u / (1 - lam["beta2"] ** (t + 1))
            d = mh / (jnp.sqrt(uh) + lam["eps"]) + lam["weight_decay"] * w
            w = w - lam["eta"] * d
        return losses(w, s.Xv, s.yv).sum()

    return grad(f)(s.lam)


@wrong("decay-missing + E-on-training-data", on=("batches_momentum", "mlp_momentum"))
def no_penalty_and_the_wrong_set(s: Setting) -> Gradient:
    """Only data's losses: the batch's in training, all training data's as the error."""

    def f(lam):
        w, v = s.w0, 0.0
        for t in range(1, s.T + 1):
            v = lam["mu"] * v + grad(lambda w, t=t: losses(w, *examples(s, t)).mean())(w)
            w = w - lam["eta"] * v
        return losses(w, s.X, s.y).mean()

    return grad(f)(s.lam)


@wrong("direct-term-forgotten + nesterov", on=("penalised_error",))
def constant_penalty_and_look_ahead(s: Setting) -> Gradient:
    """nesterov=True, and a detached coefficient in the error."""

    def f(lam):
        w, v = s.w0, 0.0
        for t in range(1, s.T + 1):
            g = grad(J)(w, lam, s, t)
            v = lam["mu"] * v + g
            w = w - lam["eta"] * (g + lam["mu"] * v)
        return E(w, stop(lam), s)

    return grad(f)(s.lam)


@wrong("penalty-in-E + steps-off-by-one", on=("mlp_momentum", "weighted_momentum"))
def penalised_error_after_one_step_more(s: Setting) -> Gradient:
    """The error has the training penalty, at w_{T+1}."""

    def f(lam):
        w = train(s, lam, s.T + 1)
        return E(w, lam, s) + lam["l2"] / 2 * jnp.sum(w**2)

    return grad(f)(s.lam)
