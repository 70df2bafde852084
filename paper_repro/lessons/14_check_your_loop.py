# %% [markdown]
# # 14. Check your own training loop
#
# A training loop in PyTorch, differentiated by autograd through all of its steps, and the same run
# posed to hgref, which asks autograd for single steps only and joins them itself. A famous bug is
# found; then a loop whose *step* is wrong, which checking $J$ and $E$ alone would not notice.
#
# *Before this: lessons 2, 5 and 8. About 40 minutes.*
#
# It needs PyTorch: `python -m pip install -e ".[interop]"`.

# %%
import matplotlib.pyplot as plt
import numpy as np
import torch

import hgref
from hgref.interop.torch import dynamics, objective
from paper_repro.lessons.exercise import exercise

# %% [markdown]
# ## A loop, and what is asked of it
#
# Softmax regression with momentum: $v_t = \mu v_{t-1} + \nabla J(w_{t-1}) + \ell\, w_{t-1}$,
# $w_t = w_{t-1} - \eta v_t$. The hyperparameters are tensors that require a gradient, the error
# after $T$ steps is a function of them, and `torch.autograd.grad` goes back through the whole loop.
# This is REVERSE-HG, with the tape in place of the $A_t$ and $B_t$ that lesson 2 wrote down.

# %%
torch.manual_seed(0)
X, y = torch.randn(60, 4, dtype=torch.float64), torch.randint(0, 3, (60,))
T = 20


def loss(w, rows):
    return torch.nn.functional.cross_entropy(X[rows] @ w, y[rows])


def gradient(w):
    return torch.func.grad(loss)(w, slice(0, 40))


def train(lam, detach=False, T=T):
    """My loop; what `detach` is for comes below."""
    w, v = lam.get("w0", torch.zeros(12, dtype=torch.float64)).reshape(4, 3), 0
    for t in range(1, T + 1):
        g = gradient(w) + lam["l2"] * w
        v = g.detach().clone() if detach and t == 1 else lam["mu"] * v + g
        w = w - lam["eta"] * v
    return loss(w, slice(40, 60))


def by_autograd(at, **options):
    leaves = {n: torch.tensor(x, dtype=torch.float64, requires_grad=True) for n, x in at.items()}
    found = torch.autograd.grad(train(leaves, **options), leaves.values())
    return dict(zip(leaves, found, strict=True))


at = {"eta": 0.5, "mu": 0.8, "l2": 0.1}
mine = by_autograd(at)
print({name: round(float(g), 6) for name, g in mine.items()})

# %% [markdown]
# ## The same run, posed to hgref
#
# Give the loss, in torch, and the name of the optimizer. hgref takes $\nabla J$ and the products
# with its second derivatives from autograd, one step at a time, and does the recursion itself: so
# what it judges is how the steps are joined, where a gradient is easily cut off. `{"l2": ()}` names
# the loss's hyperparameters and their shapes; `()` is one number.

# %%
w0 = torch.zeros(4, 3, dtype=torch.float64)
J = objective(lambda w, lam: loss(w, slice(0, 40)) + lam["l2"] * (w * w).sum() / 2, w0, {"l2": ()})
E = objective(lambda w, lam: loss(w, slice(40, 60)), w0)
problem = hgref.Problem(hgref.Momentum(J), E, T)
print(hgref.check(problem, at, mine))

# %% [markdown]
# Each block is compared with the reference, errors and tolerances are relative. The complex step
# cannot speak, because torch's losses take real numbers only; differences stand in.
#
# ## The famous bug
#
# `torch.optim.SGD` begins its momentum buffer with `grad.detach().clone()`, also with
# `differentiable=True`; `detach=True` above imitates that. Every number looks plausible, but what
# the first gradient owes to $\ell$ and to $w_0$ is cut off.

# %%
report = hgref.check(problem, at, by_autograd(at, detach=True))
print(report.verdict, {b.name: b.verdict for b in report.blocks})

# %% [markdown]
# The first gradient is $g_1 = \nabla J(w_0) + \ell w_0$, so $\partial g_1/\partial\ell = w_0 = 0$:
# **this run cannot show the bug**. The verdict is right, and the loop is wrong. A check is a
# statement about one run. So start where the path exists: from another $w_0$, which we may as well
# learn.

# %%
point = {**at, "w0": np.random.default_rng(0).standard_normal(12)}
learned = hgref.Problem(hgref.Momentum(J), E, T, learn_w0=True)
wrong = by_autograd(point, detach=True)
print("attached:", hgref.check(learned, point, by_autograd(point)).verdict)
report = hgref.check(learned, point, wrong)
print("detached:", report.verdict, "in", [b.name for b in report.blocks if b.verdict == "wrong"])
print(hgref.diagnose(learned, point, wrong, pairs=False))  # pairs: two mistakes at once, slow

# %% [markdown]
# ## How large is it?
#
# In this run the error of $\partial f/\partial w_0$ is between 13 and 130 % of the gradient, and
# that of $\partial f/\partial\ell$ anything. It peaks where the true derivative changes its sign
# (marked).

# %%
lengths, errors, signs = range(2, 31), {"w0": [], "l2": []}, []
for steps in lengths:
    right, wrong = by_autograd(point, T=steps), by_autograd(point, T=steps, detach=True)
    signs.append(float(torch.sign(right["l2"])))
    for name, curve in errors.items():
        curve.append(torch.linalg.norm(right[name] - wrong[name]) / torch.linalg.norm(right[name]))
for curve, label in zip(errors.values(), ("w₀", "ℓ"), strict=True):
    plt.semilogy(lengths, curve, label=f"∂f/∂{label}")
for j in np.flatnonzero(np.diff(signs)):
    plt.axvline(lengths[j] + 0.5, color="0.7", lw=0.8)
plt.title("The detached first velocity: an error that no loss curve shows")
plt.xlabel("steps T")
plt.ylabel("relative error of the gradient")
plt.legend()
plt.show()

# %% [markdown]
# ## When the step itself is wrong
#
# Bring the *whole step* as a function, and E sees the whole state. hgref differentiates the step by
# autograd. Here the candidate is `hgref.reverse` itself, which trusts autograd's products of the
# step; the witness, differences of whole runs, does not use them. If something inside is detached
# the two disagree, and the report says in which function, part of the state and step.


# %%
def step(t, state, lam, cut=False):
    norm = torch.linalg.norm(gradient(state["w"]))
    g = gradient(state["w"]) / torch.clamp(norm.detach() if cut else norm, min=lam["least"])
    v = lam["mu"] * state["v"] + g
    return {"v": v, "w": state["w"] - lam["eta"] * v}


begin = {"v": w0, "w": torch.tensor(point["w0"].reshape(4, 3))}
E_of_state = objective(lambda state, lam: loss(state["w"], slice(40, 60)), begin)
loop = {"eta": 0.3, "mu": 0.8, "least": 0.1}
for cut in (False, True):
    made = dynamics(
        lambda t, state, lam: step(t, state, lam, cut),  # noqa: B023
        begin,
        dict.fromkeys(loop, ()),
    )
    whole = hgref.Problem(made, E_of_state, T)
    report = hgref.check(whole, loop, hgref.reverse(whole, loop).grad)
    print(f"cut={cut}: {report.verdict}", report.reason or "")

# %% [markdown]
# ## Exercises
# 1. Do without autograd through the loop: keep the states of `learned` and go back over them, in
#    torch. `torch.func.vjp(gradient, w)[1](u)[0]` is $uH$ of the loss without $\ell$; add $\ell u$.
#    $\nabla E(w_T)$ is `torch.func.grad(loss)(w, slice(40, 60))`, and $\partial f/\partial w_0$ the
#    $w$ part of $\alpha_0$, flattened to (12,).

# %%
answer_1 = None  # a mapping of eta, mu, l2 and w0 to tensors or numbers
exercise(1, learned, point, answer_1)

# %% [markdown]
# 2. Mend the detached gradient in $w_0$ afterwards: add what was lost, $b\,\partial v_1/\partial
#    w_0 = b\,(H + \ell I)$ with $H$ at $w_0$. Here $b$ is the slope of f in $v_1$ by every way,
#    through $w_1 = w_0 - \eta v_1$ too: differentiate steps $2 \dots T$ with $v_1$ as the variable.

# %%
detached = by_autograd(point, detach=True)["w0"]
answer_2 = None  # {"w0": (12,)}
exercise(2, learned, point, answer_2)
