# %% [markdown]
# # 8. When hypergradients lie
#
# A hypergradient can be a number of the right shape, and worthless. Five ways in which that
# happens, how each of them shows, and what to ask before you believe one.
#
# *Before this: lesson 2. About 45 minutes.*

# %%
import matplotlib.pyplot as plt
import numpy as np

import hgref
from hgref.objectives import L2, LeastSquares, Quadratic
from paper_repro.lessons.exercise import exercise

# %% [markdown]
# ## Divergence
#
# On a quadratic $A_t = I - \eta H$: on its way back (8) multiplies $\alpha$ by $1 - \eta h$ in each
# mode of curvature $h$. With $L$ the largest $h$, it grows where $\eta > 2/L$. The gradient is
# exact still, but of no use to an outer loop. Much later a number overflows: `Diverged`.

# %%
H, b, goal = np.diag([4.0, 0.5]), np.array([1.0, 1.0]), np.array([0.5, 1.0])
GD, E = hgref.GradientDescent(Quadratic(H, b) + L2()), Quadratic(np.eye(2), goal)
fig, ax = plt.subplots()
for c, marker in [(0.5, "o"), (1.9, "s"), (2.1, "^")]:
    road = hgref.decay(hgref.Problem(GD, E, T=60), {"eta": c / 4, "l2": 0.0})
    ax.semilogy(np.arange(1, 61), road.alpha, marker=marker, markevery=6, label=f"η = {c}/L")
    factor = np.abs(1 - c / 4 * np.diag(H)).max()
    print(f"η = {c}/L: rate {road.rate:.4f}, max |1 - ηh| {factor:.4f}, ∂f/∂η {road.grad[0]:.3g}")
ax.set(xlabel="step t; α starts at the right", ylabel="$‖α_t‖$", title="Beyond 2/L α explodes")
ax.legend()
plt.show()
try:
    hgref.reverse(hgref.Problem(GD, E, T=8000), {"eta": 2.1 / 4, "l2": 0.0})
except hgref.Diverged as error:
    print(error)

# %% [markdown]
# ## Truncation
#
# Twenty directions are learned fast, and then shaken by mini-batches; one is slow and far from its
# goal. The noise of the last few steps asks for a smaller $\eta$; the slow direction, to which
# every step adds a little, for a larger one. The last $K$ terms of (10) have the wrong *sign*.

# %%
rng, scale, far = np.random.default_rng(3), np.r_[np.ones(20), 0.1], np.r_[np.zeros(20), 20.0]
X, X_val = rng.standard_normal((2, 400, 21)) * scale
y, batches = X @ far + rng.standard_normal(400), rng.integers(0, 400, (300, 5))
J = LeastSquares(X, y, bias=False, batches=batches)
noisy = hgref.Problem(hgref.GradientDescent(J), LeastSquares(X_val, X_val @ far, bias=False), 300)
rate = noisy.pack(eta=0.0625)
Ks = np.unique(np.geomspace(1, 300, 30).astype(int))
fig, ax = plt.subplots()
ax.semilogx(Ks, [hgref.truncated(noisy, rate, K).grad[0] for K in Ks], "o-", ms=4)
ax.axhline(0, color="black", lw=0.8, ls="-")
truth = hgref.witness.complex_step(noisy.f, rate)[0]
ax.annotate("the truth", (300, truth), (150, truth), arrowprops={"arrowstyle": "->"}, ha="right")
ax.set(xlabel="K of 300", ylabel="truncated ∂f/∂η", title="Short horizons call for a smaller rate")
plt.show()
print(f"reverse {hgref.reverse(noisy, rate)['eta']:.9f}, complex step {truth:.9f}")
print(hgref.decay(noisy, rate))

# %% [markdown]
# ## float32
#
# Near the minimum $g = Hw + l w - b$ is what is left when equal numbers cancel. The row of $B_t$ is
# $(-g, -\eta w)$: in $\partial f / \partial \eta$ the digits are gone, in $\partial f / \partial l$
# they are not. `hgref.check` measures what rounding does to this very run, block by block.


# %%
def single(lam, T):
    """REVERSE-HG (8)-(10) on GD and a quadratic, every number a float32."""
    eta, l2, A, c, w_E = (np.asarray(x, np.float32) for x in (*lam.values(), H, b, goal))
    w = [np.zeros(2, np.float32)]
    for _ in range(T):
        w.append(w[-1] - eta * (A @ w[-1] + l2 * w[-1] - c))
    alpha, eta_bar, l2_bar = w[T] - w_E, np.float32(0), np.float32(0)
    for s in w[-2::-1]:
        eta_bar, l2_bar = eta_bar - alpha @ (A @ s + l2 * s - c), l2_bar - eta * (alpha @ s)
        alpha = alpha - eta * (alpha @ A + l2 * alpha)
    return {"eta": eta_bar, "l2": l2_bar}


lam, steps = {"eta": 0.25, "l2": 0.0625}, (5, 15, 30, 45, 60, 75, 90, 105, 120)
rows = [hgref.check(hgref.Problem(GD, E, T), lam, single(lam, T)).blocks for T in steps]
fig, ax = plt.subplots()
for look, blocks in zip(["ko", "C1s"], np.array(rows).T, strict=True):
    ax.semilogy(steps, [x.error for x in blocks], look + "-", label=f"{blocks[0].name}: its error")
    ax.semilogy(steps, [x.tolerance for x in blocks], look + ":", mfc="w", label="its tolerance")
ax.set(xlabel="steps T", ylabel="relative error", title="float32: ∂f/∂η loses its digits")
ax.legend(ncols=2)
plt.show()

# %% [markdown]
# ## The zero gradient, and the wrong epsilon
#
# Adam's first step is $-\eta g / (\sqrt{g^2} + \varepsilon)$. At $g = 0$ the chain rule multiplies
# $d(g^2) = 0$ by $1 / (2 \sqrt{0}) = \infty$: autodiff says NaN. The map itself has the slope
# $1/\varepsilon$, and so has the law. With $\varepsilon$ *inside* the root the slope is different.

# %%
eps, g = 1e-4, np.geomspace(1e-7, 10, 60)
fig, ax = plt.subplots()
for name, ls, bias, inside in [("outside", "-", hgref.laws.adam_bias_split, 0),
                               ("inside", "--", hgref.laws.adam_bias_folded, 1)]:  # fmt: skip
    law = (0.9, 0.999, *bias(1, 0.9, 0.999), (1 - inside) * eps, inside * eps, 0)  # no decay
    slope = -hgref.laws.adam_jvp(0, 0, 0, 0, 1, *law, *(0, 0, 0, 1), *[0] * 8)[2]  # dg = 1 alone
    low, high, *step = -hgref.laws.adam_step(0, 0, 0, np.r_[-1e-10, 1e-10, g], 1, *law)[2]
    print(f"ε {name}: slope {slope:.7g}, difference {(high - low) / 2e-10:.7g}")
    ax.loglog(g, step, ls=ls, label=f"ε {name} the root")
    ax.loglog(g, slope * g, color="0.6", ls=":")
ax.set(xlabel="gradient g", ylabel="|step| / η", ylim=(1e-7, 5), title="ε sets the slope at g = 0")
ax.legend()
plt.show()

# %% [markdown]
# Run one of the two maps and differentiate the other, and every number looks sane:

# %%
runs, derived = (hgref.Adam(Quadratic(H, b), convention) for convention in ("torch", "paper"))
problem = hgref.Problem(runs, E, T=20)
at = problem.pack(eta=0.1, beta1=0.9, beta2=0.999, eps=1e-3)
states = list(problem.states(at))
alpha, total = problem.error_grad(20, states[20], at)[0], np.zeros(4)
for t in range(20, 0, -1):
    alpha, share = derived.vjp(t, states[t - 1], problem.unpack(at), alpha)
    total += problem.pack(**share)
print(hgref.check(problem, at, total), hgref.diagnose(problem, at, total), sep="\n")

# %% [markdown]
# ## What to ask before you believe one
#
# * Is it the gradient of this run? `hgref.check`, a witness
# * Which mistake is it, or which way is lost? `hgref.diagnose(...)`, its `.paths`
# * Do the digits survive rounding? `.verdict` undecided; try float64
# * Did the run diverge, or is it chaotic? `Diverged`; `hgref.decay(...).rate` above 1
# * Is a truncated one long enough? `hgref.decay(...).K(0.01)`
# * Has training converged, if it is implicit? `.residual`, `.convergence`
# * Is there a kink (relu, clip, projection)? Differences from both sides
# * Does the loss draw batches of its own? `check` runs it twice
# * Is the minimum flat? `hgref.hessian`
# * Is the validation set overfitted? Examples that nobody used: lesson 13

# %% [markdown]
# ## Exercises
#
# 1. Three steps of torch's Adam from the very minimum of $J = w^2 - w$, where $g = 0$; $E = w^2/2$.
#    Only $\partial f/\partial w_0$ is not zero: follow $dm_t$ and $dw_t$. What would autodiff say?

# %%
rest = hgref.Problem(hgref.Adam(Quadratic([[2.0]], [1.0]), "torch"), Quadratic([[1.0]], [0.0]), T=3,
                     w0=[0.5], learn_w0=True)  # fmt: skip
at_rest = rest.pack(eta=0.1, beta1=0.9, beta2=0.99, eps=0.25)
answer_1 = None  # a mapping {"w0": [your number]}
exercise(1, rest, at_rest, answer_1)

# %% [markdown]
# 2. The run with mini-batches, all in float32: hand it over so that it is judged as what it is.

# %%
answer_2 = None  # a mapping {"eta": your number}
exercise(2, noisy, rate, answer_2)
