# %% [markdown]
# # 2. The Lagrangian and REVERSE-HG
#
# Training was a chain of equations; now they become constraints, each with a multiplier
# $\alpha_t$. At the end of this lesson you have derived back-propagation through a training run
# from one equation, know what every $\alpha_t$ means, and have seen it travel backwards.
#
# *Before this: lesson 1. About 30 minutes.*

# %%
import inspect

import matplotlib.pyplot as plt
import numpy as np

import hgref
from hgref.hypergradient.reverse import multipliers
from paper_repro.lessons.exercise import exercise

# %% [markdown]
# ## The Lagrangian
#
# Minimise $E(s_T)$ subject to $s_t = \Phi_t(s_{t-1}, \lambda)$. A row vector $\alpha_t$ for
# each constraint gives
#
# $$L(s, \lambda, \alpha) = E(s_T) + \sum_{t=1}^{T} \alpha_t
# \left( \Phi_t(s_{t-1}, \lambda) - s_t \right) \qquad (6)$$
#
# On the training run every bracket is zero; this is $\partial L / \partial \alpha_t = 0$ (7). There
# $L = f(\lambda)$, whatever the $\alpha_t$ are. Follow the run as $\lambda$ moves:
#
# $$\nabla f(\lambda) = \frac{\partial L}{\partial \lambda} + \sum_{t=1}^{T}
# \frac{\partial L}{\partial s_t} \frac{d s_t}{d \lambda}$$
#
# The $ds_t/d\lambda$ are expensive: FORWARD-HG computes them. Choose the $\alpha_t$ so that their
# factors vanish, and nobody has to know them:
#
# $$\frac{\partial L}{\partial s_t} = \alpha_{t+1} A_{t+1} - \alpha_t = 0
# \;\Rightarrow\; \alpha_t = \alpha_{t+1} A_{t+1}, \quad t = T-1, \dots, 1 \qquad (8)$$
#
# $$\frac{\partial L}{\partial s_T} = \nabla E(s_T) - \alpha_T = 0
# \;\Rightarrow\; \alpha_T = \nabla E(s_T) \qquad (9)$$
#
# What is left of the derivative is the direct dependence of each $\Phi_t$ on $\lambda$:
#
# $$\nabla f(\lambda) = \frac{\partial L}{\partial \lambda}
# = \sum_{t=1}^{T} \alpha_t B_t \qquad (10)$$
#
# plus $\partial E / \partial \lambda$ where $E$ contains $\lambda$ (`direct` below, 0 here), and
# $\alpha_0\, ds_0/d\lambda$ where the start is learned (`start_vjp` in the library).
#
# ## The loop
#
# (8) can only be solved from the end: first run forwards and keep the states, then walk back.

# %%
rng = np.random.default_rng(4)
X, y = rng.standard_normal((40, 3)), rng.integers(0, 3, 40)
J = hgref.objectives.Softmax(X[:20], y[:20], 3) + hgref.objectives.L2()
E = hgref.objectives.Softmax(X[20:], y[20:], 3)
problem = hgref.Problem(hgref.Momentum(J), E, T=40)
lam = problem.pack(eta=0.3, mu=0.8, l2=0.02)
blocks = problem.unpack(lam)

states = list(problem.states(blocks))
alpha, direct = problem.error_grad(problem.T, states[-1], blocks)  # (9)
alphas, shares = {problem.T: alpha}, {}
for t in range(problem.T, 0, -1):
    A = hgref.jacobians.A(problem, t, states[t - 1], lam)
    B = hgref.jacobians.B(problem, t, states[t - 1], lam)
    shares[t] = alphas[t] @ B
    alphas[t - 1] = alphas[t] @ A  # (8)
grad = sum(shares.values())  # (10)
print("these ten lines", grad)
print("hgref.reverse  ", hgref.reverse(problem, lam).grad)
print("complex step   ", hgref.witness.complex_step(problem.f, lam))

# %% [markdown]
# The library's loop is the same, but writes down no matrix. On the way forwards it linearises every
# step once, `step = run.at(t, s)`; on the way `back`, `vjp` gives $\alpha A_t$ and $\alpha B_t$ at
# the price of about one gradient:

# %%
print(inspect.getsource(multipliers))

# %% [markdown]
# ## What $\alpha_t$ means
#
# $\alpha_t = \partial E(s_T) / \partial s_t$: nudge the state after step $t$, let training go on,
# and look at the validation error. The complex step does exactly that, for one $t$:


# %%
def nudged(t, j, h=1e-30):
    s = states[t] + 1j * h * np.eye(problem.d)[j]
    for r in range(t + 1, problem.T + 1):
        s = problem.step(r, s, blocks)
    return problem.error(problem.T, s, blocks).imag / h


seen = np.array([nudged(25, j) for j in range(problem.d)])
print("largest difference at t = 25:", f"{np.abs(seen - alphas[25]).max():.0e}")

# %%
fig, (top, low) = plt.subplots(2, 1, figsize=(7.2, 5.4), sharex=True, height_ratios=[3, 2])
steps = np.arange(1, problem.T + 1)
field = np.array([problem.dynamics.weights(alphas[t]) for t in steps]).T
size = np.abs(field).max()
image = top.pcolormesh(steps, np.arange(problem.p), field, cmap="PuOr", vmin=-size, vmax=size)
rows, columns = np.nonzero(field < -0.05 * size)
top.plot(steps[columns], rows, "k_", ms=4, mew=0.7)
top.set(ylabel="weight", title="← the multipliers $α_t$ of the weights are computed right to left")
fig.colorbar(image, ax=top, label="$α_t$ (− where negative)")
collected = np.cumsum([shares[t] for t in steps[::-1]], axis=0)[::-1] / np.abs(grad)
for j, (name, line) in enumerate(zip(["η", "μ", "l2"], ["-", "--", ":"], strict=True)):
    low.plot(steps, collected[:, j], line, color="k", label=name)
low.axhline(0, color="0.8", lw=0.8)
low.set(xlabel="step t", ylabel="$Σ_{r≥t}\\,α_r B_r$, of |∇f|")
low.set_title("… and the hypergradient is collected on the way")
low.legend(title="∇f for")
plt.show()

# %% [markdown]
# ## Exercises
#
# 1. Gradient descent with a rate for every step, $w_t = w_{t-1} - \eta_t \nabla J(w_{t-1})$. Then
#    $A_t = I - \eta_t H$, and $\eta_t$ enters one step only. Give all $\partial f / \partial
#    \eta_t$. `J.grad_vjp(t, w, {}, u)[0]` is $u H$.

# %%
J = hgref.objectives.Softmax(X[:20], y[:20], 3)
descent = hgref.Problem(hgref.GradientDescent(J), E, T=10)
rates = descent.pack(eta=np.linspace(0.9, 0.2, 10))
answer_1 = None  # your gradient here: a vector (10,)
exercise(1, descent, rates, answer_1)

# %% [markdown]
# 2. Momentum without matrices: split $\alpha_t$ into its parts for $v_t$ and $w_t$, transpose the
#    matrix of lesson 1 by hand, and give $\nabla f$ for $(\eta, \mu)$.

# %%
heavy = hgref.Problem(hgref.Momentum(J), E, T=12)
point = heavy.pack(eta=0.3, mu=0.8)
answer_2 = None  # your gradient here
exercise(2, heavy, point, answer_2)
