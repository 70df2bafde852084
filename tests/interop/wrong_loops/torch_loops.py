"""Hypergradients in torch that are wrong, in the ways in which one gets them wrong.

First the right loops: losses, steps, and `right(s)`. Then the wrong ones, each as a user would have
written it. A step t = 1 … T goes from s_{t-1} to s_t; a state is a tuple that ends with w.
"""

from __future__ import annotations

import numpy as np
import torch
from settings import CLASSES, D, Loops, Setting
from torch.nn.functional import cross_entropy, one_hot, softplus

LOOPS = Loops()
wrong = LOOPS.wrong


# What is right


def leaves(s: Setting):
    """λ, as tensors that require grad."""
    return {
        name: torch.tensor(block, dtype=torch.float64, requires_grad=True)
        for name, block in s.lam.items()
    }


def start(s, lam):
    """The first weights: a block of λ, or a constant."""
    if "w0" in lam:
        return lam["w0"]
    return torch.tensor(s.w0, dtype=torch.float64, requires_grad=True)


def steps(s):
    return range(1, s.T + 1)


def layers(w):
    """W1, b1, W2, b2 of the network."""
    W1, b1, W2, b2 = w.split([5 * D, 5, 5 * CLASSES, CLASSES])
    return W1.view(5, D), b1, W2.view(CLASSES, 5), b2


def scores(w, X):
    """z for each row of X."""
    X = torch.tensor(X, dtype=w.dtype)
    if len(w) == D:
        return X @ w
    if len(w) == D + 1:
        return X @ w[:D] + w[D]
    if len(w) == CLASSES * (D + 1):
        return X @ w[:-CLASSES].view(CLASSES, D).T + w[-CLASSES:]
    W1, b1, W2, b2 = layers(w)
    return torch.tanh(X @ W1.T + b1) @ W2.T + b2


def losses(w, X, y):
    """The loss of each example."""
    z, y = scores(w, X), torch.tensor(y)
    if y.dtype.is_floating_point:
        return (z - y) ** 2 / 2
    return softplus(z) - y * z if z.dim() == 1 else cross_entropy(z, y, reduction="none")


def rows(s, t):
    """The examples of step t."""
    return slice(None) if s.batches is None else s.batches[t - 1]


def fit(s, w, lam, t):
    """The training loss of step t without its penalty."""
    each = losses(w, s.X[rows(s, t)], s.y[rows(s, t)])
    return (lam["weights"] * each).mean() if "weights" in lam else each.mean()


def penalty(w, lam):
    return lam["l2"] / 2 * (w @ w) if "l2" in lam else 0


def J(s, w, lam, t):
    return fit(s, w, lam, t) + penalty(w, lam)


def penalised(s):
    """Whether E has the penalty too: of the settings with momentum, the one without extras."""
    plain = set(s.lam) == {"eta", "mu", "l2"} and s.batches is None
    return plain and len(s.w0) == CLASSES * (D + 1)


def E(s, w, lam):
    error = losses(w, s.Xv, s.yv).mean()
    return error + penalty(w, lam) if penalised(s) else error


def slope(value, w):
    """The gradient, itself differentiable."""
    return torch.autograd.grad(value, w, create_graph=True)[0]


def pull(outputs, inputs, alpha=None):
    """alpha times the Jacobian of the outputs, for each input; zeros where there is no path."""
    got = torch.autograd.grad(outputs, inputs, alpha, retain_graph=True, allow_unused=True)
    return [torch.zeros_like(x) if g is None else g for x, g in zip(inputs, got, strict=True)]


def named(lam, parts):
    return dict(zip(lam, parts, strict=True))


def gradients(error, lam):
    return named(lam, pull(error, list(lam.values())))


def rate(lam, t):
    return lam["eta"][t - 1] if lam["eta"].dim() else lam["eta"]


def descent(s, lam, t, w):
    return (w - rate(lam, t) * slope(J(s, w, lam, t), w),)


def momentum(s, lam, t, v, w):
    v = lam["mu"] * v + slope(J(s, w, lam, t), w)
    return v, w - lam["eta"] * v


def adam(s, lam, t, m, u, w):
    """Also AdamW, where λ has a weight_decay."""
    eta, beta1, beta2, eps = (lam[name] for name in ("eta", "beta1", "beta2", "eps"))
    g = slope(J(s, w, lam, t), w)
    m, u = beta1 * m + (1 - beta1) * g, beta2 * u + (1 - beta2) * g * g
    root = (u / (1 - beta2**t)).sqrt() + eps
    w = (1 - eta * lam.get("weight_decay", 0)) * w
    return m, u, w - eta * m / (1 - beta1**t) / root


def rmsprop(s, lam, t, u, w):
    g = slope(J(s, w, lam, t), w)
    u = lam["beta"] * u + (1 - lam["beta"]) * g * g
    return u, w - lam["eta"] * g / (u.sqrt() + lam["eps"])


def step_of(s):
    if "beta1" in s.lam:
        return adam
    if "beta" in s.lam:
        return rmsprop
    return momentum if "mu" in s.lam else descent


def accessory(s):
    """How many blocks of a state stand before w."""
    return {descent: 0, momentum: 1, rmsprop: 1, adam: 2}[step_of(s)]


def begin(s, lam):
    """s_0: velocities and running means are zero."""
    w = start(s, lam)
    return (*[torch.zeros_like(w)] * accessory(s), w)


def recorded(path, *state):
    """Put a state at the end of a path, as copies; the loop goes on with these.

    The new w is made from the new v; E's derivative in the copy of v leaves that way out, and so it
    is the block of α.
    """
    path.append(tuple(x.clone() for x in state))
    return path[-1]


def unrolled(s, lam):
    """All states of a run, s_0 to s_T, with their past."""
    step, path = step_of(s), [begin(s, lam)]
    for t in steps(s):
        recorded(path, *step(s, lam, t, *path[-1]))
    return path


def trained(s, lam):
    """w_T."""
    return unrolled(s, lam)[-1][-1]


def right(s: Setting):
    """The right hypergradient."""
    lam = leaves(s)
    return gradients(E(s, trained(s, lam), lam), lam)


def fresh(state):
    """The same state, without a past."""
    return tuple(x.detach().requires_grad_() for x in state)


def run(s, lam, step):
    """All states of a run, s_0 to s_T, without their past: for a backward pass by hand."""
    states = [fresh(begin(s, lam))]
    for t in steps(s):
        states.append(fresh(step(s, lam, t, *states[-1])))
    return states


def last(s, lam, state):
    """α_T, the gradient of E with respect to the state."""
    return tuple(pull(E(s, state[-1], lam), list(state)))


def zeros(lam):
    return [torch.zeros_like(x) for x in lam.values()]


def add(total, parts):
    return [a + b for a, b in zip(total, parts, strict=True)]


# What a loop notes of itself


def note_states(s, states):
    for state in states:
        s.note("states", *[torch.as_tensor(x).double() for x in state])


def noted(s, path, error):
    """Note the states of a path, and autograd's α of each, the derivative of this error.

    path  may have a velocity in training that has none; α_0 is left out where a block is a constant
    """
    path = [state[-1 - accessory(s) :] for state in path]
    note_states(s, path)
    for state in reversed(path):
        if all(torch.is_tensor(x) and x.requires_grad for x in state):
            s.note("alphas", *[x.double() for x in pull(error, state)])
    return error


# The sign; nothing at all


@wrong("sign", on=("softmax_gd", "mlp_momentum"))
def gradient_of_the_score(s):
    """The score −E was to be maximised, and its gradient was handed over as that of E."""
    lam = leaves(s)
    score = -E(s, trained(s, lam), lam)
    return gradients(score, lam)


@wrong("sign", on=("logistic_adam", "ridge_start"))
def differences_the_wrong_way(s):
    """f(λ − h) − f(λ + h) over 2h."""

    def f(name, i, h):
        lam = leaves(s)
        with torch.no_grad():
            lam[name].view(-1)[i] += h
        return E(s, trained(s, lam), lam).item()

    found = {}
    for name, block in leaves(s).items():
        each = [(f(name, i, -1e-5) - f(name, i, 1e-5)) / 2e-5 for i in range(block.numel())]
        found[name] = torch.tensor(each).view(block.shape)
    return found


@wrong("zero", on=("softmax_gd", "weighted_momentum"))
def weights_updated_in_data(s):
    """The inner loop writes into w.data, as optimizers do; λ.grad stays None."""
    lam, w = leaves(s), torch.tensor(s.w0, requires_grad=True)
    v = torch.zeros_like(w)
    mu = lam["mu"].item() if "mu" in lam else 0.0
    for t in steps(s):
        (g,) = torch.autograd.grad(J(s, w, lam, t), w)
        v = mu * v + g
        w.data -= lam["eta"].item() * v
    E(s, w, lam).backward()
    return {n: torch.zeros_like(x) if x.grad is None else x.grad for n, x in lam.items()}


@wrong("zero", on=("logistic_adam", "softmax_rmsprop"))
def a_run_without_a_graph(s):
    """The trained weights come out of a function that detaches them."""
    lam = leaves(s)
    w = trained(s, lam).detach().requires_grad_()
    return gradients(E(s, w, lam), lam)


@wrong("zero", on=("batches_momentum",))
def numbers_from_a_config(s):
    """The loop reads the numbers from a config; the tensors are made beside it."""
    config = {name: torch.tensor(float(block)) for name, block in s.lam.items()}
    v, w = 0.0, start(s, {})
    for t in steps(s):
        v = config["mu"].double() * v + slope(J(s, w, config, t), w)
        w = w - config["eta"].double() * v
    return gradients(E(s, w, config), leaves(s))


# Another variable


@wrong("logarithm", on=("softmax_gd", "weighted_momentum", "softmax_rmsprop"))
def logarithms_of_all(s):
    """Everything is learned as θ = log λ; θ's gradient was handed over."""
    theta = {name: torch.tensor(np.log(block), requires_grad=True) for name, block in s.lam.items()}
    lam = {name: x.exp() for name, x in theta.items()}
    return gradients(E(s, trained(s, lam), lam), theta)


@wrong("logarithm", on=("batches_momentum", "logistic_adam"))
def exponent_of_the_penalty(s):
    """l2 = 10^θ, as on a logarithmic grid; the other blocks are plain."""
    free = leaves(s)
    free["l2"] = torch.tensor(np.log10(s.lam["l2"]), requires_grad=True)
    lam = {**free, "l2": 10 ** free["l2"]}
    return gradients(E(s, trained(s, lam), lam), free)


@wrong("logarithm", on=("mlp_momentum", "softmax_schedule"))
def elasticity_in_the_rate(s):
    """The rate's gradient was multiplied by the rate, to plot it against log η."""
    lam = leaves(s)
    found = gradients(E(s, trained(s, lam), lam), lam)
    found["eta"] = found["eta"] * lam["eta"].detach()
    return found


@wrong("logarithm", on=("penalised_error", "logistic_adamw"))
def decades_of_all(s):
    """Every hyperparameter is 10^θ."""
    theta = {n: torch.log10(x).detach().requires_grad_() for n, x in leaves(s).items()}
    lam = {name: torch.pow(10.0, x) for name, x in theta.items()}
    return gradients(E(s, trained(s, lam), lam), theta)


@wrong("reparametrised", on=("weighted_momentum", "mlp_momentum"))
def momentum_through_a_sigmoid(s):
    """μ = σ(θ) keeps it below one; θ's gradient was handed over."""
    free = leaves(s)
    free["mu"] = torch.logit(free["mu"]).detach().requires_grad_()
    lam = {**free, "mu": torch.sigmoid(free["mu"])}
    v, w = 0, start(s, lam)
    for t in steps(s):
        v = lam["mu"] * v + slope(J(s, w, lam, t), w)
        w = w - lam["eta"] * v
    return gradients(E(s, w, lam), free)


@wrong("reparametrised", on=("softmax_gd", "softmax_schedule"))
def softplus_of_rate_and_penalty(s):
    """Both are kept positive by a softplus."""
    free = {n: torch.log(torch.expm1(x)).detach().requires_grad_() for n, x in leaves(s).items()}
    lam = {name: softplus(x) for name, x in free.items()}
    w = start(s, lam)
    for t in steps(s):
        w = w - rate(lam, t) * slope(J(s, w, lam, t), w)
    return gradients(E(s, w, lam), free)


@wrong("reparametrised", on=("logistic_adam", "weighted_momentum"))
def square_of_the_penalty(s):
    """l2 = θ²."""
    free = leaves(s)
    free["l2"] = free["l2"].sqrt().detach().requires_grad_()
    lam = {**free, "l2": free["l2"] ** 2}
    return gradients(E(s, trained(s, lam), lam), free)


@wrong("reparametrised", on=("softmax_gd", "batches_momentum"))
def inverse_of_the_penalty(s):
    """C = 1 / l2, as the libraries of support vector machines have it."""
    lam = leaves(s)
    C = (1 / lam["l2"]).detach().requires_grad_()
    with_C = {**lam, "l2": 1 / C}
    return gradients(E(s, trained(s, with_C), with_C), {**lam, "l2": C})


@wrong("reparametrised", on=("softmax_rmsprop",))
def half_life_of_the_mean(s):
    """β = 2^(−1/h): h, the half-life in steps, is what is learned."""
    free = leaves(s)
    free["beta"] = (-1 / torch.log2(free["beta"])).detach().requires_grad_()
    lam = {**free, "beta": 2 ** (-1 / free["beta"])}
    return gradients(E(s, trained(s, lam), lam), free)


@wrong("reparametrised", "sign", on=("logistic_adam", "logistic_adamw"))
def one_minus_beta(s):
    """The loop is in terms of the small numbers 1 − β1 and 1 − β2."""
    free = leaves(s)
    for name in ("beta1", "beta2"):
        free[name] = (1 - free[name]).detach().requires_grad_()
    lam = {**free, "beta1": 1 - free["beta1"], "beta2": 1 - free["beta2"]}
    return gradients(E(s, trained(s, lam), lam), free)


# Right numbers in wrong places


@wrong("permuted-blocks", on=("batches_momentum", "penalised_error"))
def gradients_by_sorted_names(s):
    """The gradients come in the order of the names, and are paired with the sorted names."""
    lam = leaves(s)
    parts = pull(E(s, trained(s, lam), lam), list(lam.values()))
    return dict(zip(sorted(lam), parts, strict=True))


@wrong("permuted-blocks", on=("logistic_adam",))
def betas_swapped(s):
    """(β2, β1) came back where (β1, β2) was expected."""
    lam = leaves(s)
    found = gradients(E(s, trained(s, lam), lam), lam)
    return {**found, "beta1": found["beta2"], "beta2": found["beta1"]}


@wrong("permuted-blocks", on=("ridge_start",))
def weights_first_in_the_vector(s):
    """One vector with w0 in front, split as if w0 were last."""
    lam = leaves(s)
    found = gradients(E(s, trained(s, lam), lam), lam)
    vector = torch.cat([found["w0"], found["eta"][None], found["l2"][None]])
    return {"eta": vector[0], "l2": vector[1], "w0": vector[2:]}


@wrong(on=("weighted_momentum",), lost=("grad", 0, "weights"))
def table_of_weights_by_columns(s):
    """The weights stand in a matrix of 4 rows; its gradient was flattened by columns."""
    lam = leaves(s)
    path = unrolled(s, lam)
    found = gradients(noted(s, path, E(s, path[-1][-1], lam)), lam)
    found["weights"] = found["weights"].view(4, -1).T.reshape(-1)
    return found


@wrong("schedule-backwards", on=("softmax_schedule",))
def rates_appended_on_the_way_back(s):
    """The list of the rates' gradients was never turned round."""
    lam = leaves(s)
    states = run(s, lam, descent)
    (alpha,) = last(s, lam, states[-1])
    of_eta, of_l2 = [], 0
    for t in reversed(steps(s)):
        (w,) = states[t - 1]
        g = slope(J(s, w, lam, t), w)
        of_eta.append(-alpha @ g.detach())
        uH, uM = pull(g, [w, lam["l2"]], alpha)
        of_l2 = of_l2 - rate(lam, t).detach() * uM
        alpha = alpha - rate(lam, t).detach() * uH
    return {"eta": torch.stack(of_eta), "l2": of_l2}


@wrong("schedule-backwards", on=("softmax_schedule",))
def rates_pushed_to_the_front(s):
    """Each step makes its rate a leaf and puts it before the others."""
    lam, of_steps = leaves(s), []
    w = start(s, lam)
    for t in steps(s):
        of_steps.insert(0, torch.tensor(s.lam["eta"][t - 1], requires_grad=True))
        w = w - of_steps[0] * slope(J(s, w, lam, t), w)
    *of_eta, of_l2 = pull(E(s, w, lam), [*of_steps, lam["l2"]])
    return {"eta": torch.stack(of_eta), "l2": of_l2}


@wrong("run-backwards-in-its-schedule", on=("softmax_schedule",))
def schedule_popped_from_the_end(s):
    """The rates are popped off a list: the run begins with the last one."""
    lam = leaves(s)
    w, left = start(s, lam), list(lam["eta"])
    for t in steps(s):
        w = w - left.pop() * slope(J(s, w, lam, t), w)
    return gradients(E(s, w, lam), lam)


@wrong("schedule-one-off", on=("softmax_schedule",))
def next_rate_last_one_twice(s):
    """eta[t] for step t; the last step takes what is left."""
    lam = leaves(s)
    w = start(s, lam)
    for t in steps(s):
        w = w - lam["eta"][min(t, s.T - 1)] * slope(J(s, w, lam, t), w)
    return gradients(E(s, w, lam), lam)


@wrong("schedule-one-off", on=("softmax_schedule",))
def next_rate_wrapped(s):
    """eta[t % T] for step t = 1 … T."""
    lam, t = leaves(s), 0
    w = start(s, lam)
    while t < s.T:
        t += 1
        w = w - lam["eta"][t % s.T] * slope(J(s, w, lam, t), w)
    return gradients(E(s, w, lam), lam)


@wrong("schedule-one-off", on=("softmax_schedule",))
def scheduler_stepped_late(s):
    """The rate is set after the update, so the first one serves twice."""
    lam = leaves(s)
    w, eta = start(s, lam), lam["eta"][0]
    for t in steps(s):
        w = w - eta * slope(J(s, w, lam, t), w)
        eta = lam["eta"][t - 1]
    return gradients(E(s, w, lam), lam)


@wrong(on=("softmax_schedule",), lost=("states", 1, "the step"))
def mean_of_the_schedule(s):
    """One rate for all steps, the mean of the schedule."""
    lam = leaves(s)
    w = start(s, lam)
    path = [(w,)]
    for t in steps(s):
        w = w - lam["eta"].mean() * slope(J(s, w, lam, t), w)
        (w,) = recorded(path, w)
    return gradients(noted(s, path, E(s, w, lam)), lam)


@wrong("stale-rate", on=("softmax_schedule",))
def step_built_once_with_its_rate(s):
    """The backward pass multiplies by a rate that was read before the loop."""
    lam = leaves(s)
    states = run(s, lam, descent)
    eta = lam["eta"][0].detach()
    (alpha,) = last(s, lam, states[-1])
    found = {"eta": torch.zeros(s.T, dtype=torch.float64), "l2": 0}
    for t in reversed(steps(s)):
        (w,) = states[t - 1]
        g = slope(J(s, w, lam, t), w)
        uH, uM = pull(g, [w, lam["l2"]], alpha)
        found["eta"][t - 1] = -alpha @ g.detach()
        found["l2"] = found["l2"] - eta * uM
        alpha = alpha - eta * uH
    return found


@wrong("stale-rate", on=("softmax_schedule",))
def replay_with_the_first_rate(s):
    """Each step is replayed as w − η g with the η of step 1, moved by the change of its own."""
    lam = leaves(s)
    states = run(s, lam, descent)
    total = zeros(lam)
    (alpha,) = last(s, lam, states[-1])
    for t in reversed(steps(s)):
        (w,) = states[t - 1]
        own = lam["eta"][t - 1]
        new = w - (lam["eta"][0].detach() + own - own.detach()) * slope(J(s, w, lam, t), w)
        alpha, *parts = pull(new, [w, *lam.values()], alpha)
        total = add(total, parts)
    return named(lam, total)


@wrong(on=("softmax_schedule",), lost=("alphas", 12, "A_t"))
def states_carried_with_the_last_rate(s):
    """A_t has the rate of the last step; what λ does in a step, B_t, is right."""
    lam = leaves(s)
    states = run(s, lam, descent)
    note_states(s, states)
    total = zeros(lam)
    (alpha,) = last(s, lam, states[-1])
    s.note("alphas", alpha)
    for t in reversed(steps(s)):
        (w,) = states[t - 1]
        total = add(total, pull(descent(s, lam, t, w), list(lam.values()), (alpha,)))
        (alpha,) = pull(descent(s, lam, s.T, w), [w], (alpha,))
        s.note("alphas", alpha)
    return named(lam, total)


# What is held constant


@wrong("w0-not-learned", on=("ridge_start",))
def start_from_an_array(s):
    """The start is made of the array, not of the leaf."""
    lam = leaves(s)
    w = torch.tensor(s.w0, requires_grad=True)
    for t in steps(s):
        w = w - lam["eta"] * slope(J(s, w, lam, t), w)
    return gradients(E(s, w, lam), lam)


@wrong("w0-not-learned", on=("ridge_start",))
def start_copied_into_a_parameter(s):
    """The start is copied into a new nn.Parameter."""
    lam = leaves(s)
    layer = torch.nn.Linear(D, 1, bias=False, dtype=torch.float64)
    with torch.no_grad():
        layer.weight.copy_(lam["w0"][None])
    w = layer.weight[0]
    for t in steps(s):
        g = slope(J(s, w, lam, t), w)
        w = w - lam["eta"] * g
    return gradients(E(s, w, lam), lam)


@wrong("rate-detached", on=("softmax_gd", "batches_momentum"))
def rate_as_a_number(s):
    """lr = eta.item(), as an optimizer wants it."""
    lam = leaves(s)
    lr, mu = lam["eta"].item(), lam.get("mu", 0)
    v, w = 0, start(s, lam)
    for t in steps(s):
        v = mu * v + slope(J(s, w, lam, t), w)
        w = w - lr * v
    return gradients(E(s, w, lam), lam)


@wrong("rate-detached", on=("mlp_momentum", "weighted_momentum"))
def momentum_as_a_number(s):
    """v.mul(mu.detach()).add(g)."""
    lam = leaves(s)
    w = start(s, lam)
    v = torch.zeros_like(w)
    for t in steps(s):
        v = v.mul(lam["mu"].detach()).add(slope(J(s, w, lam, t), w))
        w = w.sub(lam["eta"] * v)
    return gradients(E(s, w, lam), lam)


@wrong("rate-detached", on=("logistic_adam", "softmax_rmsprop"))
def epsilon_as_a_number(s):
    """ε is a float in the code; nobody thinks of learning it."""
    lam = leaves(s)
    in_loop = {**lam, "eps": torch.tensor(float(s.lam["eps"]), dtype=torch.float64)}
    return gradients(E(s, trained(s, in_loop), lam), lam)


@wrong("rate-detached", on=("logistic_adamw",))
def decay_as_a_number(s):
    """The decay goes in as a float."""
    lam = leaves(s)
    eta, beta1, beta2, eps, decay = lam.values()
    w = start(s, lam)
    m = u = torch.zeros_like(w)
    for t in steps(s):
        g = slope(J(s, w, lam, t), w)
        w = w * (1 - eta * decay.item())
        m, u = beta1 * m + (1 - beta1) * g, beta2 * u + (1 - beta2) * g**2
        w = w - eta * (m / (1 - beta1**t)) / ((u / (1 - beta2**t)).sqrt() + eps)
    return gradients(E(s, w, lam), lam)


@wrong("rate-detached", on=("softmax_schedule",))
def schedule_as_a_list(s):
    """eta.tolist() for the loop."""
    lam = leaves(s)
    w = start(s, lam)
    for t, eta in enumerate(lam["eta"].tolist(), 1):
        w = w - eta * slope(J(s, w, lam, t), w)
    return gradients(E(s, w, lam), lam)


@wrong("mixed-term-dropped", on=("softmax_gd", "ridge_start", "softmax_rmsprop"))
def penalty_with_a_number(s):
    """l2.item() in the loss: the training loss does not know the tensor."""
    lam = leaves(s)
    in_loss = {**lam, "l2": lam["l2"].item()}
    step, state = step_of(s), begin(s, lam)
    for t in steps(s):
        state = step(s, in_loss, t, *state)
    return gradients(E(s, state[-1], lam), lam)


@wrong("mixed-term-dropped", on=("weighted_momentum",))
def loss_from_a_closure_of_constants(s):
    """The loss is a closure over copies of the example weights and of l2."""
    lam = leaves(s)
    constants = {name: lam[name].detach().clone() for name in ("weights", "l2")}

    def loss(w):
        return J(s, w, constants, 1)

    w = start(s, lam)
    v = torch.zeros_like(w)
    for _ in steps(s):
        v = lam["mu"] * v + slope(loss(w), w)
        w = w - lam["eta"] * v
    return gradients(E(s, w, lam), lam)


@wrong("mixed-term-dropped", on=("penalised_error", "mlp_momentum"))
def penalty_as_a_constant_by_hand(s):
    """A backward pass by hand that knows H, η and μ; l2 has only what E has of it."""
    lam = leaves(s)
    states = run(s, lam, momentum)
    w = states[-1][1]
    b_w, of_l2 = pull(E(s, w, lam), [w, lam["l2"]])
    b_v, of_eta, of_mu = torch.zeros_like(w), 0, 0
    for t in reversed(steps(s)):
        v, w = states[t - 1]
        c = b_v - lam["eta"].detach() * b_w
        of_eta = of_eta - b_w @ states[t][0].detach()
        of_mu = of_mu + c @ v.detach()
        b_w = b_w + pull(slope(J(s, w, lam, t), w), [w], c)[0]
        b_v = lam["mu"].detach() * c
    return {"eta": of_eta, "mu": of_mu, "l2": of_l2}


@wrong("mixed-term-dropped", on=("weighted_momentum",))
def penalty_of_two_held_constant(s):
    """The example weights are learned; l2 was forgotten in no_grad."""
    lam = leaves(s)
    with torch.no_grad():
        l2 = lam["l2"] / 2
    v, w = 0, start(s, lam)
    for t in steps(s):
        loss = fit(s, w, lam, t) + l2 * (w**2).sum()
        v = lam["mu"] * v + slope(loss, w)
        w = w - lam["eta"] * v
    return gradients(E(s, w, lam), lam)


@wrong("accessory-state-detached", on=("batches_momentum", "mlp_momentum", "penalised_error"))
def buffer_kept_detached(s):
    """The buffer is stored as optimizers store it, without its graph."""
    lam = leaves(s)
    w = start(s, lam)
    buffer = torch.zeros_like(w)
    for t in steps(s):
        v = lam["mu"] * buffer + slope(J(s, w, lam, t), w)
        w = w - lam["eta"] * v
        buffer = v.detach()
    return gradients(E(s, w, lam), lam)


@wrong("accessory-state-detached", on=("logistic_adam", "logistic_adamw"))
def both_means_in_a_state_dict(s):
    """exp_avg and exp_avg_sq live in a dict of detached tensors."""
    lam = leaves(s)
    w = start(s, lam)
    state = {"exp_avg": torch.zeros_like(w), "exp_avg_sq": torch.zeros_like(w)}
    for t in steps(s):
        m, u, w = adam(s, lam, t, state["exp_avg"], state["exp_avg_sq"], w)
        state = {"exp_avg": m.detach(), "exp_avg_sq": u.detach()}
    return gradients(E(s, w, lam), lam)


@wrong("accessory-state-detached", on=("softmax_rmsprop",))
def squares_from_data(s):
    """u = beta * u.data + …"""
    lam = leaves(s)
    w = start(s, lam)
    u = torch.zeros_like(w)
    for t in steps(s):
        g = slope(J(s, w, lam, t), w)
        u = lam["beta"] * u.data + (1 - lam["beta"]) * g.square()
        w = w - lam["eta"] * g / (u.sqrt() + lam["eps"])
    return gradients(E(s, w, lam), lam)


@wrong("accessory-state-detached", on=("weighted_momentum",))
def only_the_weights_carried_back(s):
    """A backward pass by hand over w; the velocities are numbers that were stored."""
    lam = leaves(s)
    states = run(s, lam, momentum)
    total = zeros(lam)
    _, alpha = last(s, lam, states[-1])
    for t in reversed(steps(s)):
        v, w = states[t - 1]
        alpha, *parts = pull(momentum(s, lam, t, v, w)[1], [w, *lam.values()], alpha)
        total = add(total, parts)
    return named(lam, total)


@wrong("first-velocity-detached", on=("batches_momentum", "mlp_momentum"))
def first_buffer_cloned(s):
    """The buffer begins as a clone of the first gradient, detached."""
    lam = leaves(s)
    v, w = None, start(s, lam)
    for t in steps(s):
        g = slope(J(s, w, lam, t), w)
        v = torch.clone(g).detach() if v is None else lam["mu"] * v + g
        w = w - lam["eta"] * v
    return gradients(E(s, w, lam), lam)


@wrong("first-velocity-detached", on=("weighted_momentum", "penalised_error"))
def velocity_initialised_without_graph(s):
    """v_1 is computed before the loop, without create_graph."""
    lam = leaves(s)
    w = start(s, lam)
    (v,) = torch.autograd.grad(J(s, w, lam, 1), w)
    w = w - lam["eta"] * v
    for t in range(2, s.T + 1):
        v = lam["mu"] * v + slope(J(s, w, lam, t), w)
        w = w - lam["eta"] * v
    return gradients(E(s, w, lam), lam)


@wrong("direct-term-forgotten", on=("penalised_error",))
def validation_with_a_constant(s):
    """The penalty of the validation error is computed with l2.item()."""
    lam = leaves(s)
    w = trained(s, lam)
    error = losses(w, s.Xv, s.yv).mean() + lam["l2"].item() / 2 * (w @ w)
    return gradients(error, lam)


@wrong("direct-term-forgotten", on=("penalised_error",))
def sum_of_the_steps_alone(s):
    """By hand: Σ α_t B_t, and nothing else."""
    lam = leaves(s)
    states = run(s, lam, momentum)
    total = zeros(lam)
    alpha = last(s, lam, states[-1])
    for t in reversed(steps(s)):
        v, w = states[t - 1]
        pulled = pull(momentum(s, lam, t, v, w), [v, w, *lam.values()], alpha)
        alpha, total = pulled[:2], add(total, pulled[2:])
    return named(lam, total)


@wrong("only-direct-term", on=("penalised_error",))
def model_loaded_after_training(s):
    """The trained weights go through a file before E is computed."""
    lam = leaves(s)
    saved = trained(s, lam).tolist()
    return gradients(E(s, torch.tensor(saved, dtype=torch.float64), lam), lam)


@wrong("only-direct-term", on=("penalised_error",))
def trained_in_place(s):
    """The loop updates w in no_grad; E then has l2 alone."""
    lam, w = leaves(s), torch.tensor(s.w0, requires_grad=True)
    v = torch.zeros_like(w)
    for t in steps(s):
        (g,) = torch.autograd.grad(J(s, w, lam, t), w)
        with torch.no_grad():
            v = lam["mu"] * v + g
            w -= lam["eta"] * v
    E(s, w, lam).backward()
    return {n: torch.zeros_like(x) if x.grad is None else x.grad for n, x in lam.items()}


@wrong("accessory-state-detached", on=("logistic_adam",))
def squares_stored_detached(s):
    """u is detached after the update; m keeps its graph."""
    lam = leaves(s)
    w = start(s, lam)
    m = u = torch.zeros_like(w)
    for t in steps(s):
        m, u, w = adam(s, lam, t, m, u, w)
        u = u.detach()
    return gradients(E(s, w, lam), lam)


@wrong("accessory-state-detached", on=("logistic_adam", "logistic_adamw"))
def mean_stored_detached(s):
    """m is detached after the update; u keeps its graph."""
    lam = leaves(s)
    w = start(s, lam)
    m = u = torch.zeros_like(w)
    for t in steps(s):
        m, u, w = adam(s, lam, t, m.detach(), u, w)
    return gradients(E(s, w, lam), lam)


@wrong("denominator-detached", on=("logistic_adam", "logistic_adamw"))
def denominator_of_adam_detached(s):
    """The root is a scale, and scales are constants."""
    lam = leaves(s)
    eta, beta1, beta2, eps, _ = lam.values()
    w = start(s, lam)
    m = u = torch.zeros_like(w)
    for t in steps(s):
        g = slope(J(s, w, lam, t), w)
        m, u = beta1 * m + (1 - beta1) * g, beta2 * u + (1 - beta2) * g**2
        scale = ((u / (1 - beta2**t)).sqrt() + eps).detach()
        w = (1 - eta * lam.get("weight_decay", 0)) * w - eta * m / (1 - beta1**t) / scale
    return gradients(E(s, w, lam), lam)


@wrong("denominator-detached", on=("softmax_rmsprop",))
def denominator_of_rmsprop_detached(s):
    """The rate of each weight is a constant: eta / (root + eps), without its graph but for eta."""
    lam = leaves(s)
    w = start(s, lam)
    u = torch.zeros_like(w)
    for t in steps(s):
        g = slope(J(s, w, lam, t), w)
        with torch.no_grad():
            u = lam["beta"] * u + (1 - lam["beta"]) * g**2
            scale = 1 / (u.sqrt() + lam["eps"])
        w = w - lam["eta"] * scale * g
    return gradients(E(s, w, lam), lam)


@wrong("denominator-detached", on=("logistic_adam", "softmax_rmsprop"))
def squares_of_a_detached_gradient(s):
    """g.detach()**2 goes into the running mean."""
    lam = leaves(s)
    beta1, beta2 = lam.get("beta1", torch.tensor(0.0)), lam.get("beta2", lam.get("beta"))
    w = start(s, lam)
    m = u = torch.zeros_like(w)
    for t in steps(s):
        g = slope(J(s, w, lam, t), w)
        m, u = beta1 * m + (1 - beta1) * g, beta2 * u + (1 - beta2) * g.detach() ** 2
        c1, c2 = (1 - beta1**t, 1 - beta2**t) if "beta1" in lam else (1, 1)
        w = w - lam["eta"] * m / c1 / ((u / c2).sqrt() + lam["eps"])
    return gradients(E(s, w, lam), lam)


@wrong(on=("logistic_adam", "logistic_adamw"), lost=("grad", 0, "beta1 beta2"))
def complement_of_beta_detached(s):
    """1 − β1 and 1 − β2 are constants made before the loop; β1 and β2 are tensors."""
    lam = leaves(s)
    eta, beta1, beta2, eps, _ = lam.values()
    rest1, rest2 = 1 - beta1.item(), 1 - beta2.item()
    w = start(s, lam)
    m = u = torch.zeros_like(w)
    path = [(m, u, w)]
    for t in steps(s):
        g = slope(J(s, w, lam, t), w)
        m, u = beta1 * m + rest1 * g, beta2 * u + rest2 * g * g
        w = w * (1 - eta * lam.get("weight_decay", 0))
        w = w - eta * (m / (1 - beta1**t)) / ((u / (1 - beta2**t)).sqrt() + eps)
        m, u, w = recorded(path, m, u, w)
    return gradients(noted(s, path, E(s, w, lam)), lam)


@wrong(on=("weighted_momentum", "batches_momentum", "penalised_error"), lost=("alphas", 4, "A_t"))
def early_velocities_detached(s):
    """During a warm-up of five steps the velocity is detached."""
    lam = leaves(s)
    v, w = torch.zeros(len(s.w0), dtype=torch.float64), start(s, lam)
    path = [(v, w)]
    for t in steps(s):
        old = v.detach() if t <= 5 else v
        v = lam["mu"] * old + slope(J(s, w, lam, t), w)
        w = w - lam["eta"] * v
        v, w = recorded(path, v, w)
    return gradients(noted(s, path, E(s, w, lam)), lam)


@wrong(on=("softmax_gd", "batches_momentum", "logistic_adam"), lost=("alphas", 8, "A_t"))
def gradients_detached_from_3_to_9(s):
    """To save memory, steps 3 to 9 keep no graph of their gradient."""
    lam = leaves(s)
    step, state = step_of(s), begin(s, lam)
    path = [state]
    for t in steps(s):
        if 3 <= t <= 9:
            *memory, w = state
            known = {**lam, "l2": lam["l2"].detach()}
            *memory, new = step(s, known, t, *memory, w.detach().requires_grad_())
            state = (*memory, new + w - w.detach())
        else:
            state = step(s, lam, t, *state)
        state = recorded(path, *state)
    return gradients(noted(s, path, E(s, state[-1], lam)), lam)


@wrong(on=("mlp_momentum",), lost=("alphas", 13, "A_t"))
def first_layer_outside_the_graph(s):
    """The gradient's graph has the second layer; the first was passed in as constants."""
    lam = leaves(s)
    v, w = 0, start(s, lam)
    path = [(v, w)]
    for t in steps(s):
        lower = w[: 5 * D + 5].detach().requires_grad_()
        upper = w[5 * D + 5 :]
        loss = J(s, torch.cat([lower, upper]), lam, t)
        g = torch.cat(torch.autograd.grad(loss, (lower, upper), create_graph=True))
        v = lam["mu"] * v + g
        w = w - lam["eta"] * v
        v, w = recorded(path, v, w)
    return gradients(noted(s, path, E(s, w, lam)), lam)


@wrong(on=("mlp_momentum", "weighted_momentum"), lost=("alphas", 13, "A_t"))
def bias_outside_the_graph(s):
    """The last biases are updated in a group of their own, whose tensors are detached."""
    lam = leaves(s)
    v, w = 0, start(s, lam)
    path = [(v, w)]
    for t in steps(s):
        v = lam["mu"] * v + slope(J(s, w, lam, t), w)
        w = w - lam["eta"] * v
        w = torch.cat([w[:-CLASSES], w[-CLASSES:].detach()])
        v, w = recorded(path, v, w)
    return gradients(noted(s, path, E(s, w, lam)), lam)


# What the backward pass drops


@wrong("first-order", on=("softmax_gd", "batches_momentum", "ridge_start"))
def gradient_at_a_detached_copy(s):
    """The gradient is taken at w.detach(): it knows λ, not the weights."""
    lam = leaves(s)
    v, w = 0, start(s, lam)
    for t in steps(s):
        at = w.detach().requires_grad_()
        v = lam.get("mu", 0) * v + slope(J(s, at, lam, t), at)
        w = w - lam["eta"] * v
    return gradients(E(s, w, lam), lam)


@wrong("first-order", on=("mlp_momentum", "softmax_schedule"))
def decay_added_by_hand(s):
    """No create_graph; the penalty's gradient is l2 times the numbers of w."""
    lam = leaves(s)
    mu, w = lam.get("mu", 0), start(s, lam)
    v = torch.zeros_like(w)
    for t in steps(s):
        g = torch.autograd.grad(fit(s, w, lam, t), w)[0] + lam["l2"] * w.data
        v = mu * v + g
        w = w - rate(lam, t) * v
    return gradients(E(s, w, lam), lam)


@wrong("first-order", on=("penalised_error", "softmax_gd"))
def only_the_decay_has_a_graph(s):
    """No create_graph, but l2 * w is written out: of the loss, only the penalty bends."""
    lam = leaves(s)
    v, w = 0, start(s, lam)
    for t in steps(s):
        (g,) = torch.autograd.grad(fit(s, w, lam, t), w)
        v = lam.get("mu", 0) * v + g + lam["l2"] * w
        w = w - lam["eta"] * v
    return gradients(E(s, w, lam), lam)


@wrong("first-order", on=("weighted_momentum",))
def gradients_of_examples_as_numbers(s):
    """The gradient of each example is stored as numbers, and weighted afterwards."""
    lam = leaves(s)
    v, w = 0, start(s, lam)
    for _ in steps(s):
        at = w.detach().requires_grad_()
        G = torch.autograd.functional.jacobian(lambda x: losses(x, s.X, s.y), at)
        v = lam["mu"] * v + lam["weights"] @ G / len(s.X) + lam["l2"] * at.detach()
        w = w - lam["eta"] * v
    return gradients(E(s, w, lam), lam)


@wrong("first-order", on=("softmax_gd", "softmax_schedule"))
def last_cotangent_for_all_steps(s):
    """By hand: ∇E(w_T) is multiplied with every B_t."""
    lam = leaves(s)
    states = run(s, lam, descent)
    total = zeros(lam)
    (alpha,) = last(s, lam, states[-1])
    for t in steps(s):
        total = add(total, pull(descent(s, lam, t, *states[t - 1]), list(lam.values()), (alpha,)))
    return named(lam, total)


@wrong("first-order", on=("logistic_adam", "softmax_rmsprop"))
def adaptive_step_at_a_detached_copy(s):
    """The step sees w.detach(); what it adds to w is kept."""
    lam = leaves(s)
    step, (*memory, w) = step_of(s), begin(s, lam)
    for t in steps(s):
        at = w.detach().requires_grad_()
        *memory, new = step(s, lam, t, *memory, at)
        w = w + (new - at)
    return gradients(E(s, w, lam), lam)


@wrong(
    "first-order", "mixed-term-dropped", "gradient-detached", on=("softmax_gd", "weighted_momentum")
)
def create_graph_forgotten(s):
    """autograd.grad without create_graph: the gradient is a number for all that follows."""
    lam = leaves(s)
    v, w = 0, start(s, lam)
    for t in steps(s):
        (g,) = torch.autograd.grad(J(s, w, lam, t), w)
        v = lam.get("mu", 0) * v + g
        w = w - lam["eta"] * v
    return gradients(E(s, w, lam), lam)


@wrong("truncated", on=("softmax_gd", "mlp_momentum", "logistic_adam"))
def state_detached_before_the_last_four(s):
    """The state is detached four steps before the end."""
    lam = leaves(s)
    step, state = step_of(s), begin(s, lam)
    for t in steps(s):
        if t == s.T - 3:
            state = fresh(state)
        state = step(s, lam, t, *state)
    return gradients(E(s, state[-1], lam), lam)


@wrong("truncated", on=("weighted_momentum", "softmax_schedule", "penalised_error"))
def seven_steps_back(s):
    """By hand: the backward pass is broken off after seven steps."""
    lam = leaves(s)
    step = step_of(s)
    states = run(s, lam, step)
    alpha, total = last(s, lam, states[-1]), pull(E(s, states[-1][-1], lam), list(lam.values()))
    for t in reversed(steps(s)):
        if t <= s.T - 7:
            break
        state = states[t - 1]
        pulled = pull(step(s, lam, t, *state), [*state, *lam.values()], alpha)
        alpha, total = pulled[: len(state)], add(total, pulled[len(state) :])
    return named(lam, total)


@wrong("truncated", on=("batches_momentum", "ridge_start"))
def warm_up_outside_the_graph(s):
    """The first nine steps are a warm-up with numbers; the graph begins after them."""
    lam = leaves(s)
    numbers = {name: x.detach() for name, x in lam.items()}
    mu, w = lam.get("mu", torch.tensor(0.0)), start(s, lam).detach()
    v = torch.zeros_like(w)
    for t in steps(s):
        if t <= 9:
            at = w.detach().requires_grad_()
            v = mu.item() * v + torch.autograd.grad(J(s, at, numbers, t), at)[0]
            w = w - numbers["eta"] * v
            continue
        w = w if w.requires_grad else w.requires_grad_()
        v = mu * v + slope(J(s, w, lam, t), w)
        w = w - lam["eta"] * v
    return gradients(E(s, w, lam), lam)


@wrong("truncated", on=("softmax_gd", "softmax_rmsprop"))
def first_step_left_out(s):
    """range(T, 1, -1) on the way back never comes to step 1."""
    lam = leaves(s)
    step = step_of(s)
    states = run(s, lam, step)
    total = zeros(lam)
    alpha = last(s, lam, states[-1])
    for t in range(s.T, 1, -1):
        state = states[t - 1]
        pulled = pull(step(s, lam, t, *state), [*state, *lam.values()], alpha)
        alpha, total = pulled[: len(state)], add(total, pulled[len(state) :])
    return named(lam, total)


@wrong(on=("weighted_momentum", "mlp_momentum"), lost=("alphas", 9, "A_t"))
def weights_cut_velocity_not(s):
    """Before the last five steps w is detached; nobody thought of v."""
    lam = leaves(s)
    v, w = 0, start(s, lam)
    path = [(v, w)]
    for t in steps(s):
        if t == s.T - 4:
            w = w.detach().requires_grad_()
        v = lam["mu"] * v + slope(J(s, w, lam, t), w)
        w = w - lam["eta"] * v
        v, w = recorded(path, v, w)
    return gradients(noted(s, path, E(s, w, lam)), lam)


@wrong("jacobians-at-s_t", on=("softmax_gd", "ridge_start", "softmax_schedule"))
def states_stored_after_the_step(s):
    """The list of states begins with s_1: its entry t − 1 is the state after step t."""
    lam, after = leaves(s), []
    w = start(s, lam)
    for t in steps(s):
        (w,) = fresh(descent(s, lam, t, w))
        after.append(w)
    total = zeros(lam)
    alpha = slope(E(s, w, lam), w)
    for t in reversed(steps(s)):
        w = after[t - 1]
        alpha, *parts = pull(descent(s, lam, t, w)[0], [w, *lam.values()], alpha)
        total = add(total, parts)
    found = named(lam, total)
    return {**found, "w0": alpha} if "w0" in lam else found


@wrong("jacobians-at-s_t", on=("weighted_momentum", "batches_momentum"))
def popped_before_it_was_used(s):
    """The stack of states is popped into the wrong step: step t is linearised at (v_t, w_t)."""
    lam = leaves(s)
    stack = run(s, lam, momentum)
    total = zeros(lam)
    b_v, b_w = last(s, lam, stack[-1])
    for t in reversed(steps(s)):
        v, w = stack.pop()
        new = momentum(s, lam, t, v, w)
        b_v, b_w, *parts = pull(new, [v, w, *lam.values()], (b_v, b_w))
        total = add(total, parts)
    return named(lam, total)


@wrong("jacobians-at-s_t", on=("softmax_gd", "mlp_momentum"))
def only_the_states_one_late(s):
    """A_t is taken at s_t, B_t where it belongs."""
    lam = leaves(s)
    step = step_of(s)
    states = run(s, lam, step)
    total = zeros(lam)
    alpha = last(s, lam, states[-1])
    for t in reversed(steps(s)):
        before, after = states[t - 1], states[t]
        total = add(total, pull(step(s, lam, t, *before), list(lam.values()), alpha))
        alpha = tuple(pull(step(s, lam, t, *after), list(after), alpha))
    return named(lam, total)


@wrong("products-at-another-iterate", on=("weighted_momentum", "mlp_momentum"))
def derivative_of_the_looked_ahead_gradient(s):
    """The value of g is that at w; its graph is that of the gradient at w − η g."""
    lam = leaves(s)
    v, w = 0, start(s, lam)
    for t in steps(s):
        g = slope(J(s, w, lam, t), w)
        ahead = w - (lam["eta"] * g).detach()
        of_ahead = slope(J(s, ahead, lam, t), ahead)
        g = of_ahead + (g - of_ahead).detach()
        v = lam["mu"] * v + g
        w = w - lam["eta"] * v
    return gradients(E(s, w, lam), lam)


@wrong("products-at-another-iterate", on=("softmax_gd", "softmax_schedule"))
def hessian_after_the_update(s):
    """By hand: η's part has g at w, but the products with H and M are at w − η g."""
    lam = leaves(s)
    states = run(s, lam, descent)
    of_eta = torch.zeros(s.T, dtype=torch.float64)
    (alpha,), of_l2 = last(s, lam, states[-1]), 0
    for t in reversed(steps(s)):
        (w,), eta = states[t - 1], rate(lam, t).detach()
        g = slope(J(s, w, lam, t), w).detach()
        of_eta[t - 1] = -alpha @ g
        ahead = (w - eta * g).detach().requires_grad_()
        uH, uM = pull(slope(J(s, ahead, lam, t), ahead), [ahead, lam["l2"]], alpha)
        alpha, of_l2 = alpha - eta * uH, of_l2 - eta * uM
    return {"eta": of_eta if lam["eta"].dim() else of_eta.sum(), "l2": of_l2}


@wrong("B-one-step-late", on=("softmax_gd", "softmax_schedule"))
def carried_back_before_it_was_used(s):
    """alpha is overwritten first, then multiplied with B_t."""
    lam = leaves(s)
    states = run(s, lam, descent)
    total = zeros(lam)
    (alpha,) = last(s, lam, states[-1])
    for t in reversed(steps(s)):
        (w,) = states[t - 1]
        (new,) = descent(s, lam, t, w)
        (alpha,) = pull(new, [w], alpha)
        total = add(total, pull(new, list(lam.values()), alpha))
    return named(lam, total)


@wrong("B-one-step-late", on=("weighted_momentum", "softmax_rmsprop", "logistic_adamw"))
def cotangents_zipped_with_the_wrong_steps(s):
    """All α are listed first; α_{t-1} is then paired with step t."""
    lam = leaves(s)
    step = step_of(s)
    states = run(s, lam, step)
    alphas = [last(s, lam, states[-1])]
    for t in reversed(steps(s)):
        new = step(s, lam, t, *states[t - 1])
        alphas.insert(0, tuple(pull(new, list(states[t - 1]), alphas[0])))
    total = zeros(lam)
    for t, alpha in zip(steps(s), alphas, strict=False):
        new = step(s, lam, t, *states[t - 1])
        total = add(total, pull(new, list(lam.values()), alpha))
    return named(lam, total)


@wrong("B-one-step-late", on=("softmax_gd", "weighted_momentum"))
def cotangent_of_the_next_step(s):
    """B_t is multiplied with α_{t+1}; the last step, with none to its right, is left out."""
    lam = leaves(s)
    step = step_of(s)
    states = run(s, lam, step)
    total = zeros(lam)
    alpha = last(s, lam, states[-1])
    for t in range(s.T - 1, 0, -1):
        total = add(total, pull(step(s, lam, t, *states[t - 1]), list(lam.values()), alpha))
        alpha = tuple(pull(step(s, lam, t + 1, *states[t]), list(states[t]), alpha))
    return named(lam, total)


@wrong(on=("weighted_momentum",), lost=("grad", 0, "eta mu weights l2"))
@wrong(on=("softmax_gd",), lost=("grad", 0, "eta l2"))
def last_step_left_out(s):
    """The first pass of the backward loop sets α and forgets the part of step T."""
    lam = leaves(s)
    step = step_of(s)
    states = run(s, lam, step)
    note_states(s, states)
    total = zeros(lam)
    alpha = last(s, lam, states[-1])
    s.note("alphas", *alpha)
    for t in reversed(steps(s)):
        new, before = step(s, lam, t, *states[t - 1]), list(states[t - 1])
        if t < s.T:
            total = add(total, pull(new, list(lam.values()), alpha))
        alpha = tuple(pull(new, before, alpha))
        s.note("alphas", *alpha)
    return named(lam, total)


@wrong("jacobians-at-one-state", on=("softmax_gd", "mlp_momentum", "softmax_schedule"))
def all_jacobians_at_the_end(s):
    """A_T, at the trained weights, serves for all A_t; B_t is right."""
    lam = leaves(s)
    step = step_of(s)
    states = run(s, lam, step)
    total = zeros(lam)
    end = states[-1]
    alpha = last(s, lam, end)
    for t in reversed(steps(s)):
        total = add(total, pull(step(s, lam, t, *states[t - 1]), list(lam.values()), alpha))
        alpha = tuple(pull(step(s, lam, t, *end), list(end), alpha))
    return named(lam, total)


@wrong("stale-error-gradient", on=("softmax_gd", "weighted_momentum", "softmax_schedule"))
def error_at_the_state_before(s):
    """α_T = ∇E(w_{T-1}); the T steps are right."""
    lam = leaves(s)
    step = step_of(s)
    states = run(s, lam, step)
    total = zeros(lam)
    alpha = last(s, lam, states[-2])
    for t in reversed(steps(s)):
        state = states[t - 1]
        pulled = pull(step(s, lam, t, *state), [*state, *lam.values()], alpha)
        alpha, total = pulled[: len(state)], add(total, pulled[len(state) :])
    return named(lam, total)


@wrong(on=("softmax_gd", "ridge_start"), lost=("alphas", 13, "A_t"))
def hessian_product_counted_twice(s):
    """uH is subtracted in the loop and once more in the helper that made it."""
    lam = leaves(s)
    states = run(s, lam, descent)
    note_states(s, states)
    (alpha,), of_eta, of_l2 = last(s, lam, states[-1]), 0, 0
    s.note("alphas", alpha)
    for t in reversed(steps(s)):
        (w,), eta = states[t - 1], lam["eta"].detach()
        g = slope(J(s, w, lam, t), w)
        uH, uM = pull(g, [w, lam["l2"]], alpha)
        of_eta, of_l2 = of_eta - alpha @ g.detach(), of_l2 - eta * uM
        alpha = alpha - 2 * eta * uH
        s.note("alphas", alpha)
    found = {"eta": of_eta, "l2": of_l2}
    return {**found, "w0": alpha} if "w0" in lam else found


@wrong("sign", on=("weighted_momentum", "batches_momentum"))
def sign_of_the_penalty_term(s):
    """By hand: M's part of l2 is added with the wrong sign."""
    lam = leaves(s)
    states = run(s, lam, momentum)
    total = zeros(lam)
    b_v, b_w = last(s, lam, states[-1])
    for t in reversed(steps(s)):
        v, w = states[t - 1]
        flipped = {**lam, "l2": 2 * lam["l2"].detach() - lam["l2"]}
        new = momentum(s, flipped, t, v, w)
        b_v, b_w, *parts = pull(new, [v, w, *lam.values()], (b_v, b_w))
        total = add(total, parts)
    return named(lam, total)


@wrong(on=("weighted_momentum", "penalised_error"), lost=("grad", 0, "eta"))
def velocity_before_the_step(s):
    """By hand: η's part is −b·v_{t-1}; it should be −b·v_t."""
    lam = leaves(s)
    states = run(s, lam, momentum)
    note_states(s, states)
    w = states[-1][1]
    b_w, *total = pull(E(s, w, lam), [w, *lam.values()])
    b_v, of_eta = torch.zeros_like(w), 0
    s.note("alphas", b_v, b_w)
    for t in reversed(steps(s)):
        v, w = states[t - 1]
        of_eta = of_eta - b_w @ v.detach()
        new = momentum(s, lam, t, v, w)
        b_v, b_w, *parts = pull(new, [v, w, *lam.values()], (b_v, b_w))
        total = add(total, parts)
        s.note("alphas", b_v, b_w)
    return {**named(lam, total), "eta": of_eta}


@wrong(on=("mlp_momentum", "batches_momentum"), lost=("alphas", 13, "A_t"))
def momentum_missing_in_the_adjoint(s):
    """By hand: the cotangent of v is carried back without μ."""
    lam = leaves(s)
    states = run(s, lam, momentum)
    note_states(s, states)
    total = zeros(lam)
    b_v, b_w = last(s, lam, states[-1])
    s.note("alphas", b_v, b_w)
    for t in reversed(steps(s)):
        v, w = states[t - 1]
        new = momentum(s, lam, t, v, w)
        b_v, b_w, *parts = pull(new, [v, w, *lam.values()], (b_v, b_w))
        b_v, total = b_v / lam["mu"].detach(), add(total, parts)
        s.note("alphas", b_v, b_w)
    return named(lam, total)


@wrong("first-order", on=("softmax_gd", "mlp_momentum"))
def hessian_without_the_penalty(s):
    """The Hessian product is that of the data alone; l2 I was forgotten, M was not."""
    lam = leaves(s)
    v, w = 0, start(s, lam)
    for t in steps(s):
        g = slope(fit(s, w, lam, t), w) + lam["l2"] * w.detach()
        v = lam.get("mu", 0) * v + g
        w = w - lam["eta"] * v
    return gradients(E(s, w, lam), lam)


@wrong(on=("softmax_gd", "softmax_schedule"), lost=("alphas", 13, "A_t"))
def hessian_by_its_diagonal(s):
    """A_t = I − η diag(H), the diagonal that second-order optimizers keep."""
    lam = leaves(s)
    states = run(s, lam, descent)
    note_states(s, states)
    total = zeros(lam)
    (alpha,) = last(s, lam, states[-1])
    s.note("alphas", alpha)
    for t in reversed(steps(s)):
        (w,) = states[t - 1]
        total = add(total, pull(descent(s, lam, t, w), list(lam.values()), (alpha,)))
        H = torch.autograd.functional.hessian(lambda x, t=t: J(s, x, lam, t), w)
        alpha = alpha - rate(lam, t).detach() * H.diagonal() * alpha
        s.note("alphas", alpha)
    return named(lam, total)


@wrong(on=("mlp_momentum",), lost=("alphas", 13, "A_t"))
def gauss_newton_on_the_way_back(s):
    """The backward pass takes the Gauss-Newton matrix for H: the network is linearised first."""
    lam = leaves(s)
    v, w = 0, start(s, lam)
    path = [(v, w)]
    for _ in steps(s):
        at = w.detach().requires_grad_()
        Z = torch.autograd.functional.jacobian(lambda x: scores(x, s.X), at)  # (n, classes, p)
        z = scores(at, s.X).detach() + Z @ (w - at.detach())
        labels = one_hot(torch.tensor(s.y), CLASSES)
        residual = torch.softmax(z, 1) - labels
        g = torch.einsum("ik,ikp->p", residual, Z) / len(s.X) + lam["l2"] * w
        v = lam["mu"] * v + g
        w = w - lam["eta"] * v
        v, w = recorded(path, v, w)
    return gradients(noted(s, path, E(s, w, lam)), lam)


@wrong(on=("softmax_gd", "batches_momentum"), lost=("alphas", 13, "A_t"))
def normaliser_detached(s):
    """By hand: the denominator of the softmax is a constant in P − Y."""
    lam = leaves(s)
    v, w = 0, start(s, lam)
    path = [(v, w)]
    for t in steps(s):
        seen = rows(s, t)
        X, Y = torch.tensor(s.X[seen]), one_hot(torch.tensor(s.y[seen]), CLASSES)
        P = scores(w, s.X[seen]).exp()
        R = (P / P.sum(1, keepdim=True).detach() - Y) / len(X)
        g = torch.cat([(R.T @ X).reshape(-1), R.sum(0)]) + lam["l2"] * w
        v = lam.get("mu", 0) * v + g
        w = w - lam["eta"] * v
        v, w = recorded(path, v, w)
    return gradients(noted(s, path, E(s, w, lam)), lam)


@wrong(on=("mlp_momentum",), lost=("alphas", 13, "A_t"))
def slope_of_the_activation_detached(s):
    """A backward pass of the network by hand, in which tanh' is stored as numbers."""
    lam = leaves(s)
    X, Y = torch.tensor(s.X), one_hot(torch.tensor(s.y), CLASSES)
    v, w = 0, start(s, lam)
    path = [(v, w)]
    for _ in steps(s):
        W1, b1, W2, b2 = layers(w)
        h = torch.tanh(X @ W1.T + b1)
        R = (torch.softmax(h @ W2.T + b2, 1) - Y) / len(X)
        Q = (R @ W2) * (1 - h**2).detach()
        parts = [(Q.T @ X).reshape(-1), Q.sum(0), (R.T @ h).reshape(-1), R.sum(0)]
        v = lam["mu"] * v + torch.cat(parts) + lam["l2"] * w
        w = w - lam["eta"] * v
        v, w = recorded(path, v, w)
    return gradients(noted(s, path, E(s, w, lam)), lam)


@wrong(on=("softmax_gd", "weighted_momentum"), lost=("alphas", 13, "A_t"))
def hessian_of_eight_examples(s):
    """The last four examples have their part of g, but not of H and M."""
    lam = leaves(s)
    v, w = 0, start(s, lam)
    path = [(v, w)]
    for _ in steps(s):
        each = losses(w, s.X, s.y) * lam.get("weights", torch.ones(len(s.X)))
        kept, left = each[:8].sum() / len(s.X), each[8:].sum() / len(s.X)
        g = slope(kept + penalty(w, lam), w) + slope(left, w).detach()
        v = lam.get("mu", 0) * v + g
        w = w - lam["eta"] * v
        v, w = recorded(path, v, w)
    return gradients(noted(s, path, E(s, w, lam)), lam)


@wrong(on=("weighted_momentum",), lost=("grad", 0, "weights"))
def share_of_one_example_missing(s):
    """A loop from 1 over the examples never writes the gradient of weight 0."""
    lam = leaves(s)
    path = unrolled(s, lam)
    found = gradients(noted(s, path, E(s, path[-1][-1], lam)), lam)
    weights = torch.zeros_like(found["weights"])
    for i in range(1, len(weights)):
        weights[i] = found["weights"][i]
    return {**found, "weights": weights}


@wrong(on=("softmax_gd", "logistic_adam", "weighted_momentum"), lost=("alphas", 14, "∇E"))
def error_of_the_matrix_alone(s):
    """E's gradient is taken with respect to W; the bias sees none of it."""
    lam = leaves(s)
    path = unrolled(s, lam)
    w = path[-1][-1]
    width = D if len(w) == D + 1 else CLASSES * D
    error = E(s, torch.cat([w[:width], w[width:].detach()]), lam)
    return gradients(noted(s, path, error), lam)


@wrong(on=("mlp_momentum", "softmax_gd"), lost=("grad", 0, "eta"))
def rate_counted_for_each_of_three_groups(s):
    """Three groups of parameters share one rate; each adds the whole gradient to it."""
    lam = leaves(s)
    path = unrolled(s, lam)
    error = noted(s, path, E(s, path[-1][-1], lam))
    found = gradients(error, lam)
    for _ in range(2):
        found["eta"] = found["eta"] + gradients(error, lam)["eta"]
    return found


@wrong(on=("weighted_momentum",), lost=("grad", 0, "weights"))
def share_of_an_example_not_divided(s):
    """The gradient of a weight is that of its example's loss; its 1/n was forgotten."""
    lam = leaves(s)
    path = unrolled(s, lam)
    found = gradients(noted(s, path, E(s, path[-1][-1], lam)), lam)
    return {**found, "weights": len(s.X) * found["weights"]}


# The limit in place of T steps


@wrong("implicit-limit", on=("softmax_gd", "weighted_momentum", "ridge_start", "penalised_error"))
def implicit_function_theorem(s):
    """∂E/∂λ − ∇E H⁻¹ M at w_T, with H as a matrix."""
    lam = leaves(s)
    w = trained(s, lam).detach().requires_grad_()
    H = torch.autograd.functional.hessian(lambda x: J(s, x, lam, 1), w)
    error = E(s, w, lam)
    q = torch.linalg.solve(H, slope(error, w).detach())
    direct = pull(error, list(lam.values()))
    return named(lam, add(direct, pull(slope(J(s, w, lam, 1), w), list(lam.values()), -q)))


@wrong("implicit-limit", on=("softmax_gd", "logistic_adam"))
def trained_on_until_it_stands_still(s):
    """Training goes on to the minimum; the implicit gradient is taken there."""
    lam = leaves(s)
    w = start(s, lam)
    for _ in range(700):
        w = (w - 0.5 * slope(J(s, w, lam, 1), w)).detach().requires_grad_()
    g = slope(J(s, w, lam, 1), w)
    H = torch.stack([pull(entry, [w])[0] for entry in g])
    q = torch.linalg.inv(H) @ slope(E(s, w, lam), w).detach()
    return named(lam, pull(g, list(lam.values()), -q))


@wrong("implicit-limit", on=("weighted_momentum", "softmax_rmsprop"))
def conjugate_gradients_to_the_end(s):
    """The implicit gradient at w_T with as many iterations as there are weights, and more."""
    lam = leaves(s)
    w = trained(s, lam).detach().requires_grad_()
    g, b = slope(J(s, w, lam, 1), w), slope(E(s, w, lam), w).detach()
    x, r = torch.zeros_like(b), b
    p = r
    for _ in range(3 * len(w)):
        (Hp,) = pull(g, [w], p)
        step = (r @ r) / (p @ Hp)
        x, new = x + step * p, r - step * Hp
        p, r = new + (new @ new) / (r @ r) * p, new
    return named(lam, pull(g, list(lam.values()), -x))


@wrong("implicit-not-converged", on=("softmax_gd", "weighted_momentum"))
def four_conjugate_gradients(s):
    """Conjugate gradients for H q = ∇E, four iterations."""
    lam = leaves(s)
    w = trained(s, lam).detach().requires_grad_()
    g, b = slope(J(s, w, lam, 1), w), slope(E(s, w, lam), w).detach()
    q, r, p = torch.zeros_like(b), b, b
    for _ in range(4):
        (Hp,) = pull(g, [w], p)
        length = (r @ r) / (p @ Hp)
        q, new = q + length * p, r - length * Hp
        p, r = new + (new @ new) / (r @ r) * p, new
    return named(lam, pull(g, list(lam.values()), -q))


@wrong("implicit-not-converged", on=("softmax_gd", "ridge_start"))
def twenty_terms_of_neumann(s):
    """H⁻¹ = η Σ (I − η H)^k, twenty terms."""
    lam = leaves(s)
    w = trained(s, lam).detach().requires_grad_()
    g, eta = slope(J(s, w, lam, 1), w), lam["eta"].item()
    term = slope(E(s, w, lam), w).detach()
    total = term
    for _ in range(19):
        term = term - eta * pull(g, [w], term)[0]
        total = total + term
    return named(lam, pull(g, list(lam.values()), -eta * total))


@wrong("implicit-not-converged", on=("weighted_momentum", "mlp_momentum"))
def six_terms_with_a_step_of_a_tenth(s):
    """Neumann's series with a step of 0.1, six terms, whatever the rate of the run was."""
    lam = leaves(s)
    w = trained(s, lam).detach().requires_grad_()
    g = slope(J(s, w, lam, 1), w)
    p = q = slope(E(s, w, lam), w).detach()
    for _ in range(5):
        p = p - 0.1 * pull(g, [w], p)[0]
        q = q + p
    return named(lam, pull(g, list(lam.values()), -0.1 * q))


@wrong("implicit-not-converged", on=("softmax_gd", "weighted_momentum"))
def damped_implicit_gradient(s):
    """(H + 0.1 I)⁻¹, so that the system is easy."""
    lam = leaves(s)
    w = trained(s, lam).detach().requires_grad_()
    H = torch.autograd.functional.hessian(lambda x: J(s, x, lam, 1), w)
    H = H + 0.1 * torch.eye(len(w), dtype=w.dtype)
    q = torch.linalg.solve(H, slope(E(s, w, lam), w).detach())
    return named(lam, pull(slope(J(s, w, lam, 1), w), list(lam.values()), -q))


@wrong("implicit-not-converged", on=("softmax_gd", "weighted_momentum", "ridge_start"))
def identity_for_the_hessian(s):
    """−∇E M: the inverse Hessian is left out."""
    lam = leaves(s)
    w = trained(s, lam).detach().requires_grad_()
    of_E = slope(E(s, w, lam), w).detach()
    return named(lam, pull(slope(J(s, w, lam, 1), w), list(lam.values()), -of_E))


@wrong(on=("mlp_momentum",))
def gauss_newton_in_the_implicit_gradient(s):
    """The implicit gradient with Zᵀ C Z + l2 I for H."""
    lam = leaves(s)
    w = trained(s, lam).detach().requires_grad_()
    Z = torch.autograd.functional.jacobian(lambda x: scores(x, s.X), w)
    P = torch.softmax(scores(w, s.X), 1).detach()
    C = torch.diag_embed(P) - P[:, :, None] * P[:, None, :]
    H = torch.einsum("ikp,ikl,ilq->pq", Z, C, Z) / len(s.X)
    H = H + lam["l2"].detach() * torch.eye(len(w), dtype=w.dtype)
    q = torch.linalg.solve(H, slope(E(s, w, lam), w).detach())
    return named(lam, pull(slope(J(s, w, lam, 1), w), list(lam.values()), -q))


# Another optimizer


@wrong("nesterov", on=("weighted_momentum", "batches_momentum"))
def nesterov_switched_on(s):
    """nesterov=True was left in the config: g + mu v is the step."""
    lam = leaves(s)
    v, w = 0, start(s, lam)
    for t in steps(s):
        g = slope(J(s, w, lam, t), w)
        v = lam["mu"] * v + g
        w = w - lam["eta"] * (g + lam["mu"] * v)
    return gradients(E(s, w, lam), lam)


@wrong("nesterov", on=("mlp_momentum", "penalised_error"))
def velocity_updated_once_more(s):
    """The update takes the velocity that the next step would have with the same gradient."""
    lam = leaves(s)
    w = start(s, lam)
    v = torch.zeros_like(w)
    for t in steps(s):
        g = slope(J(s, w, lam, t), w)
        v = v.mul(lam["mu"]).add(g)
        ahead = v.mul(lam["mu"]).add(g)
        w = w.sub(lam["eta"] * ahead)
    return gradients(E(s, w, lam), lam)


@wrong("nesterov", on=("weighted_momentum", "mlp_momentum"))
def gradient_at_the_looked_ahead_weights(s):
    """Nesterov's own form: the gradient at w − η μ v, then heavy ball's step."""
    lam = leaves(s)
    v, w = 0, start(s, lam)
    for t in steps(s):
        ahead = w - lam["eta"] * lam["mu"] * v
        v = lam["mu"] * v + slope(J(s, ahead, lam, t), ahead)
        w = w - lam["eta"] * v
    return gradients(E(s, w, lam), lam)


@wrong("averaged-momentum", on=("weighted_momentum", "mlp_momentum"))
def mean_of_gradients(s):
    """v = mu v + (1 − mu) g."""
    lam = leaves(s)
    v, w = 0, start(s, lam)
    for t in steps(s):
        v = lam["mu"] * v + (1 - lam["mu"]) * slope(J(s, w, lam, t), w)
        w = w - lam["eta"] * v
    return gradients(E(s, w, lam), lam)


@wrong("averaged-momentum", on=("batches_momentum", "penalised_error"))
def velocity_by_lerp(s):
    """torch.lerp between the gradient and the velocity."""
    lam = leaves(s)
    w = start(s, lam)
    v = torch.zeros_like(w)
    for t in steps(s):
        v = torch.lerp(slope(J(s, w, lam, t), w), v, lam["mu"])
        w = w - lam["eta"] * v
    return gradients(E(s, w, lam), lam)


@wrong(on=("weighted_momentum", "penalised_error"), lost=("states", 2, "the step"))
def dampening_of_a_tenth(s):
    """dampening=0.1, which was not asked for; the first velocity is g, as in torch."""
    lam = leaves(s)
    v, w = None, start(s, lam)
    path = [(0, w)]
    for t in steps(s):
        g = slope(J(s, w, lam, t), w)
        v = g if v is None else lam["mu"] * v + 0.9 * g
        w = w - lam["eta"] * v
        v, w = recorded(path, v, w)
    return gradients(noted(s, path, E(s, w, lam)), lam)


@wrong(on=("batches_momentum", "mlp_momentum"), lost=("states", 1, "the step"))
def momentum_on_the_gradient_too(s):
    """v = mu (v + g)."""
    lam = leaves(s)
    v, w = 0, start(s, lam)
    path = [(v, w)]
    for t in steps(s):
        v = lam["mu"] * (v + slope(J(s, w, lam, t), w))
        w = w - lam["eta"] * v
        v, w = recorded(path, v, w)
    return gradients(noted(s, path, E(s, w, lam)), lam)


@wrong(on=("batches_momentum",), lost=("states", 8, "the step"))
def velocity_reset_each_epoch(s):
    """A new optimizer is made every seven steps; its velocity begins at zero."""
    lam = leaves(s)
    v, w = 0, start(s, lam)
    path = [(v, w)]
    for t in steps(s):
        v = 0 if t % 7 == 1 else v
        v = lam["mu"] * v + slope(J(s, w, lam, t), w)
        w = w - lam["eta"] * v
        v, w = recorded(path, v, w)
    return gradients(noted(s, path, E(s, w, lam)), lam)


@wrong(on=("weighted_momentum", "mlp_momentum"), lost=("states", 1, "the step"))
def rate_warmed_up(s):
    """The first three rates are 1/3, 2/3 and 3/3 of the one asked about."""
    lam = leaves(s)
    v, w = 0, start(s, lam)
    path = [(v, w)]
    for t in steps(s):
        v = lam["mu"] * v + slope(J(s, w, lam, t), w)
        w = w - min(1, t / 3) * lam["eta"] * v
        v, w = recorded(path, v, w)
    return gradients(noted(s, path, E(s, w, lam)), lam)


@wrong(on=("softmax_gd",), lost=("states", 2, "the step"))
def gradient_never_zeroed(s):
    """Each step adds to .grad, and none sets it to zero."""
    lam = leaves(s)
    accumulated, w = 0, start(s, lam)
    path = [(w,)]
    for t in steps(s):
        accumulated = accumulated + slope(J(s, w, lam, t), w)
        w = w - lam["eta"] * accumulated
        (w,) = recorded(path, w)
    return gradients(noted(s, path, E(s, w, lam)), lam)


@wrong(on=("softmax_gd", "softmax_schedule"), lost=("states", 1, "the step"))
def bias_after_the_matrix(s):
    """W is updated first; the bias gets its gradient at the new W."""
    lam = leaves(s)
    w = start(s, lam)
    path = [(w,)]
    for t in steps(s):
        g = slope(J(s, w, lam, t), w)
        half = torch.cat([w[:-CLASSES] - rate(lam, t) * g[:-CLASSES], w[-CLASSES:]])
        g = slope(J(s, half, lam, t), half)
        w = torch.cat([half[:-CLASSES], half[-CLASSES:] - rate(lam, t) * g[-CLASSES:]])
        (w,) = recorded(path, w)
    return gradients(noted(s, path, E(s, w, lam)), lam)


@wrong("adam-convention", on=("logistic_adam", "logistic_adamw"))
def rate_with_both_corrections(s):
    """The corrections are folded into the rate, and ε is added to the bare root."""
    lam = leaves(s)
    eta, beta1, beta2, eps, _ = lam.values()
    w = start(s, lam)
    m = u = torch.zeros_like(w)
    for t in steps(s):
        g = slope(J(s, w, lam, t), w)
        m, u = beta1 * m + (1 - beta1) * g, beta2 * u + (1 - beta2) * g**2
        lr = eta * (1 - beta2**t).sqrt() / (1 - beta1**t)
        w = (1 - eta * lam.get("weight_decay", 0)) * w - lr * m / (u.sqrt() + eps)
    return gradients(E(s, w, lam), lam)


@wrong("adam-convention", on=("logistic_adam",))
def rate_folded_epsilon_inside(s):
    """The corrections are folded into the rate, and ε is under the root."""
    lam = leaves(s)
    w = start(s, lam)
    m = u = torch.zeros_like(w)
    for t in steps(s):
        g = slope(J(s, w, lam, t), w)
        m = torch.lerp(g, m, lam["beta1"])
        u = torch.lerp(g * g, u, lam["beta2"])
        corrected = torch.sqrt(1 - lam["beta2"] ** t) / (1 - lam["beta1"] ** t)
        w = w - lam["eta"] * corrected * m * torch.rsqrt(u + lam["eps"])
    return gradients(E(s, w, lam), lam)


@wrong("adam-convention", "epsilon-place", on=("logistic_adam", "logistic_adamw"))
def epsilon_under_the_root_of_adam(s):
    """√(û + ε)."""
    lam = leaves(s)
    eta, beta1, beta2, eps, _ = lam.values()
    w = start(s, lam)
    m = u = torch.zeros_like(w)
    for t in steps(s):
        g = slope(J(s, w, lam, t), w)
        m, u = beta1 * m + (1 - beta1) * g, beta2 * u + (1 - beta2) * g**2
        w = (1 - eta * lam.get("weight_decay", 0)) * w
        w = w - eta * m / (1 - beta1**t) / (u / (1 - beta2**t) + eps).sqrt()
    return gradients(E(s, w, lam), lam)


@wrong("epsilon-place", on=("softmax_rmsprop",))
def epsilon_under_the_root_of_rmsprop(s):
    """g / √(u + ε)."""
    lam = leaves(s)
    u, w = 0, start(s, lam)
    for t in steps(s):
        g = slope(J(s, w, lam, t), w)
        u = lam["beta"] * u + (1 - lam["beta"]) * g**2
        w = w - lam["eta"] * g * torch.rsqrt(u + lam["eps"])
    return gradients(E(s, w, lam), lam)


@wrong("differentiated-another-map", on=("logistic_adam",))
def trained_by_a_library_replayed_by_hand(s):
    """The states come from Adam as asked; the backward pass replays the folded form of it."""
    lam = leaves(s)
    eta, beta1, beta2, eps, _ = lam.values()
    states = run(s, lam, adam)
    total = zeros(lam)
    alpha = last(s, lam, states[-1])
    for t in reversed(steps(s)):
        m, u, w = states[t - 1]
        g = slope(J(s, w, lam, t), w)
        new_m, new_u = beta1 * m + (1 - beta1) * g, beta2 * u + (1 - beta2) * g**2
        lr = eta * (1 - beta2**t).sqrt() / (1 - beta1**t)
        new = new_m, new_u, w - lr * new_m / (new_u.sqrt() + eps)
        pulled = pull(new, [m, u, w, *lam.values()], alpha)
        alpha, total = pulled[:3], add(total, pulled[3:])
    return named(lam, total)


@wrong("differentiated-another-map", on=("weighted_momentum", "batches_momentum"))
def nesterov_on_the_way_back(s):
    """The states are those of heavy ball; the steps that are differentiated look ahead."""
    lam = leaves(s)
    states = run(s, lam, momentum)
    total = zeros(lam)
    b_v, b_w = last(s, lam, states[-1])
    for t in reversed(steps(s)):
        v, w = states[t - 1]
        g = slope(J(s, w, lam, t), w)
        new_v = lam["mu"] * v + g
        new = new_v, w - lam["eta"] * (g + lam["mu"] * new_v)
        b_v, b_w, *parts = pull(new, [v, w, *lam.values()], (b_v, b_w))
        total = add(total, parts)
    return named(lam, total)


@wrong("differentiated-another-map", on=("softmax_rmsprop",))
def run_with_epsilon_inside(s):
    """The states are those of ε under the root; the derivatives have it outside."""
    lam = leaves(s)

    def inside(s, lam, t, u, w):
        g = slope(J(s, w, lam, t), w)
        u = lam["beta"] * u + (1 - lam["beta"]) * g**2
        return u, w - lam["eta"] * g / (u + lam["eps"]).sqrt()

    states = run(s, lam, inside)
    total = zeros(lam)
    alpha = last(s, lam, states[-1])
    for t in reversed(steps(s)):
        state = states[t - 1]
        pulled = pull(rmsprop(s, lam, t, *state), [*state, *lam.values()], alpha)
        alpha, total = pulled[:2], add(total, pulled[2:])
    return named(lam, total)


@wrong("bias-correction-constant", on=("logistic_adam", "logistic_adamw"))
def corrections_of_floats(s):
    """beta ** t is computed with floats."""
    lam = leaves(s)
    eta, beta1, beta2, eps, _ = lam.values()
    w = start(s, lam)
    m = u = torch.zeros_like(w)
    for t in steps(s):
        g = slope(J(s, w, lam, t), w)
        m, u = beta1 * m + (1 - beta1) * g, beta2 * u + (1 - beta2) * g**2
        c1, c2 = 1 - beta1.item() ** t, 1 - beta2.item() ** t
        w = (1 - eta * lam.get("weight_decay", 0)) * w
        w = w - eta * (m / c1) / ((u / c2).sqrt() + eps)
    return gradients(E(s, w, lam), lam)


@wrong("bias-correction-constant", on=("logistic_adam",))
def corrections_from_a_table(s):
    """Tables of 1 − β^t are made before the loop, as numbers."""
    lam = leaves(s)
    t = np.arange(1, s.T + 1)
    tables = zip(1 - s.lam["beta1"] ** t, 1 - s.lam["beta2"] ** t, strict=True)
    w = start(s, lam)
    m = u = torch.zeros_like(w)
    for t, (c1, c2) in enumerate(tables, 1):
        g = slope(J(s, w, lam, t), w)
        m = m + (1 - lam["beta1"]) * (g - m)
        u = u + (1 - lam["beta2"]) * (g * g - u)
        w = w - lam["eta"] * m / c1 / (lam["eps"] + (u / c2) ** 0.5)
    return gradients(E(s, w, lam), lam)


@wrong("bias-correction-missing", on=("logistic_adam", "logistic_adamw"))
def no_correction(s):
    """m / (√u + ε), as the moments come."""
    lam = leaves(s)
    eta, beta1, beta2, eps, _ = lam.values()
    w = start(s, lam)
    m = u = torch.zeros_like(w)
    for t in steps(s):
        g = slope(J(s, w, lam, t), w)
        m, u = beta1 * m + (1 - beta1) * g, beta2 * u + (1 - beta2) * g**2
        w = (1 - eta * lam.get("weight_decay", 0)) * w - eta * m / (u.sqrt() + eps)
    return gradients(E(s, w, lam), lam)


@wrong("bias-correction-missing", on=("logistic_adam",))
def first_moment_corrected_alone(s):
    """m is corrected, u is not."""
    lam = leaves(s)
    eta, beta1, beta2, eps, _ = lam.values()
    w = start(s, lam)
    m = u = torch.zeros_like(w)
    for t in steps(s):
        g = slope(J(s, w, lam, t), w)
        m, u = beta1 * m + (1 - beta1) * g, beta2 * u + (1 - beta2) * g**2
        w = w - eta * (m / (1 - beta1**t)) / (u.sqrt() + eps)
    return gradients(E(s, w, lam), lam)


@wrong("bias-correction-missing", on=("logistic_adam", "logistic_adamw"))
def second_moment_corrected_alone(s):
    """u is corrected, m is not."""
    lam = leaves(s)
    eta, beta1, beta2, eps, _ = lam.values()
    w = start(s, lam)
    m = u = torch.zeros_like(w)
    for t in steps(s):
        g = slope(J(s, w, lam, t), w)
        m, u = beta1 * m + (1 - beta1) * g, beta2 * u + (1 - beta2) * g**2
        u_hat = u / (1 - beta2**t)
        w = (1 - eta * lam.get("weight_decay", 0)) * w - eta * m / (u_hat.sqrt() + eps)
    return gradients(E(s, w, lam), lam)


@wrong("bias-correction-off-by-one", on=("logistic_adam", "logistic_adamw"))
def step_counted_before_and_after(s):
    """The counter is increased at the start of a step, and once before the loop."""
    lam, count = leaves(s), 1
    eta, beta1, beta2, eps, _ = lam.values()
    w = start(s, lam)
    m = u = torch.zeros_like(w)
    for t in steps(s):
        count += 1
        g = slope(J(s, w, lam, t), w)
        m, u = beta1 * m + (1 - beta1) * g, beta2 * u + (1 - beta2) * g**2
        w = (1 - eta * lam.get("weight_decay", 0)) * w
        w = w - eta * m / (1 - beta1**count) / ((u / (1 - beta2**count)).sqrt() + eps)
    return gradients(E(s, w, lam), lam)


@wrong("bias-correction-off-by-one", on=("logistic_adam",))
def powers_multiplied_too_early(s):
    """The running powers begin at β and are multiplied before their first use."""
    lam = leaves(s)
    power1, power2 = lam["beta1"], lam["beta2"]
    w = start(s, lam)
    m = u = torch.zeros_like(w)
    for t in steps(s):
        power1, power2 = power1 * lam["beta1"], power2 * lam["beta2"]
        g = slope(J(s, w, lam, t), w)
        m = torch.lerp(g, m, lam["beta1"])
        u = torch.lerp(g**2, u, lam["beta2"])
        w = w - lam["eta"] * m / (1 - power1) / ((u / (1 - power2)).sqrt() + lam["eps"])
    return gradients(E(s, w, lam), lam)


@wrong(on=("logistic_adam", "logistic_adamw"), lost=("states", 8, "the step"))
def counter_reset_each_epoch(s):
    """t of the bias correction counts the steps of an epoch of seven."""
    lam = leaves(s)
    w = start(s, lam)
    m = u = torch.zeros_like(w)
    path = [(m, u, w)]
    for t in steps(s):
        m, u, w = recorded(path, *adam(s, lam, (t - 1) % 7 + 1, m, u, w))
    return gradients(noted(s, path, E(s, w, lam)), lam)


@wrong("amsgrad", on=("logistic_adam", "logistic_adamw"))
def amsgrad_switched_on(s):
    """amsgrad=True: the largest u so far is in the denominator."""
    lam = leaves(s)
    eta, beta1, beta2, eps, _ = lam.values()
    w = start(s, lam)
    m = u = largest = torch.zeros_like(w)
    for t in steps(s):
        g = slope(J(s, w, lam, t), w)
        m, u = beta1 * m + (1 - beta1) * g, beta2 * u + (1 - beta2) * g**2
        largest = torch.maximum(largest, u)
        w = (1 - eta * lam.get("weight_decay", 0)) * w
        w = w - eta * m / (1 - beta1**t) / ((largest / (1 - beta2**t)).sqrt() + eps)
    return gradients(E(s, w, lam), lam)


@wrong("accumulator-start", on=("softmax_rmsprop",))
def squares_begin_at_one(s):
    """u_0 = 1."""
    lam = leaves(s)
    w = start(s, lam)
    u = torch.ones_like(w)
    for t in steps(s):
        u, w = rmsprop(s, lam, t, u, w)
    return gradients(E(s, w, lam), lam)


@wrong("accumulator-start", on=("softmax_rmsprop", "logistic_adam"))
def squares_begin_at_a_tenth(s):
    """An initial accumulator value of 0.1, as some libraries have for Adagrad."""
    lam = leaves(s)
    step, (*m, u, w) = step_of(s), begin(s, lam)
    state = (*m, u + 0.1, w)
    for t in steps(s):
        state = step(s, lam, t, *state)
    return gradients(E(s, state[-1], lam), lam)


@wrong(on=("softmax_rmsprop",), lost=("states", 1, "the step"))
def squares_begin_with_the_first(s):
    """u_1 = g_1², so that nothing need be corrected."""
    lam = leaves(s)
    u, w = None, start(s, lam)
    path = [(0, w)]
    for t in steps(s):
        g = slope(J(s, w, lam, t), w)
        u = g**2 if u is None else lam["beta"] * u + (1 - lam["beta"]) * g**2
        w = w - lam["eta"] * g / (u.sqrt() + lam["eps"])
        u, w = recorded(path, u, w)
    return gradients(noted(s, path, E(s, w, lam)), lam)


@wrong("bias-correction-added", on=("softmax_rmsprop",))
def adam_without_a_first_moment(s):
    """RMSProp was taken for Adam with β1 = 0."""
    lam = leaves(s)
    as_adam = {
        "eta": lam["eta"],
        "beta1": torch.tensor(0.0, dtype=torch.float64),
        "beta2": lam["beta"],
        "eps": lam["eps"],
        "l2": lam["l2"],
    }
    w = start(s, lam)
    m = u = torch.zeros_like(w)
    for t in steps(s):
        m, u, w = adam(s, as_adam, t, m, u, w)
    return gradients(E(s, w, lam), lam)


@wrong("bias-correction-added", on=("softmax_rmsprop",))
def mean_of_squares_corrected(s):
    """u / (1 − β^t) in the root, with the power carried along."""
    lam = leaves(s)
    u, power, w = 0, 1, start(s, lam)
    for t in steps(s):
        g = slope(J(s, w, lam, t), w)
        u, power = u + (1 - lam["beta"]) * (g**2 - u), power * lam["beta"]
        w = w - lam["eta"] * g / (torch.sqrt(u / (1 - power)) + lam["eps"])
    return gradients(E(s, w, lam), lam)


@wrong(on=("softmax_rmsprop",), lost=("states", 1, "the step"))
def centred_rmsprop(s):
    """centered=True: the squared mean of the gradients is taken off u."""
    lam = leaves(s)
    u = mean = 0
    w = start(s, lam)
    path = [(u, w)]
    for t in steps(s):
        g = slope(J(s, w, lam, t), w)
        u = lam["beta"] * u + (1 - lam["beta"]) * g**2
        mean = lam["beta"] * mean + (1 - lam["beta"]) * g
        w = w - lam["eta"] * g / ((u - mean**2).sqrt() + lam["eps"])
        u, w = recorded(path, u, w)
    return gradients(noted(s, path, E(s, w, lam)), lam)


@wrong("decay-without-rate", on=("logistic_adamw",))
def shrunk_by_the_decay_alone(s):
    """w = (1 − δ) w, then Adam's step."""
    lam = leaves(s)
    eta, beta1, beta2, eps, decay = lam.values()
    w = start(s, lam)
    m = u = torch.zeros_like(w)
    for t in steps(s):
        g = slope(J(s, w, lam, t), w)
        m, u = beta1 * m + (1 - beta1) * g, beta2 * u + (1 - beta2) * g**2
        w = w * (1 - decay)
        w = w - eta * m / (1 - beta1**t) / ((u / (1 - beta2**t)).sqrt() + eps)
    return gradients(E(s, w, lam), lam)


@wrong("decay-without-rate", on=("logistic_adamw",))
def decay_subtracted_after_the_step(s):
    """The step of Adam without decay, minus δ times the old weights."""
    lam = leaves(s)
    w = start(s, lam)
    m = u = torch.zeros_like(w)
    without = {**lam, "weight_decay": 0.0}
    for t in steps(s):
        m, u, new = adam(s, without, t, m, u, w)
        w = new - lam["weight_decay"] * w
    return gradients(E(s, w, lam), lam)


@wrong("decay-without-rate", "decoupled-decay", on=("weighted_momentum", "softmax_rmsprop"))
def weights_shrunk_by_l2(s):
    """The penalty became w − l2 w, beside the step and without its rate."""
    lam = leaves(s)
    step, (memory, w) = step_of(s), begin(s, lam)
    without = {**lam, "l2": 0.0}
    for t in steps(s):
        memory, new = step(s, without, t, memory, w)
        w = new - lam["l2"] * w
    return gradients(E(s, w, lam), lam)


@wrong("decoupled-decay", on=("weighted_momentum", "mlp_momentum", "penalised_error"))
def decay_beside_the_velocity(s):
    """w − η v − η l2 w: the penalty does not enter v."""
    lam = leaves(s)
    v, w = 0, start(s, lam)
    for t in steps(s):
        v = lam["mu"] * v + slope(fit(s, w, lam, t), w)
        w = w - lam["eta"] * v - lam["eta"] * lam["l2"] * w
    return gradients(E(s, w, lam), lam)


@wrong("decoupled-decay", on=("logistic_adam", "softmax_rmsprop"))
def adamw_in_place_of_adam(s):
    """w is shrunk by 1 − η l2 before the step; the loss is without its penalty."""
    lam = leaves(s)
    step, (*memory, w) = step_of(s), begin(s, lam)
    for t in steps(s):
        *memory, moved = step(s, {**lam, "l2": 0.0}, t, *memory, w)
        w = moved - lam["eta"] * lam["l2"] * w
    return gradients(E(s, w, lam), lam)


@wrong("decoupled-decay", on=("logistic_adamw",))
def adam_in_place_of_adamw(s):
    """The decay is added to the gradient, as torch.optim.Adam does it."""
    lam = leaves(s)
    eta, beta1, beta2, eps, decay = lam.values()
    w = start(s, lam)
    m = u = torch.zeros_like(w)
    for t in steps(s):
        g = slope(J(s, w, lam, t), w) + decay * w
        m, u = beta1 * m + (1 - beta1) * g, beta2 * u + (1 - beta2) * g**2
        w = w - eta * m / (1 - beta1**t) / ((u / (1 - beta2**t)).sqrt() + eps)
    return gradients(E(s, w, lam), lam)


@wrong(on=("logistic_adamw",), lost=("states", 1, "the step"))
def decay_after_the_step(s):
    """The weights that Adam's step has made are shrunk, not those before it."""
    lam = leaves(s)
    w = start(s, lam)
    m = u = torch.zeros_like(w)
    path = [(m, u, w)]
    for t in steps(s):
        m, u, w = adam(s, {**lam, "weight_decay": 0.0}, t, m, u, w)
        w = (1 - lam["eta"] * lam["weight_decay"]) * w
        m, u, w = recorded(path, m, u, w)
    return gradients(noted(s, path, E(s, w, lam)), lam)


@wrong("decay-missing", on=("softmax_gd", "mlp_momentum", "penalised_error"))
def penalty_forgotten_in_training(s):
    """The loop minimises the data's loss."""
    lam = leaves(s)
    v, w = 0, start(s, lam)
    for t in steps(s):
        v = lam.get("mu", 0) * v + slope(fit(s, w, lam, t), w)
        w = w - lam["eta"] * v
    return gradients(E(s, w, lam), lam)


@wrong("decay-missing", on=("logistic_adamw", "softmax_rmsprop"))
def decay_not_passed_on(s):
    """The optimizer was made without its weight_decay."""
    lam = leaves(s)
    last = list(lam)[-1]
    return gradients(E(s, trained(s, {**lam, last: 0.0}), lam), lam)


# Another loss


@wrong("half-missing", on=("softmax_gd", "logistic_adam", "mlp_momentum"))
def penalty_without_its_half(s):
    """l2 · ‖w‖²."""
    lam = leaves(s)
    step, state = step_of(s), begin(s, lam)
    for t in steps(s):
        state = step(s, {**lam, "l2": 2 * lam["l2"]}, t, *state)
    return gradients(E(s, state[-1], lam), lam)


@wrong("half-missing", on=("batches_momentum", "weighted_momentum"))
def twice_the_decay_in_the_gradient(s):
    """The derivative of w² by hand: g + 2 l2 w."""
    lam = leaves(s)
    v, w = 0, start(s, lam)
    for t in steps(s):
        g = slope(fit(s, w, lam, t), w) + 2 * lam["l2"] * w
        v = lam["mu"] * v + g
        w = w - lam["eta"] * v
    return gradients(E(s, w, lam), lam)


@wrong("half-missing", on=("penalised_error",))
def half_missing_in_both(s):
    """One function without the ½ for the penalty of J and of E."""
    lam = leaves(s)

    def ridge(w):
        return lam["l2"] * w.square().sum()

    v, w = 0, start(s, lam)
    for t in steps(s):
        v = lam["mu"] * v + slope(fit(s, w, lam, t) + ridge(w), w)
        w = w - lam["eta"] * v
    return gradients(losses(w, s.Xv, s.yv).mean() + ridge(w), lam)


@wrong("half-missing", on=("penalised_error",))
def half_missing_in_the_error(s):
    """The validation error has l2 · ‖w‖²; training has its ½."""
    lam = leaves(s)
    w = trained(s, lam)
    error = losses(w, s.Xv, s.yv).mean() + lam["l2"] * w.dot(w)
    return gradients(error, lam)


@wrong("penalty-in-E", on=("softmax_gd", "batches_momentum", "mlp_momentum"))
def one_loss_function_for_both(s):
    """The function with the penalty serves for training and for validation."""
    lam = leaves(s)

    def loss(w, X, y):
        return losses(w, X, y).mean() + lam["l2"] / 2 * w.square().sum()

    v, w = 0, start(s, lam)
    for t in steps(s):
        v = lam.get("mu", 0) * v + slope(loss(w, s.X[rows(s, t)], s.y[rows(s, t)]), w)
        w = w - lam["eta"] * v
    return gradients(loss(w, s.Xv, s.yv), lam)


@wrong("penalty-in-E", on=("logistic_adam", "weighted_momentum"))
def error_with_regularisation_loss(s):
    """The model adds its regularisation loss to whatever is evaluated."""
    lam = leaves(s)
    w = trained(s, lam)
    return gradients(E(s, w, lam) + penalty(w, lam), lam)


@wrong("penalty-in-E + direct-term-forgotten", on=("softmax_gd", "logistic_adam"))
def penalty_of_a_number_in_the_error(s):
    """The validation error has the penalty, with l2.item()."""
    lam = leaves(s)
    w = trained(s, lam)
    return gradients(E(s, w, lam) + lam["l2"].item() / 2 * (w @ w), lam)


@wrong("penalty-in-E", on=("penalised_error",))
def error_without_its_penalty(s):
    """Validation is the cross-entropy alone."""
    lam = leaves(s)
    w = trained(s, lam)
    return gradients(losses(w, s.Xv, s.yv).mean(), lam)


@wrong("sum-for-mean", on=("softmax_gd", "weighted_momentum", "logistic_adam"))
def validation_summed(s):
    """reduction="sum" in the validation error."""
    lam = leaves(s)
    return gradients(losses(trained(s, lam), s.Xv, s.yv).sum(), lam)


@wrong("sum-for-mean", on=("ridge_start", "softmax_schedule"))
def training_divided_twice(s):
    """The mean of the training losses is divided by their number once more."""
    lam = leaves(s)
    w = start(s, lam)
    for t in steps(s):
        loss = losses(w, s.X, s.y).mean() / len(s.X) + penalty(w, lam)
        w = w - rate(lam, t) * slope(loss, w)
    return gradients(E(s, w, lam), lam)


@wrong("sum-for-mean", on=("batches_momentum", "logistic_adamw"))
def training_summed(s):
    """The training loss is a sum over its examples."""
    lam = leaves(s)
    step, state = step_of(s), begin(s, lam)
    summed = {**lam, "weights": torch.tensor(len(s.X[rows(s, 1)]), dtype=torch.float64)}
    for t in steps(s):
        state = step(s, summed, t, *state)
    return gradients(E(s, state[-1], lam), lam)


@wrong("sum-for-mean", on=("mlp_momentum",))
def error_divided_twice(s):
    """The error is a mean, and was divided by its examples once more for the report."""
    lam = leaves(s)
    w = trained(s, lam)
    report = {"loss": E(s, w, lam), "count": len(s.Xv)}
    return gradients(report["loss"] / report["count"], lam)


@wrong("batch-scaling", on=("batches_momentum",))
def batch_over_all_examples(s):
    """Σ over the batch, divided by len(dataset)."""
    lam = leaves(s)
    v, w = 0, start(s, lam)
    for batch in s.batches:
        loss = losses(w, s.X[batch], s.y[batch]).sum() / len(s.X)
        v = lam["mu"] * v + slope(loss + lam["l2"] / 2 * (w @ w), w)
        w = w - lam["eta"] * v
    return gradients(E(s, w, lam), lam)


@wrong("batch-scaling", on=("batches_momentum",))
def batches_as_if_accumulated(s):
    """Each mean is divided by the number of batches, as for gradients that are accumulated."""
    lam = leaves(s)
    v, w = 0, start(s, lam)
    per_epoch = len(s.X) / len(s.batches[0])
    for t in steps(s):
        g = slope(fit(s, w, lam, t), w) / per_epoch + lam["l2"] * w
        v = lam["mu"] * v + g
        w = w - lam["eta"] * v
    return gradients(E(s, w, lam), lam)


@wrong("weights-normalised", on=("weighted_momentum",))
def weights_divided_by_their_sum(s):
    """Σ weights ℓ / Σ weights."""
    lam = leaves(s)
    v, w = 0, start(s, lam)
    for _ in steps(s):
        loss = (lam["weights"] * losses(w, s.X, s.y)).sum() / lam["weights"].sum()
        v = lam["mu"] * v + slope(loss + penalty(w, lam), w)
        w = w - lam["eta"] * v
    return gradients(E(s, w, lam), lam)


@wrong("weights-normalised", on=("weighted_momentum",))
def weights_normalised_before_training(s):
    """weights / weights.sum() once before the loop, and a dot product with the losses in it."""
    lam = leaves(s)
    shares = torch.nn.functional.normalize(lam["weights"], p=1, dim=0)
    v, w = 0, start(s, lam)
    for _ in steps(s):
        v = lam["mu"] * v + slope(shares @ losses(w, s.X, s.y) + penalty(w, lam), w)
        w = w - lam["eta"] * v
    return gradients(E(s, w, lam), lam)


@wrong("weights-normalised", on=("weighted_momentum",))
def weights_over_a_constant_sum(s):
    """The weights are divided by their sum, but the sum is detached."""
    lam = leaves(s)
    shares = lam["weights"] / lam["weights"].sum().detach()
    v, w = 0, start(s, lam)
    for _ in steps(s):
        v = lam["mu"] * v + slope(shares @ losses(w, s.X, s.y) + penalty(w, lam), w)
        w = w - lam["eta"] * v
    return gradients(E(s, w, lam), lam)


@wrong(on=("weighted_momentum",), lost=("states", 1, "the step"))
def weights_clamped(s):
    """clamp(weights, 0, 1): those above one are cut, and have no gradient."""
    lam = leaves(s)
    clamped = {**lam, "weights": lam["weights"].clamp(0, 1)}
    path = unrolled(s, clamped)
    return gradients(noted(s, path, E(s, path[-1][-1], lam)), lam)


@wrong("E-on-training-data", on=("softmax_gd", "mlp_momentum"))
def validated_on_the_training_set(s):
    """X and y in place of Xv and yv."""
    lam = leaves(s)
    return gradients(losses(trained(s, lam), s.X, s.y).mean(), lam)


@wrong("E-on-training-data", on=("logistic_adam", "ridge_start", "batches_momentum"))
def last_training_loss_returned(s):
    """The loop returns the training loss at the end, and that is what is differentiated."""
    lam = leaves(s)
    step, state, history = step_of(s), begin(s, lam), []
    for t in steps(s):
        state = step(s, lam, t, *state)
        history.append(losses(state[-1], s.X, s.y).mean())
    return gradients(history[-1], lam)


@wrong("E-on-training-data", on=("softmax_gd", "mlp_momentum", "ridge_start"))
def training_and_validation_together(s):
    """E is the sum of the errors on both sets."""
    lam = leaves(s)
    w = trained(s, lam)
    return gradients(losses(w, s.X, s.y).mean() + losses(w, s.Xv, s.yv).mean(), lam)


@wrong(on=("softmax_gd", "mlp_momentum", "logistic_adam"), lost=("alphas", 14, "∇E"))
def validation_without_its_last_batch(s):
    """Batches of five with drop_last=True: four validation examples are never seen."""
    lam = leaves(s)
    path = unrolled(s, lam)
    w = path[-1][-1]
    return gradients(noted(s, path, losses(w, s.Xv[:5], s.yv[:5]).mean()), lam)


@wrong(on=("softmax_gd", "weighted_momentum"), lost=("alphas", 14, "∇E"))
def mean_of_batch_means(s):
    """Validation in batches of 4, 4 and 1, whose means are averaged."""
    lam = leaves(s)
    path = unrolled(s, lam)
    w = path[-1][-1]
    means = [losses(w, s.Xv[i : i + 4], s.yv[i : i + 4]).mean() for i in range(0, 9, 4)]
    return gradients(noted(s, path, torch.stack(means).mean()), lam)


@wrong(on=("softmax_gd", "weighted_momentum"), lost=("alphas", 14, "∇E"))
def brier_score_for_cross_entropy(s):
    """Validation is by the squared distance of the probabilities from the labels."""
    lam = leaves(s)
    path = unrolled(s, lam)
    P = torch.softmax(scores(path[-1][-1], s.Xv), 1)
    Y = one_hot(torch.tensor(s.yv), CLASSES)
    return gradients(noted(s, path, ((P - Y) ** 2).sum(1).mean()), lam)


@wrong(on=("softmax_gd", "mlp_momentum"), lost=("alphas", 14, "∇E"))
def softmax_twice(s):
    """The model ends with a softmax, and the validation error takes another."""
    lam = leaves(s)
    path = unrolled(s, lam)
    P = torch.softmax(scores(path[-1][-1], s.Xv), 1)
    return gradients(noted(s, path, cross_entropy(P, torch.tensor(s.yv))), lam)


@wrong("loss-twice-or-half", on=("ridge_start",))
def training_without_its_half(s):
    """mse_loss for training: J is without its ½."""
    lam = leaves(s)
    w = start(s, lam)
    for _ in steps(s):
        loss = torch.nn.functional.mse_loss(scores(w, s.X), torch.tensor(s.y))
        w = w - lam["eta"] * slope(loss + lam["l2"] / 2 * (w @ w), w)
    return gradients(E(s, w, lam), lam)


@wrong("loss-twice-or-half", on=("ridge_start",))
def validation_without_its_half(s):
    """mse_loss for validation."""
    lam = leaves(s)
    z = scores(trained(s, lam), s.Xv)
    return gradients(torch.nn.functional.mse_loss(z, torch.tensor(s.yv)), lam)


@wrong("loss-twice-or-half", on=("ridge_start",))
def both_without_their_half(s):
    """mse_loss for both."""
    lam = leaves(s)
    mse = torch.nn.MSELoss()
    w = start(s, lam)
    for _ in steps(s):
        loss = mse(scores(w, s.X), torch.tensor(s.y)) + penalty(w, lam)
        w = w - lam["eta"] * slope(loss, w)
    return gradients(mse(scores(w, s.Xv), torch.tensor(s.yv)), lam)


@wrong(on=("ridge_start",), lost=("alphas", 14, "∇E"))
def root_of_the_mean_square(s):
    """RMSE was differentiated: √(2E)."""
    lam = leaves(s)
    path = unrolled(s, lam)
    return gradients(noted(s, path, (2 * E(s, path[-1][-1], lam)).sqrt()), lam)


@wrong("loss-twice-or-half", on=("softmax_gd", "weighted_momentum"))
def gradient_of_two_calls(s):
    """λ.grad was not zeroed between two calls: it holds the sum of both."""
    lam = leaves(s)
    for _ in range(2):
        E(s, trained(s, lam), lam).backward()
    return {name: x.grad for name, x in lam.items()}


@wrong("penalty-elsewhere", on=("softmax_gd", "logistic_adam", "ridge_start"))
def penalty_divided_by_the_examples(s):
    """(Σ ℓ + l2/2 ‖w‖²) / n."""
    lam = leaves(s)
    step, state = step_of(s), begin(s, lam)
    for t in steps(s):
        state = step(s, {**lam, "l2": lam["l2"] / len(s.X)}, t, *state)
    return gradients(E(s, state[-1], lam), lam)


@wrong("penalty-elsewhere", on=("softmax_gd", "batches_momentum"))
def bias_not_penalised(s):
    """The penalty is on W alone."""
    lam = leaves(s)
    v, w = 0, start(s, lam)
    for t in steps(s):
        loss = fit(s, w, lam, t) + lam["l2"] / 2 * (w[: CLASSES * D] ** 2).sum()
        v = lam.get("mu", 0) * v + slope(loss, w)
        w = w - lam["eta"] * v
    return gradients(E(s, w, lam), lam)


@wrong(on=("mlp_momentum",), lost=("states", 1, "the step"))
def penalty_on_the_last_layer(s):
    """Only W2 is penalised."""
    lam = leaves(s)
    v, w = 0, start(s, lam)
    path = [(v, w)]
    for t in steps(s):
        loss = fit(s, w, lam, t) + lam["l2"] / 2 * (layers(w)[2] ** 2).sum()
        v = lam["mu"] * v + slope(loss, w)
        w = w - lam["eta"] * v
        v, w = recorded(path, v, w)
    return gradients(noted(s, path, E(s, w, lam)), lam)


@wrong(on=("softmax_gd", "mlp_momentum"), lost=("states", 1, "the step"))
def penalty_towards_the_start(s):
    """l2/2 ‖w − w_0‖², as for fine-tuning."""
    lam = leaves(s)
    v, w = 0, start(s, lam)
    path = [(v, w)]
    origin = w.detach().clone()
    for t in steps(s):
        loss = fit(s, w, lam, t) + penalty(w - origin, lam)
        v = lam.get("mu", 0) * v + slope(loss, w)
        w = w - lam["eta"] * v
        v, w = recorded(path, v, w)
    return gradients(noted(s, path, E(s, w, lam)), lam)


@wrong(on=("softmax_gd", "batches_momentum"), lost=("states", 1, "the step"))
def labels_smoothed(s):
    """label_smoothing=0.1 in the training loss."""
    lam = leaves(s)
    v, w = 0, start(s, lam)
    path = [(v, w)]
    for t in steps(s):
        z, y = scores(w, s.X[rows(s, t)]), torch.tensor(s.y[rows(s, t)])
        loss = cross_entropy(z, y, label_smoothing=0.1) + penalty(w, lam)
        v = lam.get("mu", 0) * v + slope(loss, w)
        w = w - lam["eta"] * v
        v, w = recorded(path, v, w)
    return gradients(noted(s, path, E(s, w, lam)), lam)


@wrong(on=("softmax_gd", "mlp_momentum"), lost=("states", 1, "the step"))
def centred_for_training_alone(s):
    """The features are centred for training, and not for validation."""
    lam = leaves(s)
    X = s.X - s.X.mean(0)
    v, w = 0, start(s, lam)
    path = [(v, w)]
    for _ in steps(s):
        v = lam.get("mu", 0) * v + slope(losses(w, X, s.y).mean() + penalty(w, lam), w)
        w = w - lam["eta"] * v
        v, w = recorded(path, v, w)
    return gradients(noted(s, path, E(s, w, lam)), lam)


@wrong(on=("softmax_gd", "weighted_momentum"), lost=("states", 1, "the step"))
def one_example_too_few(s):
    """X[:-1]: the last training example is lost."""
    lam = leaves(s)
    v, w = 0, start(s, lam)
    path = [(v, w)]
    for _ in steps(s):
        each = losses(w, s.X[:-1], s.y[:-1])
        if "weights" in lam:
            each = lam["weights"][:-1] * each
        v = lam.get("mu", 0) * v + slope(each.mean() + penalty(w, lam), w)
        w = w - lam["eta"] * v
        v, w = recorded(path, v, w)
    return gradients(noted(s, path, E(s, w, lam)), lam)


# Another run


@wrong("steps-off-by-one", on=("softmax_gd", "logistic_adam", "softmax_schedule"))
def range_without_its_end(s):
    """for t in range(1, T)."""
    lam = leaves(s)
    step, state = step_of(s), begin(s, lam)
    for t in range(1, s.T):
        state = step(s, lam, t, *state)
    return gradients(E(s, state[-1], lam), lam)


@wrong("steps-off-by-one", on=("weighted_momentum", "mlp_momentum", "logistic_adamw"))
def range_from_nought_to_T(s):
    """for t in range(0, T + 1), as if there were a step 0."""
    lam = leaves(s)
    step, state = step_of(s), begin(s, lam)
    for t in range(s.T + 1):
        state = step(s, lam, t + 1, *state)
    return gradients(E(s, state[-1], lam), lam)


@wrong("steps-off-by-one", on=("batches_momentum",))
def one_more_batch_from_the_beginning(s):
    """An endless loader gives T + 1 batches: the first one comes again."""
    lam = leaves(s)
    v, w = 0, start(s, lam)
    for t in [*steps(s), 1]:
        v = lam["mu"] * v + slope(J(s, w, lam, t), w)
        w = w - lam["eta"] * v
    return gradients(E(s, w, lam), lam)


@wrong("steps-off-by-one", on=("batches_momentum",))
def last_batch_never_seen(s):
    """The weights are kept before the update, and the last update is lost."""
    lam = leaves(s)
    v, w = 0, start(s, lam)
    for batch in s.batches:
        kept = w
        v = lam["mu"] * v + slope(losses(w, s.X[batch], s.y[batch]).mean() + penalty(w, lam), w)
        w = w - lam["eta"] * v
    return gradients(E(s, kept, lam), lam)


@wrong("steps-off-by-one", on=("softmax_schedule",))
def one_more_step_at_the_last_rate(s):
    """T + 1 steps; the schedule stays at its last rate."""
    lam = leaves(s)
    w = start(s, lam)
    for eta in [*lam["eta"], lam["eta"][-1]]:
        w = w - eta * slope(J(s, w, lam, 1), w)
    return gradients(E(s, w, lam), lam)


@wrong("stopped-early", on=("softmax_schedule", "logistic_adam", "mlp_momentum"))
def stopped_three_steps_early(s):
    """Early stopping: the last three steps are not made."""
    lam = leaves(s)
    step, state = step_of(s), begin(s, lam)
    for t in steps(s):
        if t > s.T - 3:
            break
        state = step(s, lam, t, *state)
    return gradients(E(s, state[-1], lam), lam)


@wrong("another-start", on=("softmax_gd", "logistic_adam", "weighted_momentum"))
def training_from_zeros(s):
    """The weights begin at zero."""
    lam = leaves(s)
    step, state = step_of(s), [torch.zeros_like(x, requires_grad=True) for x in begin(s, lam)]
    for t in steps(s):
        state = step(s, lam, t, *state)
    return gradients(E(s, state[-1], lam), lam)


@wrong("another-start", on=("softmax_gd", "weighted_momentum"))
def start_read_by_columns(s):
    """W_0 is read from the vector by columns."""
    lam = leaves(s)
    W = s.w0[:-CLASSES].reshape(D, CLASSES).T.reshape(-1)
    v, w = 0, torch.tensor(np.append(W, s.w0[-CLASSES:]), requires_grad=True)
    for t in steps(s):
        v = lam.get("mu", 0) * v + slope(J(s, w, lam, t), w)
        w = w - lam["eta"] * v
    return gradients(E(s, w, lam), lam)


@wrong("averaged-weights", on=("softmax_gd", "mlp_momentum"))
def mean_of_the_weights_evaluated(s):
    """E at the mean of w_1 … w_T."""
    lam, kept = leaves(s), []
    v, w = 0, start(s, lam)
    for t in steps(s):
        v = lam.get("mu", 0) * v + slope(J(s, w, lam, t), w)
        w = w - lam["eta"] * v
        kept.append(w)
    return gradients(E(s, torch.stack(kept).mean(0), lam), lam)


@wrong("averaged-weights", on=("logistic_adam", "batches_momentum"))
def running_mean_of_the_weights_evaluated(s):
    """E at an exponential moving average of the weights."""
    lam = leaves(s)
    step, state = step_of(s), begin(s, lam)
    shadow = state[-1]
    for t in steps(s):
        state = step(s, lam, t, *state)
        shadow = 0.7 * shadow + 0.3 * state[-1]
    return gradients(E(s, shadow, lam), lam)


@wrong(on=("mlp_momentum", "softmax_rmsprop"), lost=("alphas", 14, "∇E"))
def mean_error_of_the_last_three(s):
    """E is averaged over the last three steps, to have less noise."""
    lam, errors = leaves(s), []
    step, state = step_of(s), begin(s, lam)
    path = [state]
    for t in steps(s):
        state = recorded(path, *step(s, lam, t, *state))
        errors.append(E(s, state[-1], lam))
    return gradients(noted(s, path, sum(errors[-3:]) / 3), lam)


@wrong("other-batches", on=("batches_momentum",))
def only_the_last_batch_on_the_way_back(s):
    """The backward pass uses the variable `batch`, which still holds the last one."""
    lam = leaves(s)
    states, v, w = [], torch.zeros(len(s.w0), dtype=torch.float64), start(s, lam)
    for batch in s.batches:
        states.append(fresh((v, w)))
        v, w = states[-1]
        g = slope(losses(w, s.X[batch], s.y[batch]).mean() + penalty(w, lam), w)
        v = lam["mu"] * v + g
        w = w - lam["eta"] * v
    v, w = fresh((v, w))
    total = zeros(lam)
    b_v, b_w = last(s, lam, (v, w))
    for v, w in reversed(states):
        g = slope(losses(w, s.X[batch], s.y[batch]).mean() + penalty(w, lam), w)
        new_v = lam["mu"] * v + g
        new = new_v, w - lam["eta"] * new_v
        b_v, b_w, *parts = pull(new, [v, w, *lam.values()], (b_v, b_w))
        total = add(total, parts)
    return named(lam, total)


@wrong("other-batches", on=("batches_momentum",))
def loader_read_again_from_its_beginning(s):
    """The backward pass reads the loader in its order: step T gets the first batch."""
    lam = leaves(s)
    states = run(s, lam, momentum)
    total = zeros(lam)
    b_v, b_w = last(s, lam, states[-1])
    for count, t in enumerate(reversed(steps(s)), 1):
        v, w = states[t - 1]
        new = momentum(s, lam, count, v, w)
        b_v, b_w, *parts = pull(new, [v, w, *lam.values()], (b_v, b_w))
        total = add(total, parts)
    return named(lam, total)


@wrong("other-batches", on=("batches_momentum",))
def batches_shuffled_anew_on_the_way_back(s):
    """The loader shuffles again for the second pass."""
    lam = leaves(s)
    states = run(s, lam, momentum)
    order = 1 + torch.randperm(s.T, generator=torch.Generator().manual_seed(1)).numpy()
    total = zeros(lam)
    b_v, b_w = last(s, lam, states[-1])
    for t in reversed(steps(s)):
        v, w = states[t - 1]
        new = momentum(s, lam, order[t - 1], v, w)
        b_v, b_w, *parts = pull(new, [v, w, *lam.values()], (b_v, b_w))
        total = add(total, parts)
    return named(lam, total)


@wrong("other-batches", on=("batches_momentum",))
def all_examples_on_the_way_back(s):
    """The Hessian products are those of the whole training set; the steps were mini-batches."""
    lam = leaves(s)
    v, w = 0, start(s, lam)
    for t in steps(s):
        g = slope(J(s, w, lam, t), w)
        of_all = slope(losses(w, s.X, s.y).mean() + penalty(w, lam), w)
        v = lam["mu"] * v + of_all + (g - of_all).detach()
        w = w - lam["eta"] * v
    return gradients(E(s, w, lam), lam)


@wrong("trained-on-other-batches", on=("batches_momentum",))
def another_seed_for_the_batches(s):
    """The whole run, forward and back, draws its own batches."""
    lam, rng = leaves(s), np.random.default_rng(7)
    v, w = 0, start(s, lam)
    for _ in steps(s):
        batch = rng.choice(len(s.X), 4, replace=False)
        v = lam["mu"] * v + slope(losses(w, s.X[batch], s.y[batch]).mean() + penalty(w, lam), w)
        w = w - lam["eta"] * v
    return gradients(E(s, w, lam), lam)


@wrong(on=("softmax_gd", "weighted_momentum", "logistic_adam"), lost=("states", 1, "the step"))
def gradients_clipped(s):
    """clip_grad_norm_ to 0.3, in the run and in its derivative."""
    lam = leaves(s)
    step, (*memory, w) = step_of(s), begin(s, lam)
    path = [(*memory, w)]
    for t in steps(s):
        g = slope(J(s, w, lam, t), w)
        g = g * torch.clamp(0.3 / g.norm(), max=1)
        if step is adam:
            m = lam["beta1"] * memory[0] + (1 - lam["beta1"]) * g
            u = lam["beta2"] * memory[1] + (1 - lam["beta2"]) * g**2
            root = (u / (1 - lam["beta2"] ** t)).sqrt() + lam["eps"]
            memory, g = [m, u], m / (1 - lam["beta1"] ** t) / root
        elif step is momentum:
            memory = [lam["mu"] * memory[0] + g]
            g = memory[0]
        w = w - lam["eta"] * g
        *memory, w = recorded(path, *memory, w)
    return gradients(noted(s, path, E(s, w, lam)), lam)


@wrong(on=("softmax_gd", "batches_momentum"), lost=("states", 1, "the step"))
def gradients_clipped_on_the_way_there(s):
    """The run clips its gradients; the backward pass does not know of it."""
    lam = leaves(s)
    v, w = 0, start(s, lam)
    path = [(v, w)]
    for t in steps(s):
        g = slope(J(s, w, lam, t), w)
        clipped = g.detach() * torch.clamp(0.3 / g.detach().norm(), max=1)
        v = lam.get("mu", 0) * v + g + (clipped - g).detach()
        w = w - lam["eta"] * v
        v, w = recorded(path, v, w)
    return gradients(noted(s, path, E(s, w, lam)), lam)


@wrong(on=("softmax_gd", "mlp_momentum"), lost=("states", 2, "the step"))
def cotangents_clipped(s):
    """A hook clips what comes back through each w_t to a norm of 0.1: g too, from step 2 on."""
    lam = leaves(s)
    v, w = 0, start(s, lam)
    path = [(v, w)]
    for t in steps(s):
        v = lam.get("mu", 0) * v + slope(J(s, w, lam, t), w)
        w = w - lam["eta"] * v
        v, w = recorded(path, v, w)
        w.register_hook(lambda b: b * torch.clamp(0.1 / b.norm(), max=1))
    return gradients(noted(s, path, E(s, w, lam)), lam)


# Numbers


@wrong("finite-differences", on=("softmax_gd", "logistic_adam"))
def forward_differences_of_a_thousandth(s):
    """(f(λ + 0.001) − f(λ)) / 0.001."""
    found, base = {}, E(s, trained(s, leaves(s)), leaves(s)).item()
    for name in s.lam:
        lam = leaves(s)
        lam[name].data += 1e-3
        found[name] = (E(s, trained(s, lam), lam).item() - base) / 1e-3
    return found


@wrong("finite-differences", on=("penalised_error", "ridge_start"))
def central_differences_of_a_hundredth(s):
    """(f(λ + 0.01) − f(λ − 0.01)) / 0.02."""
    found = {}
    for name, block in leaves(s).items():
        entries = torch.zeros(block.numel(), dtype=torch.float64)
        for i in range(block.numel()):
            for h in (0.01, -0.01):
                lam = leaves(s)
                lam[name].data.view(-1)[i] += h
                entries[i] += E(s, trained(s, lam), lam).item() / (2 * h)
        found[name] = entries.view(block.shape)
    return found


@wrong(on=("softmax_gd", "logistic_adam", "mlp_momentum"), lost=("states", 0, "the start"))
def loop_in_bfloat16(s):
    """Everything in bfloat16, and .double() at the end."""
    lam = {n: torch.tensor(x).bfloat16().requires_grad_() for n, x in s.lam.items()}
    step, state = step_of(s), [x.bfloat16() for x in begin(s, lam)]
    path = [state]
    for t in steps(s):
        state = recorded(path, *step(s, lam, t, *state))
    error = noted(s, path, E(s, state[-1], lam))
    return {name: x.double() for name, x in gradients(error, lam).items()}


@wrong("finite-differences", on=("softmax_gd", "batches_momentum"))
def differences_in_single_precision(s):
    """Central differences of h = 0.001, of an error that is computed in float32."""
    found = {}
    for name in s.lam:
        f = []
        for h in (1e-3, -1e-3):
            lam = {n: torch.tensor(x + h * (n == name)).float() for n, x in s.lam.items()}
            step, state = step_of(s), [x.float() for x in begin(s, lam)]
            for t in steps(s):
                state = step(s, lam, t, *state)
            f.append(E(s, state[-1], lam).item())
        found[name] = (f[0] - f[1]) / 2e-3
    return found


@wrong(on=("softmax_gd", "mlp_momentum"), lost=("states", 1, "the step"))
def features_in_half_precision(s):
    """The features were stored in float16."""
    lam = leaves(s)
    X, Xv = (x.astype(np.float16).astype(np.float64) for x in (s.X, s.Xv))
    v, w = 0, start(s, lam)
    path = [(v, w)]
    for _ in steps(s):
        v = lam.get("mu", 0) * v + slope(losses(w, X, s.y).mean() + penalty(w, lam), w)
        w = w - lam["eta"] * v
        v, w = recorded(path, v, w)
    return gradients(noted(s, path, losses(w, Xv, s.yv).mean()), lam)


@wrong(on=("softmax_gd", "weighted_momentum"), lost=("states", 1, "the step"))
def dropout_mask_kept(s):
    """DropConnect was left on for training, with one mask for all steps."""
    lam = leaves(s)
    mask = torch.ones(len(s.w0), dtype=torch.float64)
    mask[:4] = 0
    v, w = 0, start(s, lam)
    path = [(v, w)]
    for t in steps(s):
        v = lam.get("mu", 0) * v + slope(J(s, w * mask, lam, t), w)
        w = w - lam["eta"] * v
        v, w = recorded(path, v, w)
    return gradients(noted(s, path, E(s, w, lam)), lam)
