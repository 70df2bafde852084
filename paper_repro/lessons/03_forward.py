# %% [markdown]
# # 3. Sensitivities and FORWARD-HG
#
# REVERSE-HG has to wait for the end of training. The chain rule, read forwards, does not: it
# carries $Z_t = ds_t/d\lambda$ along. At the end of this lesson you have the second algorithm, and
# see that both are one sum with its brackets set differently.
#
# *Before this: lessons 1 and 2. About 30 minutes.*

# %%
import inspect

import matplotlib.pyplot as plt
import numpy as np

import hgref
from hgref.hypergradient.forward import sensitivities
from paper_repro.lessons.exercise import exercise

# %% [markdown]
# ## The chain rule, along the run
#
# $f(\lambda) = E(s_T(\lambda))$, so that
#
# $$\nabla f(\lambda) = \nabla E(s_T) \frac{d s_T}{d \lambda} \qquad (12)$$
#
# and $s_t = \Phi_t(s_{t-1}(\lambda), \lambda)$ depends on $\lambda$ twice: through the state before
# it, and directly. With $Z_t = ds_t/d\lambda$, a matrix with a column for each hyperparameter,
#
# $$Z_t = A_t Z_{t-1} + B_t, \quad Z_0 = 0, \quad t = 1, \dots, T \qquad (14)$$
#
# $$\nabla f(\lambda) = \nabla E(s_T) Z_T \qquad (15)$$

# %%
rng = np.random.default_rng(4)
X, y = rng.standard_normal((40, 3)), rng.integers(0, 3, 40)
J = hgref.objectives.Softmax(X[:20], y[:20], 3) + hgref.objectives.L2()
E = hgref.objectives.Softmax(X[20:], y[20:], 3)
problem = hgref.Problem(hgref.Momentum(J), E, T=40)
lam = problem.pack(eta=0.3, mu=0.8, l2=0.02)
blocks = problem.unpack(lam)

states, Z = list(problem.states(blocks)), np.zeros((problem.d, 3))
As, Bs, Zs = {}, {}, {0: Z}
for t in range(1, problem.T + 1):
    As[t] = hgref.jacobians.A(problem, t, states[t - 1], lam)
    Bs[t] = hgref.jacobians.B(problem, t, states[t - 1], lam)
    Zs[t] = As[t] @ Zs[t - 1] + Bs[t]  # (14)
row = problem.error_grad(problem.T, states[-1], blocks)[0]
grad = row @ Zs[problem.T]  # (15)
print("these lines  ", grad)
print("hgref.forward", hgref.forward(problem, lam).grad)
print("complex step ", hgref.witness.complex_step(problem.f, lam))

# %% [markdown]
# Again the library needs no matrix. It linearises step $t$ once, at $s_{t-1}$: its value is $s_t$,
# and its `jvp` pushes all columns through it at once. With $Z_{t-1}$ and the identity for
# $d\lambda$, `jvp` *is* (14):

# %%
print(inspect.getsource(sensitivities))

# %% [markdown]
# Each column of $Z_t$ has a witness of its own: train with $\lambda + i h e_j$ and read the
# imaginary part of the state. Nothing above takes part in it.

# %%
h = 1e-30
for j, name in enumerate(["eta", "mu", "l2"]):
    run = list(problem.states(problem.unpack(lam + 1j * h * np.eye(3)[j])))
    gaps = [np.abs(s.imag / h - Zs[t][:, j]).max() for t, s in enumerate(run)]
    print(f"{name:4} largest difference over all t: {max(gaps):.0e}")

# %%
fig, axes = plt.subplots(3, 1, figsize=(7.2, 5.6), sharex=True)
steps = np.arange(problem.T + 1)
for j, (ax, name) in enumerate(zip(axes, ["η", "μ", "l2"], strict=True)):
    field = np.array([problem.dynamics.weights(Zs[t][:, j]) for t in steps]).T
    size = np.abs(field).max()
    image = ax.pcolormesh(steps, np.arange(problem.p), field, cmap="PuOr", vmin=-size, vmax=size)
    rows, columns = np.nonzero(field < -0.05 * size)
    ax.plot(steps[columns], rows, "k_", ms=4, mew=0.7)
    ax.set(ylabel="weight", yticks=[0, 5, 10])
    fig.colorbar(image, ax=ax, label=f"$∂w_t$ / ∂{name}")
axes[0].set_title("The columns of $Z_t$ are computed left to right → (− where negative)")
axes[-1].set_xlabel("step t")
plt.show()

# %% [markdown]
# ## One sum, two ways to set its brackets
#
# Unroll (14), or unroll (8): either way
#
# $$\nabla f(\lambda) = \sum_{t=1}^{T} \nabla E(s_T)\, A_T A_{T-1} \cdots A_{t+1}\, B_t$$
#
# From the left every product is a row times a matrix, $\alpha_t$; from the right a matrix with
# $m$ columns, $Z_t$. And one may begin at both ends and meet anywhere: for every $t$
#
# $$\nabla f(\lambda) = \alpha_t Z_t + \sum_{r=t+1}^{T} \alpha_r B_r$$

# %%
alphas = {problem.T: row}
for t in range(problem.T, 0, -1):
    alphas[t - 1] = alphas[t] @ As[t]
carried = np.array([alphas[t] @ Zs[t] for t in steps])
rest = np.array([sum((alphas[r] @ Bs[r] for r in steps[t + 1 :]), np.zeros(3)) for t in steps])
print("meeting at any t, largest difference:", f"{np.abs(carried + rest - grad).max():.0e}")

fig, axes = plt.subplots(1, 3, figsize=(7.2, 3.2), sharex=True)
for j, (ax, name) in enumerate(zip(axes, ["η", "μ", "l2"], strict=True)):
    ax.plot(steps, carried[:, j], "k-", label="forward has: $α_t Z_t$")
    ax.plot(steps, rest[:, j], "k--", label="reverse has: $Σ_{r>t}\\,α_r B_r$")
    ax.plot(steps, (carried + rest)[:, j], color="0.6", lw=3, label="together: ∇f(λ)", zorder=0)
    ax.set(title=f"∂f / ∂{name}", xlabel="step t")
fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
plt.show()

# %% [markdown]
# ## Exercises
#
# 1. Gradient descent, $\lambda = (\eta, l)$, $T = 15$: write (14) with two columns and no matrix
#    $A_t$. `J.grad_jvp(t, w, blocks, dw, {})` is $H\,dw$, and $\partial \nabla J / \partial l = w$.

# %%
descent = hgref.Problem(hgref.GradientDescent(J), E, T=15)
point = descent.pack(eta=0.5, l2=0.02)
answer_1 = None  # your gradient here: a vector (2,)
exercise(1, descent, point, answer_1)

# %% [markdown]
# 2. Let the start be learnt too: $\lambda = (\eta, l, w_0)$, fourteen numbers. What is $Z_0$?

# %%
start = hgref.Problem(hgref.GradientDescent(J), E, T=15, learn_w0=True)
began = start.pack(eta=0.5, l2=0.02, w0=rng.standard_normal(12))
answer_2 = None  # your gradient here: a vector (14,), or a mapping of eta, l2, w0
exercise(2, start, began, answer_2)
