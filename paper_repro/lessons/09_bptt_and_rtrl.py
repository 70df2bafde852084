# %% [markdown]
# # 9. BPTT and RTRL are these recursions
#
# A recurrent network is a dynamical system too. Write $s_t$ for its hidden state and $\lambda$ for
# its weights: REVERSE-HG becomes back-propagation through time (Werbos), FORWARD-HG real-time
# recurrent learning (Williams and Zipser). At the end you have written both, and know which
# networks forget.
#
# *Before this: lessons 2 and 3. About 35 minutes.*

# %%
import inspect

import matplotlib.pyplot as plt
import numpy as np

import hgref
from paper_repro.lessons.exercise import exercise

# %% [markdown]
# ## One step, and its two derivatives
#
# $$s_t = \tanh(z_t), \qquad z_t = W s_{t-1} + U x_t + b, \qquad \lambda = (W, U, b)$$
#
# $\tanh$ has the slope $1 - s_t^2$; let $D_t$ be the diagonal matrix of these slopes. Then (11) is
#
# $$A_t = D_t W, \qquad B_t = D_t \frac{\partial z_t}{\partial \lambda}$$
#
# and row $i$ of $\partial z_t / \partial \lambda$ has $s_{t-1}$ at the weights $W_i$, $x_t$ at
# $U_i$, and 1 at $b_i$. The task: unit 0 is to remember $x_1$ after $T$ steps of noise.

# %%
rng, h, T = np.random.default_rng(0), 6, 20
x = 0.3 * rng.standard_normal((T, 1))
x[0] = 1.0
W, U, b = np.linalg.qr(rng.standard_normal((h, h)))[0], rng.uniform(-1, 1, (h, 1)), np.zeros(h)


def run(W, U, b):
    s = [np.zeros(h)]
    for x_t in x:
        s.append(np.tanh(W @ s[-1] + U @ x_t + b))
    return s


def row(s_T):
    """∇E(s_T) for E = ½ (unit 0 − 1)²."""
    return (s_T - 1) * (np.arange(h) == 0)


# %% [markdown]
# ## Backwards: BPTT
#
# $\alpha_t = \partial E / \partial s_t$ is what the literature calls the error signal. (9), (8) and
# (10), in this order; every product with $D_t$ comes first:


# %%
def bptt(W, U, b):
    s = run(W, U, b)
    alpha, dW, dU, db = row(s[T]), 0 * W, 0 * U, 0 * b
    for t in range(T, 0, -1):
        delta = alpha * (1 - s[t] ** 2)  # α_t D_t
        dW, dU, db = dW + np.outer(delta, s[t - 1]), dU + np.outer(delta, x[t - 1]), db + delta
        alpha = delta @ W  # α_{t-1} = α_t A_t
    return np.concatenate([dW.ravel(), dU.ravel(), db])


# %% [markdown]
# ## Forwards: RTRL
#
# $Z_t = \partial s_t / \partial \lambda$ has a column for each weight. (14) and (15); no state is
# kept, and after *every* step $\nabla E(s_t) Z_t$ is a gradient (16): hence "real-time".


# %%
def rtrl(W, U, b):
    s, one = np.zeros(h), np.eye(h)
    Z = np.zeros((h, W.size + U.size + b.size))
    for x_t in x:
        dz = np.hstack([np.kron(one, s), np.kron(one, x_t), one])  # ∂z_t/∂λ
        s = np.tanh(W @ s + U @ x_t + b)
        Z = (1 - s**2)[:, None] * (W @ Z + dz)  # Z_t = A_t Z_{t-1} + B_t
    return row(s) @ Z


# %% [markdown]
# `hgref.Recurrent` says the same in one place: `at` linearises a step, whose `jvp` serves RTRL and
# whose `vjp` serves BPTT. Two loops by hand, the library's two, and a witness that only runs the
# network, on complex numbers:

# %%
print(inspect.getsource(hgref.Recurrent.at))
E = hgref.objectives.LeastSquares(np.eye(h)[:1], [1.0], bias=False)
problem = hgref.Problem(hgref.Recurrent(x, hidden=h), E, T)
lam = problem.pack(W=W, U=U, b=b)
seen = hgref.witness.complex_step(lambda lam: (run(**problem.unpack(lam))[T][0] - 1) ** 2 / 2, lam)
for name, grad in {
    "BPTT": bptt(W, U, b), "reverse": hgref.reverse(problem, lam).grad,
    "RTRL": rtrl(W, U, b), "forward": hgref.forward(problem, lam).grad,
}.items():  # fmt: skip
    print(f"{name:8}", grad[:3], f"apart from the witness: {np.abs(grad - seen).max():.0e}")
print(f"BPTT keeps T h = {T * h} numbers, RTRL h m = {h * lam.size}, of the order h³")

# %% [markdown]
# ## What is forgotten
#
# Let $W$ be $\rho$ times an orthogonal matrix: all its singular values are $\rho$. A slope is at
# most 1, so a step back multiplies the norm of $\alpha$ by at most $\rho$ (dotted). With
# $\rho < 1$ it *must* vanish; with $\rho > 1$ it may explode, if the slopes let it. Truncated
# BPTT keeps the last $K$ terms of (10): no loss where the others have vanished.

# %%
wide, steps = 32, np.arange(1, 41)
Q, V = np.linalg.qr(rng.standard_normal((wide, wide)))[0], rng.uniform(-1, 1, (wide, 1))
noise = np.vstack([[[1.0]], 0.3 * rng.standard_normal((39, 1))])
E_wide = hgref.objectives.LeastSquares(np.eye(wide)[:1], [1.0], bias=False)
long = hgref.Problem(hgref.Recurrent(noise, hidden=wide), E_wide, T=40)
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 4))
for rho, marker in [(0.5, "o"), (0.8, "s"), (1.1, "^"), (1.5, "D"), (3.0, "v")]:
    decay = hgref.decay(long, long.pack(W=rho * Q, U=V, b=np.zeros(wide)))
    look = {"marker": marker, "markevery": 4, "ms": 4, "label": f"ρ = {rho}"}
    (line,) = left.semilogy(steps, decay.alpha / decay.alpha[-1], **look)
    left.semilogy(steps, rho ** (40.0 - steps), ls=":", lw=0.8, color=line.get_color())
    right.semilogy(steps[:-1], decay.dropped[:-1] / np.linalg.norm(decay.grad), **look)
    print(f"ρ = {rho}: a step back multiplies ‖α‖ by {decay.rate:.2f}; K for 1 %: {decay.K(0.01)}")
left.set(xlabel="step t", ylabel="$‖α_t‖ / ‖α_T‖$", ylim=(1e-9, 1e7), title="What vanishes …")
right.set(xlabel="K of 40", ylabel="dropped, of $‖∇f‖$", ylim=(1e-9, 10), title="… may be cut off")
right.legend(loc="lower left")
plt.show()

# %% [markdown]
# ## Exercises
#
# 1. Learn the first state too: $\lambda = (W, U, b, s_0)$. BPTT has its gradient already: which
#    $\alpha_t$ is it? `s_0` is not zero here.

# %%
s_0 = rng.uniform(-0.5, 0.5, h)
learned = hgref.Problem(problem.dynamics, E, T, w0=s_0, learn_w0=True)
answer_1 = None  # a mapping of W, U, b and w0
exercise(1, learned, learned.pack(W=W, U=U, b=b), answer_1)

# %% [markdown]
# 2. Only the biases, by RTRL, in a network that remembers: carry $h \times h$ numbers, not $h m$.

# %%
answer_2 = None  # a mapping {"b": your gradient}
exercise(2, problem, problem.pack(W=1.2 * W, U=U, b=b), answer_2)
