"""Wrong hypergradients in NumPy, every derivative by hand, in reverse and in forward mode."""

from __future__ import annotations

from typing import Any

import numpy as np
from settings import CLASSES, Loops, Setting

LOOPS = Loops()
wrong = LOOPS.wrong
Gradient = dict[str, Any]


# --- right building blocks ---


def logits(w, X):
    return X @ w[:-CLASSES].reshape(CLASSES, -1).T + w[-CLASSES:]


def chances(w, X):
    """softmax(z)."""
    z = logits(w, X)
    e = np.exp(z - z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def sigmoid(w, X):
    return 1 / (1 + np.exp(-(X @ w[:-1] + w[-1])))


def onehot(y):
    return np.eye(CLASSES)[y]


def flat(R, X):
    """Rows R of ∂/∂z, pulled back to the weights and the biases."""
    return np.concatenate([(R.T @ X).ravel(), R.sum(0)])


def data_gradient(w, X, y, c):
    """Σ c_i ∇ℓ_i: ridge, logistic or softmax, as the size of w says."""
    if w.size == X.shape[1]:
        return X.T @ (c * (X @ w - y))
    if w.size == X.shape[1] + 1:
        r = c * (sigmoid(w, X) - y)
        return np.append(X.T @ r, r.sum())
    return flat(c[:, None] * (chances(w, X) - onehot(y)), X)


def data_product(w, X, c, u):
    """Σ c_i ∇²ℓ_i u."""
    if w.size == X.shape[1]:
        return X.T @ (c * (X @ u))
    if w.size == X.shape[1] + 1:
        p = sigmoid(w, X)
        r = c * p * (1 - p) * (X @ u[:-1] + u[-1])
        return np.append(X.T @ r, r.sum())
    P, dz = chances(w, X), logits(u, X)
    return flat(c[:, None] * P * (dz - (P * dz).sum(1, keepdims=True)), X)


def examples(s, t):
    """X and y of step t, and the factor of each example's loss."""
    rows = slice(None) if s.batches is None else s.batches[t - 1]
    X, y = s.X[rows], s.y[rows]
    return X, y, s.lam.get("weights", np.ones(len(y))) / len(y)


def gradient(s, t, w):
    """∇J_t(w)."""
    return data_gradient(w, *examples(s, t)) + s.lam.get("l2", 0.0) * w


def product(s, t, w, u):
    """H u."""
    X, _, c = examples(s, t)
    return data_product(w, X, c, u) + s.lam.get("l2", 0.0) * u


def of_weights(s, w, u):
    """u M for the example weights, (n,)."""
    return ((chances(w, s.X) - onehot(s.y)) * logits(u, s.X)).sum(1) / len(s.y)


def penalised(s):
    return "l2" in s.problem.E.hyper(s.w0.size)


def error_gradient(s, w):
    """∇E."""
    of_data = data_gradient(w, s.Xv, s.yv, np.full(len(s.yv), 1 / len(s.yv)))
    return of_data + s.lam["l2"] * w if penalised(s) else of_data


def nothing(s, w=None):
    """Zeros for every block; with w, ∂E/∂λ."""
    total = {name: np.zeros_like(block) for name, block in s.lam.items()}
    return {**total, "l2": w @ w / 2} if w is not None and penalised(s) else total


def rate(s, t):
    return s.lam["eta"][t - 1] if s.lam["eta"].ndim else s.lam["eta"]


def descend(s):
    """w_0, …, w_T of gradient descent."""
    ws = [s.w0]
    for t in range(1, s.T + 1):
        ws.append(ws[-1] - rate(s, t) * gradient(s, t, ws[-1]))
    return ws


def roll(s):
    """v_0, …, v_T and w_0, …, w_T of momentum."""
    vs, ws = [np.zeros_like(s.w0)], [s.w0]
    for t in range(1, s.T + 1):
        vs.append(s.lam["mu"] * vs[-1] + gradient(s, t, ws[-1]))
        ws.append(ws[-1] - s.lam["eta"] * vs[-1])
    return vs, ws


def note_states(s, *paths):
    """Note s_0, …, s_T: each path has the values of one block of the state."""
    for state in zip(*paths, strict=True):
        s.note("states", *state)


def answer(s, eta, l2, w0):
    """The blocks of gradient descent, from a share of the rate for each step."""
    found = {"eta": eta if s.lam["eta"].ndim else eta.sum(), "l2": l2}
    return {**found, "w0": w0} if "w0" in s.lam else found


# --- right loops ---


def right(s: Setting) -> Gradient:
    """In reverse mode; forward mode for Adam. Not for mlp_momentum, nor for logistic_adamw."""
    if "mu" in s.lam:
        return right_momentum(s)
    if "beta" in s.lam:
        return right_rmsprop(s)
    return right_adam(s) if "beta1" in s.lam else right_descent(s)


def right_descent(s):
    ws = descend(s)
    note_states(s, ws)
    alpha, eta, l2 = error_gradient(s, ws[-1]), np.zeros(s.T), 0.0
    for t in range(s.T, 0, -1):
        s.note("alphas", alpha)
        w = ws[t - 1]
        eta[t - 1] = -alpha @ gradient(s, t, w)
        l2 -= rate(s, t) * alpha @ w
        alpha = alpha - rate(s, t) * product(s, t, w, alpha)
    s.note("alphas", alpha)
    return answer(s, eta, l2, alpha)


def right_momentum(s):
    vs, ws = roll(s)
    note_states(s, vs, ws)
    total, alpha, a = nothing(s, ws[-1]), error_gradient(s, ws[-1]), 0.0
    for t in range(s.T, 0, -1):
        s.note("alphas", a, alpha)
        w = ws[t - 1]
        total["eta"] -= alpha @ vs[t]
        a = a - s.lam["eta"] * alpha  # of v_t, by both ways
        total["mu"] += a @ vs[t - 1]
        total["l2"] += a @ w
        if "weights" in total:
            total["weights"] += of_weights(s, w, a)
        alpha = alpha + product(s, t, w, a)
        a = s.lam["mu"] * a
    s.note("alphas", a, alpha)
    return total


def root_mean_squares(s, u=0.0):
    """(w_{t-1}, u_{t-1}, g_t, u_t) of each step of RMSProp, and w_T."""
    w, u, kept = s.w0, np.full_like(s.w0, u), []
    for t in range(1, s.T + 1):
        g, before = gradient(s, t, w), u
        u = s.lam["beta"] * u + (1 - s.lam["beta"]) * g**2
        kept.append((w, before, g, u))
        w = w - s.lam["eta"] * g / (np.sqrt(u) + s.lam["eps"])
    return kept, w


def note_root_mean_squares(s, kept, w):
    """Note the states of RMSProp, of what root_mean_squares returns."""
    ws, us, _, after = zip(*kept, strict=True)
    note_states(s, [*us, after[-1]], [*ws, w])


def right_rmsprop(s):
    kept, w = root_mean_squares(s)
    total, alpha, a, beta = nothing(s), error_gradient(s, w), 0.0, s.lam["beta"]
    for t in range(s.T, 0, -1):
        w, before, g, u = kept[t - 1]
        root = np.sqrt(u) + s.lam["eps"]
        of_root = s.lam["eta"] * alpha * g / root**2
        a = a + of_root / (2 * np.sqrt(u))
        b = 2 * (1 - beta) * g * a - s.lam["eta"] * alpha / root  # of g
        total["eta"] -= alpha @ (g / root)
        total["eps"] += of_root.sum()
        total["beta"] += a @ (before - g**2)
        total["l2"] += b @ w
        alpha, a = alpha + product(s, t, w, b), beta * a
    return total


def right_adam(s):
    """Adam, with l2 in its loss: Z_t has a row for each of eta, beta1, beta2, eps, l2."""
    eta, b1, b2, eps, _ = s.lam.values()
    w, m, u = s.w0, np.zeros_like(s.w0), np.zeros_like(s.w0)
    dw, dm, du = np.zeros((3, 5, w.size))
    for t in range(1, s.T + 1):
        g = gradient(s, t, w)
        dg = np.array([product(s, t, w, row) for row in dw])
        dg[4] += w
        dm, du = b1 * dm + (1 - b1) * dg, b2 * du + (1 - b2) * 2 * g * dg
        dm[1] += m - g
        du[2] += u - g**2
        m, u = b1 * m + (1 - b1) * g, b2 * u + (1 - b2) * g**2
        c1, c2 = 1 - b1**t, 1 - b2**t
        mh, uh, dmh, duh = m / c1, u / c2, dm / c1, du / c2
        dmh[1] += mh * t * b1 ** (t - 1) / c1
        duh[2] += uh * t * b2 ** (t - 1) / c2
        root = np.sqrt(uh) + eps
        droot = duh / (2 * np.sqrt(uh))
        droot[3] += 1
        dw = dw - eta * (dmh / root - mh * droot / root**2)
        dw[0] -= mh / root
        w = w - eta * mh / root
    return dict(zip(s.lam, dw @ error_gradient(s, w), strict=True))


# --- gradient descent, with known mistakes ---


@wrong("first-order", on=("softmax_gd", "ridge_start"))
def sensitivities_that_only_add(s: Setting) -> Gradient:
    """Forward mode, Z_t = Z_{t-1} + B_t."""
    w, eta = s.w0, s.lam["eta"]
    z_eta, z_l2, z_w0 = np.zeros_like(w), np.zeros_like(w), np.eye(w.size)
    for t in range(1, s.T + 1):
        g = gradient(s, t, w)
        z_eta = z_eta - g
        z_l2 = z_l2 - eta * w
        w = w - eta * g
    e = error_gradient(s, w)
    return answer(s, np.atleast_1d(e @ z_eta), e @ z_l2, e @ z_w0)


@wrong("first-order", on=("softmax_schedule", "softmax_gd"))
def alpha_is_never_moved(s: Setting) -> Gradient:
    """Reverse mode, with ∇E for every α_t."""
    ws = descend(s)
    alpha = error_gradient(s, ws[-1])
    eta = np.array([-alpha @ gradient(s, t, ws[t - 1]) for t in range(1, s.T + 1)])
    l2 = -sum(rate(s, t) * alpha @ ws[t - 1] for t in range(1, s.T + 1))
    return answer(s, eta, l2, alpha)


@wrong("sign", on=("ridge_start", "softmax_schedule"))
def starts_with_a_direction_of_descent(s: Setting) -> Gradient:
    """α_T = −∇E."""
    ws = descend(s)
    alpha, eta, l2 = -error_gradient(s, ws[-1]), np.zeros(s.T), 0.0
    for t in reversed(range(1, s.T + 1)):
        w = ws[t - 1]
        eta[t - 1] = -alpha @ gradient(s, t, w)
        l2 -= rate(s, t) * alpha @ w
        alpha = alpha - rate(s, t) * product(s, t, w, alpha)
    return answer(s, eta, l2, alpha)


@wrong("logarithm", on=("softmax_gd", "softmax_schedule"))
def shares_times_the_rate(s: Setting) -> Gradient:
    """The update is written η g, and its derivative taken along log η."""
    ws = descend(s)
    alpha, eta, l2 = error_gradient(s, ws[-1]), np.zeros(s.T), 0.0
    for t in range(s.T, 0, -1):
        w = ws[t - 1]
        moved = rate(s, t) * gradient(s, t, w)
        eta[t - 1] = -alpha @ moved
        l2 -= rate(s, t) * alpha @ w
        alpha = alpha - rate(s, t) * product(s, t, w, alpha)
    return answer(s, eta, l2, alpha)


@wrong("reparametrised", on=("ridge_start", "softmax_schedule"))
def penalty_by_its_root(s: Setting) -> Gradient:
    """The penalty is (θ²/2) ‖w‖², and the gradient is that of θ."""
    theta, ws = np.sqrt(s.lam["l2"]), descend(s)
    alpha, eta, of_theta = error_gradient(s, ws[-1]), np.zeros(s.T), 0.0
    for t in range(s.T, 0, -1):
        w = ws[t - 1]
        X, y, c = examples(s, t)
        eta[t - 1] = -alpha @ (data_gradient(w, X, y, c) + theta**2 * w)
        of_theta -= rate(s, t) * 2 * theta * alpha @ w
        alpha = alpha - rate(s, t) * (data_product(w, X, c, alpha) + theta**2 * alpha)
    return answer(s, eta, of_theta, alpha)


@wrong("schedule-backwards", on=("softmax_schedule",))
def shares_appended(s: Setting) -> Gradient:
    """The shares of the rates are appended on the way back."""
    ws, eta, l2 = descend(s), [], 0.0
    alpha = error_gradient(s, ws.pop())
    for step in s.lam["eta"][::-1]:
        w = ws.pop()
        eta.append(-alpha @ gradient(s, 1, w))
        l2 -= step * alpha @ w
        alpha = alpha - step * product(s, 1, w, alpha)
    return {"eta": np.array(eta), "l2": l2}


@wrong("B-one-step-late", on=("softmax_gd", "ridge_start", "softmax_schedule"))
def alpha_moved_first(s: Setting) -> Gradient:
    """The line that moves α stands above those that use it."""
    ws = descend(s)
    alpha, eta, l2 = error_gradient(s, ws[-1]), np.zeros(s.T), 0.0
    for t in range(s.T, 0, -1):
        w = ws[t - 1]
        alpha = alpha - rate(s, t) * product(s, t, w, alpha)
        eta[t - 1] = -alpha @ gradient(s, t, w)
        l2 -= rate(s, t) * alpha @ w
    return answer(s, eta, l2, alpha)


@wrong("jacobians-at-s_t", on=("softmax_schedule", "ridge_start"))
def weights_after_the_step(s: Setting) -> Gradient:
    """ws[t] for ws[t - 1]."""
    ws = descend(s)
    alpha, eta, l2 = error_gradient(s, ws[-1]), np.zeros(s.T), 0.0
    for t in range(s.T, 0, -1):
        eta[t - 1] = -alpha @ gradient(s, t, ws[t])
        l2 -= rate(s, t) * alpha @ ws[t]
        alpha = alpha - rate(s, t) * product(s, t, ws[t], alpha)
    return answer(s, eta, l2, alpha)


@wrong("products-at-another-iterate", on=("softmax_schedule", "softmax_gd"))
def kept_gradients_and_overwritten_weights(s: Setting) -> Gradient:
    """g was kept, w was overwritten: the products are taken after the step."""
    w, kept = s.w0.copy(), []
    for t in range(1, s.T + 1):
        g = gradient(s, t, w)
        w = w - rate(s, t) * g
        kept.append((t, g, w))
    alpha, eta, l2 = error_gradient(s, w), np.zeros(s.T), 0.0
    for t, g, w in reversed(kept):
        eta[t - 1] = -alpha @ g
        l2 -= rate(s, t) * alpha @ w
        alpha = alpha - rate(s, t) * product(s, t, w, alpha)
    return answer(s, eta, l2, alpha)


@wrong("stale-rate", on=("softmax_schedule",))
def first_rate_on_the_way_back(s: Setting) -> Gradient:
    """eta[0] in every step back."""
    ws, step = descend(s), s.lam["eta"][0]
    alpha, eta, l2 = error_gradient(s, ws[-1]), np.zeros(s.T), 0.0
    for t in range(s.T, 0, -1):
        w = ws[t - 1]
        eta[t - 1] = -alpha @ gradient(s, t, w)
        l2 -= step * alpha @ w
        alpha = alpha - step * product(s, t, w, alpha)
    return {"eta": eta, "l2": l2}


@wrong("w0-not-learned", on=("ridge_start",))
def start_has_no_sensitivity(s: Setting) -> Gradient:
    """Forward mode in which Z_0 = 0 for w0 as well."""
    w, eta, p = s.w0, s.lam["eta"], s.w0.size
    Z = np.zeros((p, 2 + p))
    for t in range(1, s.T + 1):
        g = gradient(s, t, w)
        Z = Z - eta * np.stack([product(s, t, w, z) for z in Z.T], 1)
        Z[:, 0] -= g
        Z[:, 1] -= eta * w
        w = w - eta * g
    found = error_gradient(s, w) @ Z
    return {"eta": found[0], "l2": found[1], "w0": found[2:]}


@wrong("mixed-term-dropped", on=("ridge_start", "softmax_schedule"))
def no_share_for_the_penalty(s: Setting) -> Gradient:
    """The line for l2 was never written."""
    ws = descend(s)
    alpha, eta = error_gradient(s, ws[-1]), np.zeros(s.T)
    for t in range(s.T, 0, -1):
        eta[t - 1] = -alpha @ gradient(s, t, ws[t - 1])
        alpha = alpha - rate(s, t) * product(s, t, ws[t - 1], alpha)
    return answer(s, eta, 0.0, alpha)


@wrong("half-missing", on=("ridge_start", "softmax_gd"))
def ridge_without_its_half(s: Setting) -> Gradient:
    """The penalty is l2 ‖w‖²: 2 l2 w in the gradient, 2 l2 in H, 2 w in M."""
    ws, eta, l2 = [s.w0], s.lam["eta"], 2 * s.lam["l2"]
    X, y, c = examples(s, 1)
    for _ in range(s.T):
        ws.append(ws[-1] - eta * (data_gradient(ws[-1], X, y, c) + l2 * ws[-1]))
    alpha, of_eta, of_l2 = error_gradient(s, ws[-1]), np.zeros(s.T), 0.0
    for t in range(s.T, 0, -1):
        w = ws[t - 1]
        of_eta[t - 1] = -alpha @ (data_gradient(w, X, y, c) + l2 * w)
        of_l2 -= eta * alpha @ (2 * w)
        alpha = alpha - eta * (data_product(w, X, c, alpha) + l2 * alpha)
    return answer(s, of_eta, of_l2, alpha)


@wrong("sum-for-mean", on=("softmax_schedule", "ridge_start"))
def summed_error(s: Setting) -> Gradient:
    """α_T is the gradient of the summed validation losses."""
    ws = descend(s)
    alpha = data_gradient(ws[-1], s.Xv, s.yv, np.ones(len(s.yv)))
    eta, l2 = np.zeros(s.T), 0.0
    for t in range(s.T, 0, -1):
        w = ws[t - 1]
        eta[t - 1] = -alpha @ gradient(s, t, w)
        l2 -= rate(s, t) * alpha @ w
        alpha = alpha - rate(s, t) * product(s, t, w, alpha)
    return answer(s, eta, l2, alpha)


@wrong("sum-for-mean", on=("ridge_start", "softmax_schedule"))
def training_loss_divided_by_n_twice(s: Setting) -> Gradient:
    """The factor of an example is 1 / n²."""
    c, ws = np.full(len(s.y), len(s.y) ** -2.0), [s.w0]
    for t in range(1, s.T + 1):
        g = data_gradient(ws[-1], s.X, s.y, c) + s.lam["l2"] * ws[-1]
        ws.append(ws[-1] - rate(s, t) * g)
    alpha, eta, l2 = error_gradient(s, ws[-1]), np.zeros(s.T), 0.0
    for t in range(s.T, 0, -1):
        w = ws[t - 1]
        eta[t - 1] = -alpha @ (ws[t - 1] - ws[t]) / rate(s, t)
        l2 -= rate(s, t) * alpha @ w
        Hu = data_product(w, s.X, c, alpha) + s.lam["l2"] * alpha
        alpha = alpha - rate(s, t) * Hu
    return answer(s, eta, l2, alpha)


@wrong("steps-off-by-one", on=("ridge_start", "softmax_gd", "softmax_schedule"))
def last_weights_left_out(s: Setting) -> Gradient:
    """The list of weights ends before the last step."""
    ws = [s.w0]
    for t in range(1, s.T):
        ws.append(ws[-1] - rate(s, t) * gradient(s, t, ws[-1]))
    alpha, eta, l2 = error_gradient(s, ws[-1]), np.zeros(s.T), 0.0
    for t in range(len(ws) - 1, 0, -1):
        w = ws[t - 1]
        eta[t - 1] = -alpha @ gradient(s, t, w)
        l2 -= rate(s, t) * alpha @ w
        alpha = alpha - rate(s, t) * product(s, t, w, alpha)
    return answer(s, eta, l2, alpha)


@wrong("schedule-one-off", on=("softmax_schedule",))
def schedule_at_minus_one(s: Setting) -> Gradient:
    """Step t uses eta[t - 2]: step 1 the last rate."""
    etas, ws = s.lam["eta"], [s.w0]
    for t in range(1, s.T + 1):
        ws.append(ws[-1] - etas[t - 2] * gradient(s, t, ws[-1]))
    alpha, eta, l2 = error_gradient(s, ws[-1]), np.zeros(s.T), 0.0
    for t in range(s.T, 0, -1):
        w = ws[t - 1]
        eta[t - 2] -= alpha @ gradient(s, t, w)
        l2 -= etas[t - 2] * alpha @ w
        alpha = alpha - etas[t - 2] * product(s, t, w, alpha)
    return {"eta": eta, "l2": l2}


@wrong("E-on-training-data", on=("softmax_schedule", "ridge_start"))
def gradient_of_the_wrong_set(s: Setting) -> Gradient:
    """α_T comes from X and y."""
    ws = descend(s)
    alpha = data_gradient(ws[-1], s.X, s.y, np.full(len(s.y), 1 / len(s.y)))
    eta, l2 = np.zeros(s.T), 0.0
    for t in range(s.T, 0, -1):
        w = ws[t - 1]
        eta[t - 1] = -alpha @ gradient(s, t, w)
        l2 -= rate(s, t) * alpha @ w
        alpha = alpha - rate(s, t) * product(s, t, w, alpha)
    return answer(s, eta, l2, alpha)


@wrong("penalty-in-E", on=("ridge_start", "softmax_schedule"))
def error_with_a_penalty(s: Setting) -> Gradient:
    """α_T has l2 w_T, and l2 has ½ ‖w_T‖²."""
    ws = descend(s)
    alpha, eta = error_gradient(s, ws[-1]) + s.lam["l2"] * ws[-1], np.zeros(s.T)
    l2 = ws[-1] @ ws[-1] / 2
    for t in range(s.T, 0, -1):
        w = ws[t - 1]
        eta[t - 1] = -alpha @ gradient(s, t, w)
        l2 -= rate(s, t) * alpha @ w
        alpha = alpha - rate(s, t) * product(s, t, w, alpha)
    return answer(s, eta, l2, alpha)


@wrong("truncated", on=("softmax_gd", "ridge_start"))
def sensitivities_started_late(s: Setting) -> Gradient:
    """Forward mode: Z is carried in the last five steps only."""
    w, eta = s.w0, s.lam["eta"]
    z_eta, z_l2, z_w0 = np.zeros_like(w), np.zeros_like(w), np.zeros_like(w)
    for t in range(1, s.T + 1):
        g = gradient(s, t, w)
        if t > s.T - 5:
            z_eta = z_eta - eta * product(s, t, w, z_eta) - g
            z_l2 = z_l2 - eta * product(s, t, w, z_l2) - eta * w
        w = w - eta * g
    e = error_gradient(s, w)
    return answer(s, np.atleast_1d(e @ z_eta), e @ z_l2, z_w0)


@wrong("truncated", on=("softmax_schedule",))
def only_seven_states_kept(s: Setting) -> Gradient:
    """The weights before the last seven steps are dropped."""
    ws = dict(list(enumerate(descend(s)))[-8:])
    alpha, eta, l2, t = error_gradient(s, ws[s.T]), np.zeros(s.T), 0.0, s.T
    while t - 1 in ws:
        w = ws[t - 1]
        eta[t - 1] = -alpha @ gradient(s, t, w)
        l2 -= rate(s, t) * alpha @ w
        alpha = alpha - rate(s, t) * product(s, t, w, alpha)
        t -= 1
    return {"eta": eta, "l2": l2}


@wrong("permuted-blocks", on=("softmax_gd", "ridge_start"))
def returned_in_another_order(s: Setting) -> Gradient:
    """The tuple (l2, eta) is unpacked as (eta, l2)."""

    def loop(ws):
        alpha, eta, l2 = error_gradient(s, ws[-1]), 0.0, 0.0
        for t in range(s.T, 0, -1):
            eta = eta - alpha @ gradient(s, t, ws[t - 1])
            l2 = l2 - s.lam["eta"] * alpha @ ws[t - 1]
            alpha = alpha - s.lam["eta"] * product(s, t, ws[t - 1], alpha)
        return l2, eta, alpha

    eta, l2, w0 = loop(descend(s))
    return {"eta": eta, "l2": l2, "w0": w0} if "w0" in s.lam else {"eta": eta, "l2": l2}


def system(s, w):
    """H at w as a matrix, and M for l2."""
    return np.stack([product(s, 1, w, e) for e in np.eye(w.size)], 1), w


@wrong("implicit-limit", on=("ridge_start", "softmax_gd"))
def normal_equations(s: Setting) -> Gradient:
    """−∇E H⁻¹ w_T for l2, and nothing for the rest."""
    w = descend(s)[-1]
    H, M = system(s, w)
    return answer(s, np.zeros(s.T), -np.linalg.solve(H, error_gradient(s, w)) @ M, 0 * w)


@wrong("implicit-not-converged", on=("softmax_gd",))
def three_iterations_by_hand(s: Setting) -> Gradient:
    """Conjugate gradients, three of them."""
    w = descend(s)[-1]
    q, r = np.zeros_like(w), error_gradient(s, w)
    p = r
    for _ in range(3):
        Hp = product(s, 1, w, p)
        length = r @ r / (p @ Hp)
        q, old = q + length * p, r
        r = r - length * Hp
        p = r + (r @ r) / (old @ old) * p
    return answer(s, np.zeros(s.T), -q @ w, 0 * w)


@wrong("implicit-not-converged", on=("softmax_gd", "ridge_start"))
def ten_terms_by_hand(s: Setting) -> Gradient:
    """q ← q − η (H q − ∇E), ten times from zero."""
    w = descend(s)[-1]
    q, b = np.zeros_like(w), error_gradient(s, w)
    for _ in range(10):
        q = q - s.lam["eta"] * (product(s, 1, w, q) - b)
    return answer(s, np.zeros(s.T), -q @ w, 0 * w)


# --- momentum, with known mistakes ---


@wrong("first-order", on=("weighted_momentum", "penalised_error", "batches_momentum"))
def momentum_without_the_hessian(s: Setting) -> Gradient:
    """α of the weights is ∇E to the end; α of the velocity is carried by μ."""
    (vs, ws), mu = roll(s), s.lam["mu"]
    total, alpha, a = nothing(s, ws[-1]), error_gradient(s, ws[-1]), 0.0
    for t in range(s.T, 0, -1):
        total["eta"] -= alpha @ vs[t]
        a = a - s.lam["eta"] * alpha
        total["mu"] += a @ vs[t - 1]
        total["l2"] += a @ ws[t - 1]
        if "weights" in total:
            total["weights"] += of_weights(s, ws[t - 1], a)
        a = mu * a
    return total


@wrong("accessory-state-detached", on=("weighted_momentum", "batches_momentum"))
def one_alpha_for_momentum(s: Setting) -> Gradient:
    """The pass back is that of gradient descent, with v_t in place of g."""
    vs, ws = roll(s)
    total, alpha = nothing(s, ws[-1]), error_gradient(s, ws[-1])
    for t in range(s.T, 0, -1):
        total["eta"] -= alpha @ vs[t]
        a = -s.lam["eta"] * alpha
        total["mu"] += a @ vs[t - 1]
        total["l2"] += a @ ws[t - 1]
        if "weights" in total:
            total["weights"] += of_weights(s, ws[t - 1], a)
        alpha = alpha + product(s, t, ws[t - 1], a)
    return total


@wrong("first-velocity-detached", on=("batches_momentum", "weighted_momentum"))
def loop_back_ends_before_the_first_gradient(s: Setting) -> Gradient:
    """v_1 = g_1 is set before the loop, which starts at step 2; so the way back ends there."""
    vs, ws = roll(s)
    total, alpha, a = nothing(s, ws[-1]), error_gradient(s, ws[-1]), 0.0
    for t in range(s.T, 1, -1):
        total["eta"] -= alpha @ vs[t]
        a = a - s.lam["eta"] * alpha
        total["mu"] += a @ vs[t - 1]
        total["l2"] += a @ ws[t - 1]
        if "weights" in total:
            total["weights"] += of_weights(s, ws[t - 1], a)
        alpha = alpha + product(s, t, ws[t - 1], a)
        a = s.lam["mu"] * a
    total["eta"] -= alpha @ vs[1]
    return total


@wrong("direct-term-forgotten", on=("penalised_error",))
def starts_from_zero_shares(s: Setting) -> Gradient:
    """The share of l2 starts at zero, not at ½ ‖w_T‖²."""
    (vs, ws), mu = roll(s), s.lam["mu"]
    total, alpha, a = {"eta": 0.0, "mu": 0.0, "l2": 0.0}, error_gradient(s, ws[-1]), 0.0
    for t in range(s.T, 0, -1):
        a = mu * a - s.lam["eta"] * alpha
        total["eta"] -= alpha @ vs[t]
        total["mu"] += a @ vs[t - 1]
        total["l2"] += a @ ws[t - 1]
        alpha = alpha + product(s, t, ws[t - 1], a)
    return total


@wrong("only-direct-term", on=("penalised_error",))
def norm_of_the_final_weights(s: Setting) -> Gradient:
    """½ ‖w_T‖² for l2, zeros for the rest."""
    w = roll(s)[1][-1]
    return {"eta": 0.0, "mu": 0.0, "l2": w @ w / 2}


@wrong("other-batches", on=("batches_momentum",))
def batches_in_the_order_of_the_run(s: Setting) -> Gradient:
    """zip(reversed(states), batches): the batches are not reversed."""
    vs, ws = roll(s)
    total, alpha, a = nothing(s), error_gradient(s, ws[-1]), 0.0
    for t, other in zip(range(s.T, 0, -1), range(1, s.T + 1), strict=True):
        total["eta"] -= alpha @ vs[t]
        a = a - s.lam["eta"] * alpha
        total["mu"] += a @ vs[t - 1]
        total["l2"] += a @ ws[t - 1]
        alpha = alpha + product(s, other, ws[t - 1], a)
        a = s.lam["mu"] * a
    return total


@wrong("other-batches", on=("batches_momentum",))
def batch_of_the_next_step(s: Setting) -> Gradient:
    """Step t is taken back with batches[t % T]."""
    vs, ws = roll(s)
    total, alpha, a = nothing(s), error_gradient(s, ws[-1]), 0.0
    for t in range(s.T, 0, -1):
        total["eta"] -= alpha @ vs[t]
        a = a - s.lam["eta"] * alpha
        total["mu"] += a @ vs[t - 1]
        total["l2"] += a @ ws[t - 1]
        X = s.X[s.batches[t % s.T]]
        alpha = alpha + data_product(ws[t - 1], X, np.full(len(X), 1 / len(X)), a)
        alpha = alpha + s.lam["l2"] * a
        a = s.lam["mu"] * a
    return total


@wrong("batch-scaling", on=("batches_momentum",))
def batch_over_all_examples(s: Setting) -> Gradient:
    """1 / n is the factor of an example, in g and in H."""
    c, vs, ws = np.full(4, 1 / len(s.X)), [np.zeros_like(s.w0)], [s.w0]
    for rows in s.batches:
        g = data_gradient(ws[-1], s.X[rows], s.y[rows], c) + s.lam["l2"] * ws[-1]
        vs.append(s.lam["mu"] * vs[-1] + g)
        ws.append(ws[-1] - s.lam["eta"] * vs[-1])
    total, alpha, a = nothing(s), error_gradient(s, ws[-1]), 0.0
    for t in range(s.T, 0, -1):
        a = a - s.lam["eta"] * alpha
        total["eta"] -= alpha @ vs[t]
        total["mu"] += a @ vs[t - 1]
        total["l2"] += a @ ws[t - 1]
        Hu = data_product(ws[t - 1], s.X[s.batches[t - 1]], c, a)
        alpha = alpha + Hu + s.lam["l2"] * a
        a = s.lam["mu"] * a
    return total


@wrong("truncated", on=("weighted_momentum", "batches_momentum", "penalised_error"))
def stops_after_four(s: Setting) -> Gradient:
    """break after four steps back."""
    vs, ws = roll(s)
    total, alpha, a = nothing(s, ws[-1]), error_gradient(s, ws[-1]), 0.0
    for t in range(s.T, 0, -1):
        if t == s.T - 4:
            break
        total["eta"] -= alpha @ vs[t]
        a = a - s.lam["eta"] * alpha
        total["mu"] += a @ vs[t - 1]
        total["l2"] += a @ ws[t - 1]
        if "weights" in total:
            total["weights"] += of_weights(s, ws[t - 1], a)
        alpha = alpha + product(s, t, ws[t - 1], a)
        a = s.lam["mu"] * a
    return total


@wrong("averaged-momentum", on=("weighted_momentum",))
def velocity_with_one_minus_mu(s: Setting) -> Gradient:
    """v = μ v + (1 − μ) g, and its derivatives."""
    eta, mu, gs = s.lam["eta"], s.lam["mu"], []
    vs, ws = [np.zeros_like(s.w0)], [s.w0]
    for t in range(1, s.T + 1):
        gs.append(gradient(s, t, ws[-1]))
        vs.append(mu * vs[-1] + (1 - mu) * gs[-1])
        ws.append(ws[-1] - eta * vs[-1])
    total, alpha, a = nothing(s), error_gradient(s, ws[-1]), 0.0
    for t in range(s.T, 0, -1):
        a = a - eta * alpha
        b = (1 - mu) * a  # of g
        total["eta"] -= alpha @ vs[t]
        total["mu"] += a @ (vs[t - 1] - gs[t - 1])
        total["l2"] += b @ ws[t - 1]
        total["weights"] += of_weights(s, ws[t - 1], b)
        alpha, a = alpha + product(s, t, ws[t - 1], b), mu * a
    return total


@wrong("nesterov", on=("penalised_error", "batches_momentum"))
def look_ahead_by_hand(s: Setting) -> Gradient:
    """w − η (g + μ v), and its derivatives."""
    eta, mu, gs = s.lam["eta"], s.lam["mu"], []
    vs, ws = [np.zeros_like(s.w0)], [s.w0]
    for t in range(1, s.T + 1):
        gs.append(gradient(s, t, ws[-1]))
        vs.append(mu * vs[-1] + gs[-1])
        ws.append(ws[-1] - eta * (gs[-1] + mu * vs[-1]))
    total, alpha, a = nothing(s, ws[-1]), error_gradient(s, ws[-1]), 0.0
    for t in range(s.T, 0, -1):
        a = a - eta * mu * alpha
        b = a - eta * alpha  # of g
        total["eta"] -= alpha @ (gs[t - 1] + mu * vs[t])
        total["mu"] += a @ vs[t - 1] - eta * alpha @ vs[t]
        total["l2"] += b @ ws[t - 1]
        alpha, a = alpha + product(s, t, ws[t - 1], b), mu * a
    return total


@wrong("weights-normalised", on=("weighted_momentum",))
def weights_over_their_sum(s: Setting) -> Gradient:
    """c = weights / Σ weights, and its derivatives."""
    whole = s.lam["weights"].sum()
    c, vs, ws = s.lam["weights"] / whole, [np.zeros_like(s.w0)], [s.w0]
    for _ in range(s.T):
        g = data_gradient(ws[-1], s.X, s.y, c) + s.lam["l2"] * ws[-1]
        vs.append(s.lam["mu"] * vs[-1] + g)
        ws.append(ws[-1] - s.lam["eta"] * vs[-1])
    total, alpha, a = nothing(s), error_gradient(s, ws[-1]), 0.0
    for t in range(s.T, 0, -1):
        w, a = ws[t - 1], a - s.lam["eta"] * alpha
        each = len(s.y) * of_weights(s, w, a)
        total["eta"] -= alpha @ vs[t]
        total["mu"] += a @ vs[t - 1]
        total["l2"] += a @ w
        total["weights"] += (each - c @ each) / whole
        alpha = alpha + data_product(w, s.X, c, a) + s.lam["l2"] * a
        a = s.lam["mu"] * a
    return total


@wrong("rate-detached", on=("batches_momentum", "penalised_error"))
def sensitivities_without_mu(s: Setting) -> Gradient:
    """Forward mode, with rows for eta and l2 only."""
    eta, mu, w, v = s.lam["eta"], s.lam["mu"], s.w0, np.zeros_like(s.w0)
    dv, dw = np.zeros((2, 2, w.size))
    for t in range(1, s.T + 1):
        dv = mu * dv + np.array([product(s, t, w, row) for row in dw])
        dv[1] += w
        v = mu * v + gradient(s, t, w)
        dw = dw - eta * dv
        dw[0] -= v
        w = w - eta * v
    found = dw @ error_gradient(s, w)
    return {"eta": found[0], "mu": 0.0, "l2": found[1] + nothing(s, w)["l2"]}


# --- RMSProp and Adam, with known mistakes ---


@wrong("epsilon-place", on=("softmax_rmsprop",))
def root_of_u_plus_eps(s: Setting) -> Gradient:
    """√(u + ε), and its derivatives."""
    eta, beta, eps, _ = s.lam.values()
    w, u, kept = s.w0, np.zeros_like(s.w0), []
    for t in range(1, s.T + 1):
        g, before = gradient(s, t, w), u
        u = beta * u + (1 - beta) * g**2
        kept.append((w, before, g, np.sqrt(u + eps)))
        w = w - eta * g / kept[-1][-1]
    total, alpha, a = nothing(s), error_gradient(s, w), 0.0
    for t in range(s.T, 0, -1):
        w, before, g, root = kept[t - 1]
        inside = eta * alpha * g / (2 * root**3)
        a = a + inside
        b = 2 * (1 - beta) * g * a - eta * alpha / root
        total["eta"] -= alpha @ (g / root)
        total["eps"] += inside.sum()
        total["beta"] += a @ (before - g**2)
        total["l2"] += b @ w
        alpha, a = alpha + product(s, t, w, b), beta * a
    return total


@wrong("accumulator-start", on=("softmax_rmsprop",))
def squares_from_one(s: Setting) -> Gradient:
    """u_0 = 1, as in an older library."""
    kept, w = root_mean_squares(s, u=1.0)
    total, alpha, a, beta = nothing(s), error_gradient(s, w), 0.0, s.lam["beta"]
    for t in range(s.T, 0, -1):
        w, before, g, u = kept[t - 1]
        root = np.sqrt(u) + s.lam["eps"]
        of_root = s.lam["eta"] * alpha * g / root**2
        a = a + of_root / (2 * np.sqrt(u))
        b = 2 * (1 - beta) * g * a - s.lam["eta"] * alpha / root
        total["eta"] -= alpha @ (g / root)
        total["eps"] += of_root.sum()
        total["beta"] += a @ (before - g**2)
        total["l2"] += b @ w
        alpha, a = alpha + product(s, t, w, b), beta * a
    return total


@wrong("accessory-state-detached", on=("softmax_rmsprop",))
def mean_of_squares_not_carried(s: Setting) -> Gradient:
    """The cotangent of u is dropped after each step back."""
    kept, w = root_mean_squares(s)
    total, alpha, beta = nothing(s), error_gradient(s, w), s.lam["beta"]
    for t in range(s.T, 0, -1):
        w, before, g, u = kept[t - 1]
        root = np.sqrt(u) + s.lam["eps"]
        of_root = s.lam["eta"] * alpha * g / root**2
        a = of_root / (2 * np.sqrt(u))
        b = 2 * (1 - beta) * g * a - s.lam["eta"] * alpha / root
        total["eta"] -= alpha @ (g / root)
        total["eps"] += of_root.sum()
        total["beta"] += a @ (before - g**2)
        total["l2"] += b @ w
        alpha = alpha + product(s, t, w, b)
    return total


@wrong("bias-correction-constant", on=("logistic_adam",))
def corrections_without_derivatives(s: Setting) -> Gradient:
    """Forward mode, without the terms of 1 − β^t."""
    eta, b1, b2, eps, _ = s.lam.values()
    w, m, u = s.w0, np.zeros_like(s.w0), np.zeros_like(s.w0)
    dw, dm, du = np.zeros((3, 5, w.size))
    for t in range(1, s.T + 1):
        g = gradient(s, t, w)
        dg = np.array([product(s, t, w, row) for row in dw])
        dg[4] += w
        dm, du = b1 * dm + (1 - b1) * dg, b2 * du + (1 - b2) * 2 * g * dg
        dm[1] += m - g
        du[2] += u - g**2
        m, u = b1 * m + (1 - b1) * g, b2 * u + (1 - b2) * g**2
        mh, uh, c1, c2 = m / (1 - b1**t), u / (1 - b2**t), 1 - b1**t, 1 - b2**t
        root, droot = np.sqrt(uh) + eps, du / c2 / (2 * np.sqrt(uh))
        droot[3] += 1
        dw = dw - eta * (dm / c1 / root - mh * droot / root**2)
        dw[0] -= mh / root
        w = w - eta * mh / root
    return dict(zip(s.lam, dw @ error_gradient(s, w), strict=True))


@wrong("first-order", on=("logistic_adam",))
def adam_without_the_hessian(s: Setting) -> Gradient:
    """Forward mode, dg = M."""
    eta, b1, b2, eps, _ = s.lam.values()
    w, m, u = s.w0, np.zeros_like(s.w0), np.zeros_like(s.w0)
    dw, dm, du = np.zeros((3, 5, w.size))
    for t in range(1, s.T + 1):
        g, dg = gradient(s, t, w), np.zeros_like(dw)
        dg[4] = w
        dm, du = b1 * dm + (1 - b1) * dg, b2 * du + (1 - b2) * 2 * g * dg
        dm[1] += m - g
        du[2] += u - g**2
        m, u = b1 * m + (1 - b1) * g, b2 * u + (1 - b2) * g**2
        c1, c2 = 1 - b1**t, 1 - b2**t
        mh, uh, dmh, duh = m / c1, u / c2, dm / c1, du / c2
        dmh[1] += mh * t * b1 ** (t - 1) / c1
        duh[2] += uh * t * b2 ** (t - 1) / c2
        root, droot = np.sqrt(uh) + eps, duh / (2 * np.sqrt(uh))
        droot[3] += 1
        dw = dw - eta * (dmh / root - mh * droot / root**2)
        dw[0] -= mh / root
        w = w - eta * mh / root
    return dict(zip(s.lam, dw @ error_gradient(s, w), strict=True))


@wrong("bias-correction-missing", on=("logistic_adam",))
def adam_without_correction_by_hand(s: Setting) -> Gradient:
    """m / (√u + ε), and its derivatives, in forward mode."""
    eta, b1, b2, eps, _ = s.lam.values()
    w, m, u = s.w0, np.zeros_like(s.w0), np.zeros_like(s.w0)
    dw, dm, du = np.zeros((3, 5, w.size))
    for t in range(1, s.T + 1):
        g = gradient(s, t, w)
        dg = np.array([product(s, t, w, row) for row in dw])
        dg[4] += w
        dm, du = b1 * dm + (1 - b1) * dg, b2 * du + (1 - b2) * 2 * g * dg
        dm[1] += m - g
        du[2] += u - g**2
        m, u = b1 * m + (1 - b1) * g, b2 * u + (1 - b2) * g**2
        root, droot = np.sqrt(u) + eps, du / (2 * np.sqrt(u))
        droot[3] += 1
        dw = dw - eta * (dm / root - m * droot / root**2)
        dw[0] -= m / root
        w = w - eta * m / root
    return dict(zip(s.lam, dw @ error_gradient(s, w), strict=True))


@wrong("bias-correction-off-by-one", on=("logistic_adam",))
def corrections_of_the_next_step(s: Setting) -> Gradient:
    """enumerate(…, start=2): forward mode, with a count that begins at 2."""
    eta, b1, b2, eps, _ = s.lam.values()
    w, m, u = s.w0, np.zeros_like(s.w0), np.zeros_like(s.w0)
    dw, dm, du = np.zeros((3, 5, w.size))
    for k, t in enumerate(range(1, s.T + 1), start=2):
        g = gradient(s, t, w)
        dg = np.array([product(s, t, w, row) for row in dw])
        dg[4] += w
        dm, du = b1 * dm + (1 - b1) * dg, b2 * du + (1 - b2) * 2 * g * dg
        dm[1] += m - g
        du[2] += u - g**2
        m, u = b1 * m + (1 - b1) * g, b2 * u + (1 - b2) * g**2
        c1, c2 = 1 - b1**k, 1 - b2**k
        mh, uh, dmh, duh = m / c1, u / c2, dm / c1, du / c2
        dmh[1] += mh * k * b1 ** (k - 1) / c1
        duh[2] += uh * k * b2 ** (k - 1) / c2
        root, droot = np.sqrt(uh) + eps, duh / (2 * np.sqrt(uh))
        droot[3] += 1
        dw = dw - eta * (dmh / root - mh * droot / root**2)
        dw[0] -= mh / root
        w = w - eta * mh / root
    return dict(zip(s.lam, dw @ error_gradient(s, w), strict=True))


@wrong("bias-correction-added", on=("softmax_rmsprop",))
def corrected_mean_of_squares(s: Setting) -> Gradient:
    """√(u / (1 − β^t)), and its derivatives."""
    eta, beta, eps, _ = s.lam.values()
    w, u, kept = s.w0, np.zeros_like(s.w0), []
    for t in range(1, s.T + 1):
        g, before = gradient(s, t, w), u
        u = beta * u + (1 - beta) * g**2
        kept.append((w, before, g, u / (1 - beta**t)))
        w = w - eta * g / (np.sqrt(kept[-1][-1]) + eps)
    total, alpha, a = nothing(s), error_gradient(s, w), 0.0
    for t in range(s.T, 0, -1):
        (w, before, g, uh), c = kept[t - 1], 1 - beta**t
        root = np.sqrt(uh) + eps
        of_root = eta * alpha * g / root**2
        of_uh = of_root / (2 * np.sqrt(uh))
        a = a + of_uh / c
        b = 2 * (1 - beta) * g * a - eta * alpha / root
        total["eta"] -= alpha @ (g / root)
        total["eps"] += of_root.sum()
        total["beta"] += a @ (before - g**2) + of_uh @ uh * t * beta ** (t - 1) / c
        total["l2"] += b @ w
        alpha, a = alpha + product(s, t, w, b), beta * a
    return total


@wrong("accessory-state-detached", on=("logistic_adam",))
def means_without_sensitivities(s: Setting) -> Gradient:
    """Forward mode in which dm and du start anew in every step."""
    eta, b1, b2, eps, _ = s.lam.values()
    w, m, u = s.w0, np.zeros_like(s.w0), np.zeros_like(s.w0)
    dw = np.zeros((5, w.size))
    for t in range(1, s.T + 1):
        g = gradient(s, t, w)
        dg = np.array([product(s, t, w, row) for row in dw])
        dg[4] += w
        dm, du = (1 - b1) * dg, (1 - b2) * 2 * g * dg
        dm[1] += m - g
        du[2] += u - g**2
        m, u = b1 * m + (1 - b1) * g, b2 * u + (1 - b2) * g**2
        c1, c2 = 1 - b1**t, 1 - b2**t
        mh, uh, dmh, duh = m / c1, u / c2, dm / c1, du / c2
        dmh[1] += mh * t * b1 ** (t - 1) / c1
        duh[2] += uh * t * b2 ** (t - 1) / c2
        root, droot = np.sqrt(uh) + eps, duh / (2 * np.sqrt(uh))
        droot[3] += 1
        dw = dw - eta * (dmh / root - mh * droot / root**2)
        dw[0] -= mh / root
        w = w - eta * mh / root
    return dict(zip(s.lam, dw @ error_gradient(s, w), strict=True))


# --- mistakes without a name ---


@wrong("sign", on=("weighted_momentum", "batches_momentum", "penalised_error"))
def sign_of_the_share_of_mu(s: Setting) -> Gradient:
    """The share of μ is subtracted, like that of η."""
    vs, ws = roll(s)
    total, alpha, a = nothing(s, ws[-1]), error_gradient(s, ws[-1]), 0.0
    for t in range(s.T, 0, -1):
        total["eta"] -= alpha @ vs[t]
        a = a - s.lam["eta"] * alpha
        total["mu"] -= a @ vs[t - 1]
        total["l2"] += a @ ws[t - 1]
        if "weights" in total:
            total["weights"] += of_weights(s, ws[t - 1], a)
        alpha = alpha + product(s, t, ws[t - 1], a)
        a = s.lam["mu"] * a
    return total


@wrong(on=("weighted_momentum", "batches_momentum"), lost=("grad", 0, "mu"))
def velocity_after_the_step_for_mu(s: Setting) -> Gradient:
    """The share of μ has v_t, not v_{t-1}."""
    vs, ws = roll(s)
    note_states(s, vs, ws)
    total, alpha, a = nothing(s, ws[-1]), error_gradient(s, ws[-1]), 0.0
    for t in range(s.T, 0, -1):
        s.note("alphas", a, alpha)
        total["eta"] -= alpha @ vs[t]
        a = a - s.lam["eta"] * alpha
        total["mu"] += a @ vs[t]
        total["l2"] += a @ ws[t - 1]
        if "weights" in total:
            total["weights"] += of_weights(s, ws[t - 1], a)
        alpha = alpha + product(s, t, ws[t - 1], a)
        a = s.lam["mu"] * a
    return total


@wrong(on=("batches_momentum", "penalised_error"), lost=("grad", 0, "eta"))
def velocity_before_the_step_for_eta(s: Setting) -> Gradient:
    """The share of η has v_{t-1}, not v_t."""
    vs, ws = roll(s)
    note_states(s, vs, ws)
    total, alpha, a = nothing(s, ws[-1]), error_gradient(s, ws[-1]), 0.0
    for t in range(s.T, 0, -1):
        s.note("alphas", a, alpha)
        total["eta"] -= alpha @ vs[t - 1]
        a = a - s.lam["eta"] * alpha
        total["mu"] += a @ vs[t - 1]
        total["l2"] += a @ ws[t - 1]
        alpha = alpha + product(s, t, ws[t - 1], a)
        a = s.lam["mu"] * a
    return total


@wrong(on=("softmax_gd", "ridge_start"), lost=("alphas", 7, "A_t"))
def alpha_reset_in_the_middle(s: Setting) -> Gradient:
    """α is set to ∇E once more after half of the steps back."""
    ws = descend(s)
    note_states(s, ws)
    alpha, eta, l2 = error_gradient(s, ws[-1]), np.zeros(s.T), 0.0
    for t in range(s.T, 0, -1):
        if t == s.T // 2:
            alpha = error_gradient(s, ws[-1])
        s.note("alphas", alpha)
        eta[t - 1] = -alpha @ gradient(s, t, ws[t - 1])
        l2 -= rate(s, t) * alpha @ ws[t - 1]
        alpha = alpha - rate(s, t) * product(s, t, ws[t - 1], alpha)
    return answer(s, eta, l2, alpha)


@wrong(on=("softmax_gd", "softmax_schedule"), lost=("alphas", 13, "A_t"))
def discounted(s: Setting) -> Gradient:
    """α loses a tenth in every step back."""
    ws = descend(s)
    note_states(s, ws)
    alpha, eta, l2 = error_gradient(s, ws[-1]), np.zeros(s.T), 0.0
    for t in range(s.T, 0, -1):
        s.note("alphas", alpha)
        eta[t - 1] = -alpha @ gradient(s, t, ws[t - 1])
        l2 -= rate(s, t) * alpha @ ws[t - 1]
        alpha = 0.9 * (alpha - rate(s, t) * product(s, t, ws[t - 1], alpha))
    return answer(s, eta, l2, alpha)


@wrong(on=("softmax_schedule", "ridge_start"), lost=("alphas", 13, "A_t"))
def hessian_counted_twice(s: Setting) -> Gradient:
    """α ← α (I − 2 η H)."""
    ws = descend(s)
    note_states(s, ws)
    alpha, eta, l2 = error_gradient(s, ws[-1]), np.zeros(s.T), 0.0
    for t in range(s.T, 0, -1):
        s.note("alphas", alpha)
        w = ws[t - 1]
        eta[t - 1] = -alpha @ gradient(s, t, w)
        l2 -= rate(s, t) * alpha @ w
        alpha = alpha - 2 * rate(s, t) * product(s, t, w, alpha)
    return answer(s, eta, l2, alpha)


@wrong(on=("softmax_gd", "ridge_start"), lost=("grad", 0, "l2"))
def penalty_share_without_the_rate(s: Setting) -> Gradient:
    """The share of l2 lacks η."""
    ws = descend(s)
    note_states(s, ws)
    alpha, eta, l2 = error_gradient(s, ws[-1]), np.zeros(s.T), 0.0
    for t in range(s.T, 0, -1):
        s.note("alphas", alpha)
        w = ws[t - 1]
        eta[t - 1] = -alpha @ gradient(s, t, w)
        l2 -= alpha @ w
        alpha = alpha - rate(s, t) * product(s, t, w, alpha)
    return answer(s, eta, l2, alpha)


@wrong(on=("softmax_gd", "softmax_schedule"), lost=("alphas", 14, "∇E"))
def alpha_clipped(s: Setting) -> Gradient:
    """The entries of α are held within half of its first largest."""
    ws = descend(s)
    note_states(s, ws)
    alpha, eta, l2 = error_gradient(s, ws[-1]), np.zeros(s.T), 0.0
    bound = np.abs(alpha).max() / 2
    for t in range(s.T, 0, -1):
        alpha = np.clip(alpha, -bound, bound)
        s.note("alphas", alpha)
        eta[t - 1] = -alpha @ gradient(s, t, ws[t - 1])
        l2 -= rate(s, t) * alpha @ ws[t - 1]
        alpha = alpha - rate(s, t) * product(s, t, ws[t - 1], alpha)
    return answer(s, eta, l2, alpha)


@wrong("jacobians-transposed", on=("batches_momentum", "penalised_error"))
def transposed_jacobians(s: Setting) -> Gradient:
    """A α in place of α A, for A = [[μ, H], [−ημ, I − ηH]]."""
    (vs, ws), eta, mu = roll(s), s.lam["eta"], s.lam["mu"]
    total, alpha, a = nothing(s, ws[-1]), error_gradient(s, ws[-1]), np.zeros_like(s.w0)
    for t in range(s.T, 0, -1):
        total["eta"] -= alpha @ vs[t]
        total["mu"] += (a - eta * alpha) @ vs[t - 1]
        total["l2"] += (a - eta * alpha) @ ws[t - 1]
        next_a = mu * a + product(s, t, ws[t - 1], alpha)
        alpha = alpha - eta * next_a
        a = next_a
    return total


@wrong("loss-twice-or-half", on=("ridge_start",))
def error_without_its_half(s: Setting) -> Gradient:
    """E = mean of the squares."""
    ws = descend(s)
    alpha, eta, l2 = 2 * s.Xv.T @ (s.Xv @ ws[-1] - s.yv) / len(s.yv), np.zeros(s.T), 0.0
    for t in range(s.T, 0, -1):
        eta[t - 1] = -alpha @ gradient(s, t, ws[t - 1])
        l2 -= rate(s, t) * alpha @ ws[t - 1]
        alpha = alpha - rate(s, t) * product(s, t, ws[t - 1], alpha)
    return answer(s, eta, l2, alpha)


def squares(s, of_error):
    """Ridge by the normal matrix, with mean squares in J, and a factor of ∇E."""
    G, b, step = 2 * s.X.T @ s.X / len(s.y), 2 * s.X.T @ s.y / len(s.y), s.lam["eta"]
    H, ws = G + s.lam["l2"] * np.eye(len(G)), [s.w0]
    for _ in range(s.T):
        ws.append(ws[-1] - step * (H @ ws[-1] - b))
    alpha, eta, l2 = of_error * error_gradient(s, ws[-1]), 0.0, 0.0
    for w in ws[-2::-1]:
        eta -= alpha @ (H @ w - b)
        l2 -= step * alpha @ w
        alpha = alpha - step * H @ alpha
    return {"eta": eta, "l2": l2, "w0": alpha}


@wrong("loss-twice-or-half", on=("ridge_start",))
def training_loss_without_its_half(s: Setting) -> Gradient:
    """J has the mean of the squares, the penalty its ½."""
    return squares(s, 1)


@wrong("loss-twice-or-half", on=("ridge_start",))
def both_losses_without_their_halves(s: Setting) -> Gradient:
    """J and E have the mean of the squares."""
    return squares(s, 2)


@wrong(on=("weighted_momentum",), lost=("grad", 0, "weights"))
def share_of_the_weights_not_divided(s: Setting) -> Gradient:
    """The shares of the example weights lack 1 / n."""
    vs, ws = roll(s)
    note_states(s, vs, ws)
    total, alpha, a = nothing(s), error_gradient(s, ws[-1]), 0.0
    for t in range(s.T, 0, -1):
        s.note("alphas", a, alpha)
        total["eta"] -= alpha @ vs[t]
        a = a - s.lam["eta"] * alpha
        total["mu"] += a @ vs[t - 1]
        total["l2"] += a @ ws[t - 1]
        total["weights"] += ((chances(ws[t - 1], s.X) - onehot(s.y)) * logits(a, s.X)).sum(1)
        alpha = alpha + product(s, t, ws[t - 1], a)
        a = s.lam["mu"] * a
    return total


@wrong(on=("weighted_momentum",), lost=("grad", 0, "weights"))
def gradient_of_the_weights_centred(s: Setting) -> Gradient:
    """The gradient of the weights is projected, so that their sum would not change."""
    found = right_momentum(s)
    return {**found, "weights": found["weights"] - found["weights"].mean()}


@wrong(on=("weighted_momentum",), lost=("alphas", 13, "A_t"))
def hessian_without_the_weights(s: Setting) -> Gradient:
    """The product with H is that of the plain mean."""
    vs, ws = roll(s)
    note_states(s, vs, ws)
    total, alpha, a = nothing(s), error_gradient(s, ws[-1]), 0.0
    for t in range(s.T, 0, -1):
        s.note("alphas", a, alpha)
        total["eta"] -= alpha @ vs[t]
        a = a - s.lam["eta"] * alpha
        total["mu"] += a @ vs[t - 1]
        total["l2"] += a @ ws[t - 1]
        total["weights"] += of_weights(s, ws[t - 1], a)
        Hu = data_product(ws[t - 1], s.X, np.full(len(s.y), 1 / len(s.y)), a)
        alpha = alpha + Hu + s.lam["l2"] * a
        a = s.lam["mu"] * a
    return total


@wrong("first-order", on=("weighted_momentum", "penalised_error"))
def hessian_without_the_penalty(s: Setting) -> Gradient:
    """The product with H is that of the data's loss."""
    vs, ws = roll(s)
    total, alpha, a = nothing(s, ws[-1]), error_gradient(s, ws[-1]), 0.0
    for t in range(s.T, 0, -1):
        X, _, c = examples(s, t)
        total["eta"] -= alpha @ vs[t]
        a = a - s.lam["eta"] * alpha
        total["mu"] += a @ vs[t - 1]
        total["l2"] += a @ ws[t - 1]
        if "weights" in total:
            total["weights"] += of_weights(s, ws[t - 1], a)
        alpha = alpha + data_product(ws[t - 1], X, c, a)
        a = s.lam["mu"] * a
    return total


@wrong(on=("softmax_schedule",), lost=("grad", 0, "eta"))
def mean_of_the_schedule(s: Setting) -> Gradient:
    """Every rate gets the mean of all shares."""
    found = right_descent(s)
    return {**found, "eta": np.full(s.T, found["eta"].mean())}


@wrong(on=("softmax_gd", "softmax_schedule"), lost=("alphas", 13, "A_t"))
def curvature_of_each_class_alone(s: Setting) -> Gradient:
    """The Hessian of softmax is taken for diag(p (1 − p))."""
    ws = descend(s)
    note_states(s, ws)
    alpha, eta, l2 = error_gradient(s, ws[-1]), np.zeros(s.T), 0.0
    for t in range(s.T, 0, -1):
        s.note("alphas", alpha)
        P = chances(ws[t - 1], s.X)
        eta[t - 1] = -alpha @ gradient(s, t, ws[t - 1])
        l2 -= rate(s, t) * alpha @ ws[t - 1]
        Hu = flat(P * (1 - P) * logits(alpha, s.X) / len(s.y), s.X) + s.lam["l2"] * alpha
        alpha = alpha - rate(s, t) * Hu
    return answer(s, eta, l2, alpha)


@wrong(on=("softmax_gd", "ridge_start"), lost=("alphas", 13, "A_t"))
def diagonal_of_the_hessian(s: Setting) -> Gradient:
    """Only the diagonal of H is used."""
    ws = descend(s)
    note_states(s, ws)
    alpha, eta, l2 = error_gradient(s, ws[-1]), np.zeros(s.T), 0.0
    for t in range(s.T, 0, -1):
        s.note("alphas", alpha)
        eta[t - 1] = -alpha @ gradient(s, t, ws[t - 1])
        l2 -= rate(s, t) * alpha @ ws[t - 1]
        diagonal = np.diag(system(s, ws[t - 1])[0])
        alpha = alpha * (1 - rate(s, t) * diagonal)
    return answer(s, eta, l2, alpha)


@wrong(on=("softmax_gd", "softmax_schedule"), lost=("alphas", 13, "A_t"))
def biases_left_out_of_the_product(s: Setting) -> Gradient:
    """The product with H moves the matrix only: z lacks the tangent of the biases."""
    ws = descend(s)
    note_states(s, ws)
    alpha, eta, l2 = error_gradient(s, ws[-1]), np.zeros(s.T), 0.0
    for t in range(s.T, 0, -1):
        s.note("alphas", alpha)
        eta[t - 1] = -alpha @ gradient(s, t, ws[t - 1])
        l2 -= rate(s, t) * alpha @ ws[t - 1]
        u = alpha.copy()
        u[-CLASSES:] = 0
        Hu = data_product(ws[t - 1], s.X, np.full(len(s.y), 1 / len(s.y)), u)
        alpha = alpha - rate(s, t) * (Hu + s.lam["l2"] * alpha)
    return answer(s, eta, l2, alpha)


@wrong(on=("softmax_gd", "ridge_start"), lost=("grad", 0, "eta l2"))
def last_share_missing(s: Setting) -> Gradient:
    """α_T is moved before the loop, in which B_T does not occur."""
    ws = descend(s)
    note_states(s, ws)
    alpha = error_gradient(s, ws[-1])
    s.note("alphas", alpha)
    alpha = alpha - rate(s, s.T) * product(s, s.T, ws[-2], alpha)
    eta, l2 = np.zeros(s.T), 0.0
    for t in range(s.T - 1, 0, -1):
        s.note("alphas", alpha)
        eta[t - 1] = -alpha @ gradient(s, t, ws[t - 1])
        l2 -= rate(s, t) * alpha @ ws[t - 1]
        alpha = alpha - rate(s, t) * product(s, t, ws[t - 1], alpha)
    return answer(s, eta, l2, alpha)


@wrong("B-one-step-late", on=("softmax_schedule", "softmax_gd"))
def shares_one_step_early(s: Setting) -> Gradient:
    """B_t is multiplied by α_{t+1}, and B_T by α_T."""
    ws = descend(s)
    alpha, eta, l2 = error_gradient(s, ws[-1]), np.zeros(s.T), 0.0
    late = alpha
    for t in range(s.T, 0, -1):
        eta[t - 1] = -late @ gradient(s, t, ws[t - 1])
        l2 -= rate(s, t) * late @ ws[t - 1]
        late, alpha = alpha, alpha - rate(s, t) * product(s, t, ws[t - 1], alpha)
    return answer(s, eta, l2, alpha)


@wrong(on=("softmax_gd", "weighted_momentum", "penalised_error"), lost=("grad", 0, "eta"))
def share_of_the_rate_averaged(s: Setting) -> Gradient:
    """η gets the mean of its shares over the steps, not their sum."""
    found = right(s)
    return {**found, "eta": found["eta"] / s.T}


@wrong(on=("softmax_gd", "weighted_momentum"), lost=("alphas", 14, "∇E"))
def validation_set_with_its_own_mean(s: Setting) -> Gradient:
    """The validation features are centred by their own mean."""
    Xv = s.Xv - s.Xv.mean(0)
    c = np.full(len(s.yv), 1 / len(s.yv))
    vs, ws = roll(s) if "mu" in s.lam else (None, descend(s))
    note_states(s, *([vs, ws] if vs else [ws]))
    mu, a = s.lam.get("mu", 0.0), 0.0
    total, alpha = nothing(s), data_gradient(ws[-1], Xv, s.yv, c)
    for t in range(s.T, 0, -1):
        s.note("alphas", *([mu * a] if vs else []), alpha)
        total["eta"] -= alpha @ (vs[t] if vs else gradient(s, t, ws[t - 1]))
        a = mu * a - s.lam["eta"] * alpha
        total["l2"] += a @ ws[t - 1]
        if vs:
            total["mu"] += a @ vs[t - 1]
            total["weights"] += of_weights(s, ws[t - 1], a)
        alpha = alpha + product(s, t, ws[t - 1], a)
    return total


@wrong(on=("ridge_start",), lost=("grad", 0, "eta l2 w0"))
@wrong(on=("softmax_gd",), lost=("grad", 0, "eta l2"))
def mean_of_partial_hypergradients(s: Setting) -> Gradient:
    """∇E(w_t) Z_t, as in real time, averaged over all t."""
    w, eta, p = s.w0, s.lam["eta"], s.w0.size
    Z, found = np.hstack([np.zeros((p, 2)), np.eye(p)]), 0.0
    s.note("states", w)
    for t in range(1, s.T + 1):
        g = gradient(s, t, w)
        Z = Z - eta * np.stack([product(s, t, w, z) for z in Z.T], 1)
        Z[:, 0] -= g
        Z[:, 1] -= eta * w
        w = w - eta * g
        s.note("states", w)
        found = found + error_gradient(s, w) @ Z / s.T
    return answer(s, found[:1], found[1], found[2:])


@wrong(on=("softmax_gd",), lost=("grad", 0, "l2"))
def sensitivity_of_the_penalty_after_the_step(s: Setting) -> Gradient:
    """Forward mode, with −η w_t for −η w_{t-1} in B_t."""
    w, eta, p = s.w0, s.lam["eta"], s.w0.size
    Z = np.hstack([np.zeros((p, 2)), np.eye(p)])
    s.note("states", w)
    for t in range(1, s.T + 1):
        g = gradient(s, t, w)
        Z = Z - eta * np.stack([product(s, t, w, z) for z in Z.T], 1)
        w = w - eta * g
        s.note("states", w)
        Z[:, 0] -= g
        Z[:, 1] -= eta * w
    found = error_gradient(s, w) @ Z
    return answer(s, found[:1], found[1], found[2:])


@wrong(on=("penalised_error", "batches_momentum"), lost=("grad", 0, "eta mu l2"))
def normalised(s: Setting) -> Gradient:
    """The gradient is divided by its norm."""
    found = right(s)
    norm = np.sqrt(sum(np.sum(block**2) for block in found.values()))
    return {name: block / norm for name, block in found.items()}


@wrong(on=("softmax_rmsprop",), lost=("alphas", 13, "A_t"))
def root_without_its_half(s: Setting) -> Gradient:
    """d√u = du / √u."""
    kept, w = root_mean_squares(s)
    note_root_mean_squares(s, kept, w)
    total, alpha, a, beta = nothing(s), error_gradient(s, w), 0.0, s.lam["beta"]
    for t in range(s.T, 0, -1):
        s.note("alphas", a, alpha)
        w, before, g, u = kept[t - 1]
        root = np.sqrt(u) + s.lam["eps"]
        of_root = s.lam["eta"] * alpha * g / root**2
        a = a + of_root / np.sqrt(u)
        b = 2 * (1 - beta) * g * a - s.lam["eta"] * alpha / root
        total["eta"] -= alpha @ (g / root)
        total["eps"] += of_root.sum()
        total["beta"] += a @ (before - g**2)
        total["l2"] += b @ w
        alpha, a = alpha + product(s, t, w, b), beta * a
    return total


@wrong(on=("softmax_rmsprop",), lost=("grad", 0, "beta eps"))
def half_of_the_share_of_beta(s: Setting) -> Gradient:
    """β gets u, and not u − g²; ε gets its share with the wrong sign."""
    kept, w = root_mean_squares(s)
    note_root_mean_squares(s, kept, w)
    total, alpha, a, beta = nothing(s), error_gradient(s, w), 0.0, s.lam["beta"]
    for t in range(s.T, 0, -1):
        s.note("alphas", a, alpha)
        w, before, g, u = kept[t - 1]
        root = np.sqrt(u) + s.lam["eps"]
        of_root = s.lam["eta"] * alpha * g / root**2
        a = a + of_root / (2 * np.sqrt(u))
        b = 2 * (1 - beta) * g * a - s.lam["eta"] * alpha / root
        total["eta"] -= alpha @ (g / root)
        total["eps"] -= of_root.sum()
        total["beta"] += a @ before
        total["l2"] += b @ w
        alpha, a = alpha + product(s, t, w, b), beta * a
    return total


@wrong("denominator-detached", on=("logistic_adam",))
def squares_without_sensitivities(s: Setting) -> Gradient:
    """Forward mode in which du is only that of β2: g² has no derivative."""
    eta, b1, b2, eps, _ = s.lam.values()
    w, m, u = s.w0, np.zeros_like(s.w0), np.zeros_like(s.w0)
    dw, dm, du = np.zeros((3, 5, w.size))
    for t in range(1, s.T + 1):
        g = gradient(s, t, w)
        dg = np.array([product(s, t, w, row) for row in dw])
        dg[4] += w
        dm, du = b1 * dm + (1 - b1) * dg, b2 * du
        dm[1] += m - g
        du[2] += u - g**2
        m, u = b1 * m + (1 - b1) * g, b2 * u + (1 - b2) * g**2
        c1, c2 = 1 - b1**t, 1 - b2**t
        mh, uh, dmh, duh = m / c1, u / c2, dm / c1, du / c2
        dmh[1] += mh * t * b1 ** (t - 1) / c1
        duh[2] += uh * t * b2 ** (t - 1) / c2
        root, droot = np.sqrt(uh) + eps, duh / (2 * np.sqrt(uh))
        droot[3] += 1
        dw = dw - eta * (dmh / root - mh * droot / root**2)
        dw[0] -= mh / root
        w = w - eta * mh / root
    return dict(zip(s.lam, dw @ error_gradient(s, w), strict=True))


# --- two mistakes of different parts ---


@wrong("truncated + sum-for-mean", on=("weighted_momentum", "batches_momentum"))
def four_steps_back_from_a_sum(s: Setting) -> Gradient:
    """Four steps back, from summed validation losses."""
    vs, ws = roll(s)
    total, a = nothing(s), 0.0
    alpha = data_gradient(ws[-1], s.Xv, s.yv, np.ones(len(s.yv)))
    for t in range(s.T, s.T - 4, -1):
        total["eta"] -= alpha @ vs[t]
        a = a - s.lam["eta"] * alpha
        total["mu"] += a @ vs[t - 1]
        total["l2"] += a @ ws[t - 1]
        if "weights" in total:
            total["weights"] += of_weights(s, ws[t - 1], a)
        alpha = alpha + product(s, t, ws[t - 1], a)
        a = s.lam["mu"] * a
    return total


@wrong("first-order + half-missing", on=("ridge_start", "softmax_gd"))
def unmoved_alpha_and_no_half(s: Setting) -> Gradient:
    """l2 ‖w‖² in the run, and ∇E for every α_t."""
    w, step, l2 = s.w0, s.lam["eta"], 2 * s.lam["l2"]
    z_eta, z_l2 = np.zeros_like(w), np.zeros_like(w)
    for t in range(1, s.T + 1):
        g = data_gradient(w, *examples(s, t)) + l2 * w
        z_eta, z_l2 = z_eta - g, z_l2 - 2 * step * w
        w = w - step * g
    alpha = error_gradient(s, w)
    return answer(s, np.atleast_1d(alpha @ z_eta), alpha @ z_l2, alpha)


@wrong("sign + B-one-step-late", on=("ridge_start", "softmax_schedule"))
def minus_and_late(s: Setting) -> Gradient:
    """α_T = −∇E, and α is moved first."""
    ws = descend(s)
    alpha, eta, l2 = -error_gradient(s, ws[-1]), np.zeros(s.T), 0.0
    for t in range(s.T, 0, -1):
        w = ws[t - 1]
        alpha = alpha - rate(s, t) * product(s, t, w, alpha)
        eta[t - 1] = -alpha @ gradient(s, t, w)
        l2 -= rate(s, t) * alpha @ w
    return answer(s, eta, l2, alpha)


@wrong("stale-rate + E-on-training-data", on=("softmax_schedule",))
def first_rate_and_the_wrong_set(s: Setting) -> Gradient:
    """eta[0] on the way back, from the training data."""
    ws, step = descend(s), s.lam["eta"][0]
    alpha = data_gradient(ws[-1], s.X, s.y, np.full(len(s.y), 1 / len(s.y)))
    eta, l2 = np.zeros(s.T), 0.0
    for t in range(s.T, 0, -1):
        eta[t - 1] = -alpha @ gradient(s, t, ws[t - 1])
        l2 -= step * alpha @ ws[t - 1]
        alpha = alpha - step * product(s, t, ws[t - 1], alpha)
    return {"eta": eta, "l2": l2}


@wrong("schedule-backwards + half-missing", on=("softmax_schedule",))
def appended_shares_without_the_half(s: Setting) -> Gradient:
    """l2 ‖w‖² in the run, and shares appended on the way back."""
    (X, y, c), l2, ws = examples(s, 1), 2 * s.lam["l2"], [s.w0]
    for step in s.lam["eta"]:
        ws.append(ws[-1] - step * (data_gradient(ws[-1], X, y, c) + l2 * ws[-1]))
    alpha, of_eta, of_l2 = error_gradient(s, ws.pop()), [], 0.0
    for step in s.lam["eta"][::-1]:
        w = ws.pop()
        of_eta.append(-alpha @ (data_gradient(w, X, y, c) + l2 * w))
        of_l2 -= step * alpha @ (2 * w)
        alpha = alpha - step * (data_product(w, X, c, alpha) + l2 * alpha)
    return {"eta": np.array(of_eta), "l2": of_l2}


@wrong("other-batches + sum-for-mean", on=("batches_momentum",))
def batches_of_the_run_and_a_sum(s: Setting) -> Gradient:
    """The batches are not reversed, and the validation losses are summed."""
    vs, ws = roll(s)
    total, a = nothing(s), 0.0
    alpha = data_gradient(ws[-1], s.Xv, s.yv, np.ones(len(s.yv)))
    for t in range(s.T, 0, -1):
        total["eta"] -= alpha @ vs[t]
        a = a - s.lam["eta"] * alpha
        total["mu"] += a @ vs[t - 1]
        total["l2"] += a @ ws[t - 1]
        alpha = alpha + product(s, s.T + 1 - t, ws[t - 1], a)
        a = s.lam["mu"] * a
    return total


@wrong("accessory-state-detached + steps-off-by-one", on=("batches_momentum", "penalised_error"))
def one_alpha_and_one_step_less(s: Setting) -> Gradient:
    """The velocity is not carried back, and the run ends at T − 1."""
    vs, ws = roll(s)
    vs, ws = vs[:-1], ws[:-1]
    total, alpha = nothing(s, ws[-1]), error_gradient(s, ws[-1])
    for t in range(len(ws) - 1, 0, -1):
        total["eta"] -= alpha @ vs[t]
        a = -s.lam["eta"] * alpha
        total["mu"] += a @ vs[t - 1]
        total["l2"] += a @ ws[t - 1]
        alpha = alpha + product(s, t, ws[t - 1], a)
    return total


@wrong("w0-not-learned + half-missing", on=("ridge_start",))
def constant_start_and_no_half(s: Setting) -> Gradient:
    """l2 ‖w‖², and no block for the start."""
    X, y, c = examples(s, 1)
    H = X.T @ X / len(y) + 2 * s.lam["l2"] * np.eye(X.shape[1])
    ws = [s.w0]
    for _ in range(s.T):
        ws.append(ws[-1] - s.lam["eta"] * (H @ ws[-1] - X.T @ (c * y)))
    alpha, eta, l2 = error_gradient(s, ws[-1]), 0.0, 0.0
    for w in ws[-2::-1]:
        eta -= alpha @ (H @ w - X.T @ (c * y))
        l2 -= 2 * s.lam["eta"] * alpha @ w
        alpha = alpha - s.lam["eta"] * H @ alpha
    return {"eta": eta, "l2": l2, "w0": np.zeros_like(alpha)}


@wrong("direct-term-forgotten + first-order", on=("penalised_error",))
def no_direct_term_and_no_hessian(s: Setting) -> Gradient:
    """α of the weights stays ∇E, and l2 starts at zero."""
    vs, ws = roll(s)
    total, alpha, a = nothing(s), error_gradient(s, ws[-1]), 0.0
    for t in range(s.T, 0, -1):
        a = s.lam["mu"] * a - s.lam["eta"] * alpha
        total["eta"] -= alpha @ vs[t]
        total["mu"] += a @ vs[t - 1]
        total["l2"] += a @ ws[t - 1]
    return total


@wrong("jacobians-at-s_t + logarithm", on=("softmax_gd", "ridge_start"))
def after_the_step_and_by_the_logarithm(s: Setting) -> Gradient:
    """ws[t] for ws[t - 1], and the share of log l2."""
    ws = descend(s)
    alpha, eta, l2 = error_gradient(s, ws[-1]), np.zeros(s.T), 0.0
    for t in range(s.T, 0, -1):
        eta[t - 1] = -alpha @ gradient(s, t, ws[t])
        l2 -= rate(s, t) * alpha @ (s.lam["l2"] * ws[t])
        alpha = alpha - rate(s, t) * product(s, t, ws[t], alpha)
    return answer(s, eta, l2, alpha)


@wrong("implicit-limit + sum-for-mean", on=("ridge_start", "softmax_gd"))
def normal_equations_and_a_sum(s: Setting) -> Gradient:
    """−∇E H⁻¹ w_T, for summed validation losses."""
    w = descend(s)[-1]
    H, M = system(s, w)
    b = data_gradient(w, s.Xv, s.yv, np.ones(len(s.yv)))
    return answer(s, np.zeros(s.T), -np.linalg.solve(H, b) @ M, 0 * w)


@wrong("penalty-in-E + B-one-step-late", on=("softmax_gd", "softmax_schedule"))
def penalised_error_and_late(s: Setting) -> Gradient:
    """E has the training penalty, and α is moved first."""
    ws = descend(s)
    alpha, eta = error_gradient(s, ws[-1]) + s.lam["l2"] * ws[-1], np.zeros(s.T)
    l2 = ws[-1] @ ws[-1] / 2
    for t in range(s.T, 0, -1):
        w = ws[t - 1]
        alpha = alpha - rate(s, t) * product(s, t, w, alpha)
        eta[t - 1] = -alpha @ gradient(s, t, w)
        l2 -= rate(s, t) * alpha @ w
    return answer(s, eta, l2, alpha)


@wrong("mixed-term-dropped + stale-rate", on=("softmax_schedule",))
def no_penalty_share_and_the_first_rate(s: Setting) -> Gradient:
    """No line for l2, and eta[0] on the way back."""
    ws = descend(s)
    alpha, eta = error_gradient(s, ws[-1]), np.zeros(s.T)
    for t in range(s.T, 0, -1):
        eta[t - 1] = -alpha @ gradient(s, t, ws[t - 1])
        alpha = alpha - s.lam["eta"][0] * product(s, t, ws[t - 1], alpha)
    return {"eta": eta, "l2": 0.0}


@wrong("sign + epsilon-place", on=("softmax_rmsprop",))
def minus_and_eps_inside(s: Setting) -> Gradient:
    """√(u + ε), and α_T = −∇E."""
    found = root_of_u_plus_eps(s)
    return {name: -block for name, block in found.items()}


@wrong("averaged-momentum + truncated", on=("batches_momentum",))
def running_mean_and_seven_steps(s: Setting) -> Gradient:
    """v = μ v + (1 − μ) g, and seven steps back."""
    eta, mu, gs = s.lam["eta"], s.lam["mu"], []
    vs, ws = [np.zeros_like(s.w0)], [s.w0]
    for t in range(1, s.T + 1):
        gs.append(gradient(s, t, ws[-1]))
        vs.append(mu * vs[-1] + (1 - mu) * gs[-1])
        ws.append(ws[-1] - eta * vs[-1])
    total, alpha, a = nothing(s), error_gradient(s, ws[-1]), 0.0
    for t in range(s.T, s.T - 7, -1):
        a = a - eta * alpha
        total["eta"] -= alpha @ vs[t]
        total["mu"] += a @ (vs[t - 1] - gs[t - 1])
        total["l2"] += (1 - mu) * a @ ws[t - 1]
        alpha = alpha + product(s, t, ws[t - 1], (1 - mu) * a)
        a = mu * a
    return total
