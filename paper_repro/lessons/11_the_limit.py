# %% [markdown]
# # 11. The limit of long training
#
# Train until nothing changes: $w_T$ is then the minimum $w^*(\lambda)$ of $J$, and the way there no
# longer matters. Its derivative comes from one equation, not from a run. You will see that
# truncation, Neumann series, conjugate gradients and one-step gradients all solve that equation,
# and why the gradient of a run moves *away* from its limit before it comes near.
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
# At the minimum $\nabla J(w^*(\lambda), \lambda) = 0$ for every $\lambda$. Differentiate that, with
# $H = \nabla^2_{ww} J$, $(p, p)$ and invertible, and $M = \nabla^2_{w\lambda} J$, $(p, m)$:
#
# $$H \frac{dw^*}{d\lambda} + M = 0.$$
#
# Let the row $q$ solve $q H = \nabla E$. If $E$ does not contain $\lambda$ itself, then
#
# $$\nabla f(\lambda) = \nabla E\,\frac{dw^*}{d\lambda} = -\nabla E\,H^{-1} M = -\,q\,M.$$
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
# REVERSE-HG (8), (10) is a geometric series. For $0 < \eta < 2/L$, where $L$ is the largest
# eigenvalue of $H$, it converges, and its sum solves the equation:
#
# $$\alpha_{T-k} = \nabla E\,A^k, \qquad \nabla f = \sum_{k=0}^{\infty} \nabla E\,A^k B
# = \nabla E\,(I - A)^{-1} B = -\,q\,M.$$
#
# Every method approximates $q$. Keep $K$ terms: that is truncation to the last $K$ steps, and also
# $K$ turns of $\alpha \leftarrow \nabla E + \alpha A$ from $\alpha = 0$. One term is the one-step
# gradient $\nabla E\,B$. It is Neumann's series; above, $\eta = 1/L$. All of these
# are $\nabla E$ times a polynomial in $H$ that is fixed beforehand; conjugate gradients take the
# polynomial with the least error, and are done after $p$ products, but for rounding.

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
# How far is the gradient of $T$ steps from the limit? Take one weight and
# $J = a w^2/2 - b w + l_2 w^2/2$: curvature $h = a + l_2$, $w^* = b/h$, $dw^*/dl_2 = -b/h^2$. With
# $\rho = 1 - \eta h$, $w_T - w^* = \rho^T (w_0 - w^*)$, and differentiating the right side with
# respect to $l_2$ gives two terms, as $\rho$ depends on $l_2$ too:
#
# $$\frac{dw_T}{dl_2} - \frac{dw^*}{dl_2} =
# -\rho^T \frac{dw^*}{dl_2} \;-\; \eta\,T \rho^{T-1} (w_0 - w^*).$$
#
# Here they have opposite signs. The distance begins at $|dw^*/dl_2| = 16$ and passes through 0 near
# $T = 4$; then the factor $T$ wins, and the derivative moves *away* from its limit while the weight
# comes nearer. The second term alone is largest at $T = -1/\log\rho$, the sum a little later.
#
# The implicit gradient at $w_T$ is off by $|w_T - w^*|/h = 144\,\rho^T$: it has no factor $T$, but
# begins higher. Up to the hump it is the worse of the two, afterwards the better.

# %%
a, b, start, rate = 0.2, 1.0, 40.0, 0.1
h, lengths = a + 0.05, np.array([1, 2, 3, 4, 6, 9, *range(12, 400, 12)])
rho, minimum = 1 - rate * h, b / h
J_1 = hgref.objectives.Quadratic([[a]], [b]) + hgref.objectives.L2()
E_1 = hgref.objectives.Quadratic([[0.0]], [-1.0])  # E = w, so ∇f = dw/dλ
found = {"reverse": [], "implicit": [], "truncated, K = T/2": []}
for T in lengths:
    run = hgref.Problem(hgref.GradientDescent(J_1), E_1, int(T), [start])
    at = {"eta": rate, "l2": 0.05}
    found["reverse"].append(hgref.reverse(run, at)["l2"])
    found["implicit"].append(hgref.implicit(run, at)["l2"])
    found["truncated, K = T/2"].append(hgref.truncated(run, at, -(-int(T) // 2))["l2"])
slope = -b / h**2  # dw*/dl2


def distance(T):
    """The two terms: dw_T/dl2 − dw*/dl2."""
    return -(rho**T) * slope - rate * T * rho ** (T - 1) * (start - minimum)


# %%
closed, every = distance(lengths), np.arange(5, 400)
hump = every[np.argmax(np.abs(distance(every)))]
print(f"largest at T = {hump}; the second term alone at {-1 / np.log(rho):.1f}")
off = np.array(found["reverse"]) - slope - closed
print(f"reverse off the closed form by {np.abs(off).max():.0e}")
fig, ax = plt.subplots()
ax.semilogy(lengths, np.abs(closed), lw=3, alpha=0.3, ls="-", label="closed form")
for (name, each), marker in zip(found.items(), "os^", strict=True):
    ax.semilogy(lengths, np.abs(np.array(each) - slope), marker + ":", ms=4, lw=0.8, label=name)
ax.axvline(-1 / np.log(rho), color="0.6", lw=0.8)
ax.set(xlabel="steps T", ylabel="distance of $dw_T/dl_2$ from its limit")
ax.set_title("The gradient of a run moves away from its limit before it comes near")
ax.legend()
plt.show()

# %% [markdown]
# (The curves dip to 0 where the distance changes its sign.)
#
# Which to take? The implicit gradient is right for a run that has converged, stores no states, and
# says nothing of $\eta$, $\mu$ or early stopping: in the limit $f$ does not depend on them. For a
# run that stops early, the gradient of the run is the right one, even while it is far from the
# limit. `implicit` tells you where you stand: `.residual` is $\|\nabla J(w_T)\|$; divided by the
# least curvature it bounds the distance to $w^*$; `.convergence.rate` is the factor per step.

# %%
print(limit.convergence)

# %% [markdown]
# ## Exercises
# 1. A penalty for each weight: $\frac{1}{2}\sum_j l_j w_j^2$. Its $H$ is `H_each`, and $w^*$ is
#    another one than above. Which matrix is $M$ now? Solve for $w^*$ and for $q$.

# %%
J_each = hgref.objectives.LeastSquares(X, y, bias=False) + hgref.objectives.L2("weight")
problem_1 = hgref.Problem(hgref.GradientDescent(J_each), E, T=200)
each = np.array([0.2, 0.3, 0.4, 0.5])
H_each = X.T @ X / 30 + np.diag(each)
answer_1 = None  # {"l2": your gradient, (4,)}
exercise(1, problem_1, {"eta": eta, "l2": each}, answer_1)

# %% [markdown]
# 2. The same without `solve`: $w^*$ by gradient descent with products `H_each @ w`, then
#    $q = \sum_k \eta\,\nabla E\,(I - \eta H)^k$ with the `eta` above. The judge asks for about
#    twelve digits. Each term is about 0.6 of the one before: take 100 of them.

# %%
answer_2 = None  # {"l2": your gradient, (4,)}
exercise(2, problem_1, {"eta": eta, "l2": each}, answer_2)
