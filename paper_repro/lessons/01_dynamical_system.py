# %% [markdown]
# # 1. Training is a dynamical system
#
# An optimizer carries a state $s_t$ from step to step: the weights, and whatever else it remembers.
# At the end of this lesson you see a step as a map $\Phi_t$, its two derivatives $A_t$ and $B_t$ as
# matrices, and how two of them already make a hypergradient.
#
# *Before this: nothing. About 30 minutes.*

# %%
import inspect

import matplotlib.pyplot as plt
import numpy as np

import hgref
from paper_repro.lessons.exercise import exercise

np.set_printoptions(precision=4, suppress=True)

# %% [markdown]
# ## A state, a map, hyperparameters
#
# Gradient descent with momentum keeps a velocity beside the weights, $s_t = (v_t, w_t)$:
#
# $$v_t = \mu v_{t-1} + \nabla J_t(w_{t-1}), \qquad w_t = w_{t-1} - \eta v_t$$
#
# With $\lambda = (\eta, \mu, \dots)$ this is one equation, and training is $T$ turns of it:
#
# $$s_t = \Phi_t(s_{t-1}, \lambda), \quad t = 1, \dots, T, \qquad f(\lambda) = E(s_T(\lambda))$$
#
# $E$ is the validation error. On a single weight with $J(w) = w^2/2$ the state is a point in the
# plane, and we can watch it travel.

# %%
bowl = hgref.objectives.Quadratic(np.eye(1), np.zeros(1))
fig, axes = plt.subplots(1, 3, figsize=(7.2, 2.9), sharex=True, sharey=True)
for ax, mu in zip(axes, [0.0, 0.6, 0.9], strict=True):
    run = hgref.Problem(hgref.Momentum(bowl), bowl, T=60, w0=[1.0])
    v, w = np.array(list(run.states(run.unpack(run.pack(eta=0.2, mu=mu))))).T
    ax.axhline(0, color="0.8", lw=0.8)
    ax.axvline(0, color="0.8", lw=0.8)
    ax.plot(w, v, "-", color="0.6", lw=0.8)
    ax.scatter(w, v, c=np.arange(61), cmap="Greys_r", vmax=75, s=14, zorder=3)
    ax.annotate("$s_0$", (w[0], v[0]), xytext=(0, -14), textcoords="offset points", ha="center")
    ax.set(title=f"μ = {mu}", xlabel="weight w")
axes[0].set_ylabel("velocity v")
fig.suptitle("Sixty steps of momentum, dark to light: the same map, three values of μ")
plt.show()

# %% [markdown]
# ## Two derivatives of one step
#
# A step depends on $\lambda$ directly, and through the state that it starts from:
#
# $$A_t = \frac{\partial \Phi_t(s_{t-1}, \lambda)}{\partial s_{t-1}}, \qquad
# B_t = \frac{\partial \Phi_t(s_{t-1}, \lambda)}{\partial \lambda} \qquad (11)$$
#
# Now a real training objective: cross-entropy with $\frac{1}{2} l \|w\|^2$, so that $\lambda =
# (\eta, \mu, l)$. With $H = \nabla^2 J$ and $v_t = \mu v + \nabla J(w)$, pen and paper give
#
# $$A_t = \begin{pmatrix} \mu I & H \\ -\eta \mu I & I - \eta H \end{pmatrix}, \qquad
# B_t = \begin{pmatrix} 0 & v & w \\ -v_t & -\eta v & -\eta w \end{pmatrix}$$

# %%
rng = np.random.default_rng(1)
X, y = rng.standard_normal((40, 3)), rng.integers(0, 2, 40)
J = hgref.objectives.Softmax(X[:20], y[:20], 2) + hgref.objectives.L2()
E = hgref.objectives.Softmax(X[20:], y[20:], 2)
problem = hgref.Problem(hgref.Momentum(J), E, T=8, w0=rng.standard_normal(8))
eta, mu, l2 = 0.5, 0.8, 0.1
lam = problem.pack(eta=eta, mu=mu, l2=l2)
blocks = problem.unpack(lam)

t = 5
s = list(problem.states(blocks))[t - 1]
v, w = np.split(s, 2)
g, one = J.grad(t, w, blocks), np.eye(8)
H = J.grad_jvp(t, w, blocks, one, {})
A = np.block([[mu * one, H], [-eta * mu * one, one - eta * H]])
B = np.vstack([np.c_[0 * v, v, w], np.c_[-(mu * v + g), -eta * v, -eta * w]])

# %% [markdown]
# The library never forms these matrices; it multiplies by them. This is the law that does it for
# one weight, and `hgref.jacobians` writes its columns out, for us to look at.

# %%
print(inspect.getsource(hgref.laws.momentum_jvp))

# %% [markdown]
# The witness knows neither: the complex step asks the map itself, $\partial \Phi / \partial x =
# \mathrm{Im}\, \Phi(x + i h) / h$. With $h = 10^{-30}$ it is exact to rounding.

# %%
h = 1e-30
points = [problem.unpack(lam + 1j * h * e) for e in np.eye(3)]
A_seen = np.array([problem.step(t, s + 1j * h * e, blocks).imag / h for e in np.eye(16)]).T
B_seen = np.array([problem.step(t, s, x).imag / h for x in points]).T
for name, mine, law, seen in [
    ("A", A, hgref.jacobians.A(problem, t, s, lam), A_seen),
    ("B", B, hgref.jacobians.B(problem, t, s, lam), B_seen),
]:
    print(name, mine.shape, "pen and paper - witness", f"{np.abs(mine - seen).max():.0e}", end="")
    print("   law - witness", f"{np.abs(law - seen).max():.0e}")

# %%
fig, axes = plt.subplots(1, 2, figsize=(7.2, 4.3), width_ratios=[16, 5])
axes[0].set_title(f"$A_{t}$ = ∂state/∂state")
axes[1].set_title(f"$B_{t}$ = ∂state/∂λ")
for ax, M in zip(axes, [A, B], strict=True):
    top = np.abs(M).max()
    image = ax.imshow(M, cmap="RdGy", vmin=-top, vmax=top, aspect="auto")
    for row, column in np.argwhere(top < -20 * M):
        ax.text(column, row, "−", ha="center", va="center")
    ax.axhline(7.5, color="k", lw=0.8)
    ax.set_yticks([3.5, 11.5], ["$v_t$", "$w_t$"])
    fig.colorbar(image, ax=ax, shrink=0.7)
axes[0].axvline(7.5, color="k", lw=0.8)
axes[0].set_xticks([3.5, 11.5], ["$v_{t-1}$", "$w_{t-1}$"])
axes[1].set_xticks([0, 1, 2], ["η", "μ", "l2"])
plt.show()

# %% [markdown]
# Four blocks: each velocity keeps $\mu$ of itself, and weights meet one another only through $H$.
#
# ## Exercises
#
# 1. One step, $T = 1$: $\nabla f(\lambda) = \nabla E(s_1) B_1$. Give it for $\lambda = (\eta, \mu,
#    l)$. `single.error_grad(1, s_1, blocks)[0]` is the row $\nabla E(s_1)$.

# %%
single = hgref.Problem(hgref.Momentum(J), E, T=1, w0=problem.w0)
answer_1 = None  # your gradient here: a vector (3,), or a mapping of eta, mu, l2
exercise(1, single, lam, answer_1)

# %% [markdown]
# 2. Two steps, $T = 2$. Now $\lambda$ reaches $s_2$ by two routes: through $B_2$, and through $B_1$
#    and then $A_2$.

# %%
double = hgref.Problem(hgref.Momentum(J), E, T=2, w0=problem.w0)
answer_2 = None  # your gradient here
exercise(2, double, lam, answer_2)
