# %% [markdown]
# # 11. The limit of long training
#
# Train until nothing changes: $w_T$ is then the minimum $w^*(\lambda)$ of $J$, and the way there no
# longer matters. Its derivative comes from one equation, not from a run. You will see that
# truncation, Neumann series, conjugate gradients and one-step gradients all solve that equation,
# and why the gradient of a run first moves *away* from its limit.
#
# *Before this: lesson 2. About 40 minutes.*

# %%
import matplotlib.pyplot as plt
import numpy as np

import hgref
from paper_repro.lessons.exercise import exercise

# %% [markdown]
# ## One equation
#
# At the minimum $\nabla J(w^*(\lambda), \lambda) = 0$ for every $\lambda$. Differentiate it, with
# $H = \nabla^2_{ww} J$ and $M = \nabla^2_{w\lambda} J$, and put the result into $E$:
#
# $$H \frac{dw^*}{d\lambda} + M = 0 \qquad\Rightarrow\qquad
# \nabla f(\lambda) = \nabla E\,\frac{dw^*}{d\lambda} = -\,q\,M, \qquad q\,H = \nabla E.$$
#
# No steps, no states: one linear system. For ridge regression everything is known by pen:

# %%
rng = np.random.default_rng(0)
X, Xv, true = rng.standard_normal((30, 4)), rng.standard_normal((20, 4)), np.array([2, -1, 0, 1.0])
y, yv = X @ true + rng.standard_normal(30), Xv @ true + rng.standard_normal(20)
J = hgref.objectives.LeastSquares(X, y, bias=False) + hgref.objectives.L2()
E = hgref.objectives.LeastSquares(Xv, yv, bias=False)
l2 = 0.3
H = X.T @ X / 30 + l2 * np.eye(4)
w = np.linalg.solve(H, X.T @ y / 30)  # w*
q = np.linalg.solve(H, Xv.T @ (Xv @ w - yv) / 20)  # H is symmetric
pen = -q @ w  # M = ∂(∇J)/∂l2 = w
eta = 1 / np.linalg.eigvalsh(H)[-1]
problem = hgref.Problem(hgref.GradientDescent(J), E, T=150)
lam = problem.pack(eta=eta, l2=l2)
print(f"by pen {pen:.12f}, reverse {hgref.reverse(problem, lam)['l2']:.12f}")

# %% [markdown]
# ## One series
#
# In the limit every step is the same map, so $A_t = A = I - \eta H$ and $B_t = B = -\eta M$. Then
# REVERSE-HG (8), (10) is a geometric series, and its sum solves the equation:
#
# $$\alpha_{T-k} = \nabla E\,A^k, \qquad \nabla f = \sum_{k=0}^{\infty} \nabla E\,A^k B
# = \nabla E\,(I - A)^{-1} B = -\,q\,M.$$
#
# Keep $K$ terms: truncation to the last $K$ steps, and the fixed point stopped after $K$ products.
# Keep one: the one-step gradient $\nabla E\,B$. Take $1/L$ for $\eta$: the Neumann series.
# Conjugate gradients solve the same system and choose their polynomial in $H$ better.

# %%
limit = hgref.implicit(problem, lam, tol=1e-13)
for K in (1, 2, 5, 10, 20):
    terms = hgref.truncated(problem, lam, K)["l2"]
    print(f"K = {K:2}: {terms:.9f}, off by {abs(terms / pen - 1):.0e}")
print(f"one-step {hgref.implicit(problem, lam, 'one-step')['l2']:.9f}")
print(f"cg       {limit['l2']:.9f} after {limit.products} products with H, p = {problem.p}")

# %% [markdown]
# ## The way there: the curse of unrolling
#
# How far is the gradient of $T$ steps from the limit? Take one weight, curvature $h = a + l_2$, and
# $\rho = 1 - \eta h$. Then $w_T - w^* = \rho^T (w_0 - w^*)$, and differentiating the right side
# with respect to $l_2$ gives two terms, as $\rho$ depends on $l_2$ too:
#
# $$\frac{dw_T}{dl_2} - \frac{dw^*}{dl_2} =
# -\rho^T \frac{dw^*}{dl_2} \;-\; \eta\,T \rho^{T-1} (w_0 - w^*).$$
#
# The factor $T$ makes the second grow until $T = -1/\log\rho$: the derivative moves away from its
# limit while the weight comes nearer. The implicit gradient at $w_T$ has no such term.

# %%
a, b, start, rate = 0.2, 1.0, 40.0, 0.1
h, lengths = a + 0.05, np.arange(4, 400, 12)
rho, minimum = 1 - rate * h, b / h
J_1 = hgref.objectives.Quadratic([[a]], [b]) + hgref.objectives.L2()
E_1 = hgref.objectives.Quadratic([[0.0]], [-1.0])  # E = w, so ∇f = dw/dλ
found = {"reverse": [], "implicit": [], "truncated, K = T/2": []}
for T in lengths:
    run = hgref.Problem(hgref.GradientDescent(J_1), E_1, int(T), [start])
    at = {"eta": rate, "l2": 0.05}
    found["reverse"].append(hgref.reverse(run, at)["l2"])
    found["implicit"].append(hgref.implicit(run, at)["l2"])
    found["truncated, K = T/2"].append(hgref.truncated(run, at, int(T // 2))["l2"])
slope = -b / h**2  # dw*/dl2
closed = -(rho**lengths) * slope - rate * lengths * rho ** (lengths - 1) * (start - minimum)
worst = lengths[np.argmax(np.abs(np.array(found["reverse"]) - slope))]
print(f"largest at T = {worst}, predicted {-1 / np.log(rho):.0f}")
off = np.array(found["reverse"]) - slope - closed
print(f"reverse off the closed form by {np.abs(off).max():.0e}")
fig, ax = plt.subplots()
ax.semilogy(lengths, np.abs(closed), lw=3, alpha=0.3, ls="-", label="closed form")
for (name, each), marker in zip(found.items(), "os^", strict=True):
    ax.semilogy(lengths, np.abs(np.array(each) - slope), marker + ":", ms=4, lw=0.8, label=name)
ax.axvline(-1 / np.log(rho), color="0.6", lw=0.8)
ax.set(xlabel="steps T", ylabel="distance of $dw_T/dl_2$ from its limit")
ax.set_title("The gradient of a run first moves away from its limit")
ax.legend()
plt.show()

# %% [markdown]
# Which to take? The implicit gradient is right for a run that has converged, costs no memory, and
# says nothing of $\eta$, $\mu$ or early stopping: in the limit $f$ does not depend on them. For a
# run that stops early, the gradient of the run is the right one, hump and all. `implicit` tells
# you where you stand: `.residual` is $\|\nabla J(w_T)\|$, `.convergence.rate` the factor per step.

# %%
print(limit.convergence)

# %% [markdown]
# ## Exercises
# 1. A penalty for each weight: $\frac{1}{2}\sum_j l_j w_j^2$. Which $M$ is that? One linear system.

# %%
J_each = hgref.objectives.LeastSquares(X, y, bias=False) + hgref.objectives.L2("weight")
problem_1 = hgref.Problem(hgref.GradientDescent(J_each), E, T=200)
each = np.array([0.2, 0.3, 0.4, 0.5])
answer_1 = None  # {"l2": your gradient, (4,)}
exercise(1, problem_1, {"eta": eta, "l2": each}, answer_1)

# %% [markdown]
# 2. The same by the series, with products alone: no matrix is inverted. `H_each @ u` is a product.

# %%
H_each = X.T @ X / 30 + np.diag(each)
answer_2 = None  # {"l2": your gradient, (4,)}
exercise(2, problem_1, {"eta": eta, "l2": each}, answer_2)
