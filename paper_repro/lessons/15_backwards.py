# %% [markdown]
# # 15. Training that runs backwards
#
# REVERSE-HG needs the states in reverse order. Momentum can be undone, so why store anything?
# Because a step forgets; this lesson counts the bits that it forgets, stores them, and gets every
# state of the run back, to the last bit, from its end.
#
# *Before this: lessons 2 and 4. About 35 minutes.*

# %%
import matplotlib.pyplot as plt
import numpy as np

import hgref
from hgref.hypergradient.treeverse import fewest_steps
from paper_repro.lessons.exercise import exercise

# %% [markdown]
# ## A step and its inverse
#
# $$\begin{aligned}
# v_t &= \mu v_{t-1} + \nabla J(w_{t-1}), & w_t &= w_{t-1} - \eta v_t, \\
# w_{t-1} &= w_t + \eta v_t, & v_{t-1} &= (v_t - \nabla J(w_{t-1})) / \mu.
# \end{aligned}$$
#
# For $\mu > 0$ this is a bijection, on paper. In floating point a step back amplifies rounding.
# Where $H$ hardly changes, look along one of its eigenvectors, with curvature $h$: a step is the
# matrix $\begin{pmatrix}\mu & h\\ -\eta\mu & 1-\eta h\end{pmatrix}$, of determinant $\mu$. If
# training is stable, $0 < \eta h < 2(1 + \mu)$, its two eigenvalues are between $\mu$ and 1 in
# modulus, and those of the step back between 1 and $1/\mu$. So errors grow, up to a constant, at
# most like $\mu^{-k}$ over $k$ steps, and like $\mu^{-k/2}$ where the eigenvalues are complex and
# the run turns.

# %%
rng = np.random.default_rng(0)
X, y = rng.standard_normal((60, 4)), rng.integers(0, 2, 60)
J, E = hgref.objectives.Logistic(X[:40], y[:40]), hgref.objectives.Logistic(X[40:], y[40:])
T, eta = 120, 0.5
problem = hgref.Problem(hgref.Momentum(J), E, T, w0=rng.standard_normal(5))


def undone(v, w, eta, mu):
    w = w + eta * v
    return (v - J.grad(0, w, {})) / mu, w


# %%
for mu in (0.95, 0.8, 0.5):
    states = list(problem.states({"eta": eta, "mu": mu}))
    v, w = np.split(states[T], 2)
    off = []
    for t in range(T, 0, -1):
        v, w = undone(v, w, eta, mu)
        off.append(np.linalg.norm(np.r_[v, w] - states[t - 1]))
        if off[-1] > 1e3:
            break
    (line,) = plt.semilogy(range(1, len(off) + 1), off, label=f"μ = {mu}")
    back = np.arange(1, len(off) + 1)
    plt.semilogy(back, off[0] * mu ** -back.astype(float), color=line.get_color(), lw=0.7, ls=":")
plt.title("Backwards in floating point: errors grow, at most like $μ^{-k}$ (dotted)")
plt.xlabel("steps k back from the end")
plt.ylabel("distance from the true $s_{T-k}$")
plt.ylim(1e-19, 1e3)
plt.legend()
plt.show()

# %% [markdown]
# ## What a step forgets
#
# Numbers in a computer are integers times a unit. Addition of integers can be undone exactly; the
# product with $\mu < 1$ cannot: $v \mapsto \lfloor \mu v \rfloor$ maps $N$ integers to about
# $\mu N$. Several share one image, and which of them it was is lost: at least $\log_2(1/\mu)$ bits
# for each weight and step, whatever one does.

# %%
mu = 0.7
v = np.arange(12)
image = np.floor(mu * v).astype(int)
print("v      ", *(f"{x:2d}" for x in v))
print("⌊0.7 v⌋", *(f"{x:2d}" for x in image))
shared = sum(np.sum(image == x) > 1 for x in image)
print(f"{shared} of {v.size} share their image with a neighbour: one bit each tells them apart")

# %% [markdown]
# A bit for each number that shares its image, and none for the others, is $2(1 - \mu)$ bits on
# average for $\mu \ge 1/2$ (0.6 at 0.7; our 12 numbers give 8/12). No code for $\lfloor\mu
# v\rfloor$ does better; another way of rounding can, down to $\log_2(1/\mu)$. `hgref.reversible`
# keeps $v$ and $w$ as 62-bit integers, stores these bits on the way, and takes them back in reverse
# order. The states come back bit for bit, which it checks; with them REVERSE-HG goes on as in
# lesson 2. It is a run of its own, in fixed point: it differs from the one in floating point by
# rounding, and so does its gradient (last column).

# %%
rates = np.array([0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99])
bits, sizes, gaps = [], [], []
for mu in rates:
    lam = {
        "eta": eta * (1 - mu),
        "mu": mu,
    }  # η/(1 − μ), how far a gradient carries in the end, stays
    g, stored = hgref.reversible(problem, lam), hgref.reverse(problem, lam)
    bits.append(g.bits)
    sizes.append(g.kept / g.stored)
    gaps.append(np.linalg.norm(g.grad - stored.grad) / np.linalg.norm(stored.grad))
    print(f"μ = {mu:.2f}: {g.bits:.3f} bits, {100 * sizes[-1]:4.1f} % of the states' memory, "
          f"differs from reverse by {gaps[-1]:.0e}")  # fmt: skip
fine = np.linspace(0.5, 0.995)
plt.plot(rates, bits, "o", label="stored by hgref.reversible")
plt.plot(fine, 2 * (1 - fine), label="a bit for each shared image: 2(1 − μ)")
plt.plot(fine, np.log2(1 / fine), label="no method needs less: log₂(1/μ)")
plt.title("The bits that a step of momentum forgets")
plt.xlabel("μ")
plt.ylabel("bits for each weight and step")
plt.legend()
plt.show()

# %% [markdown]
# ## What it is good for
#
# Two numbers of 64 bits for each weight and step become $2(1-\mu)$ bits: at $\mu = 0.9$ that is
# $128/0.2 = 640$ times less. The table's 0.7 % is 150 times less: the problem is small, and the
# checksums by which every tenth state is verified take 48 of the 64 bytes. It costs the run once
# more. But somebody must write the inverse. `hgref.reversible` has that of momentum; Adam's could
# be written too ($w_{t-1}$ from its means, then $g$, then the means before). With Nesterov's
# look-ahead a step back is an equation to solve. Checkpoints (lesson 4) save memory for any
# dynamics, for more steps. Maclaurin, Duvenaud and Adams (2015) ran training backwards first; by
# another rounding they come to $\log_2(1/\mu)$ bits.

# %%
lam = {"eta": 0.05, "mu": 0.9}
mine = hgref.reversible(problem, lam)
print(hgref.check(problem, lam, mine.grad).verdict, "with", mine.kept, "bytes for the run;")
for slots in (2, 4, 8):
    way = hgref.checkpointed(problem, lam, slots=slots)
    more = fewest_steps(T, slots) / T
    print(f"checkpointed with {slots} states, {8 * problem.d * slots} bytes, {more:.1f} runs more: "
          f"apart by {np.abs(way.grad - mine.grad).max():.0e}")  # fmt: skip

# %% [markdown]
# ## Exercises
# 1. Without any storage: go backwards in floating point from $s_{20}$ alone, with `undone`, and
#    carry $\alpha_t$ along. `J.grad_vjp(t, w, {}, u)[0]` is $uH$. Twenty steps at $\mu = 0.9$ lose
#    one digit, which the judge's tolerance allows.

# %%
short = hgref.Problem(hgref.Momentum(J), E, 20, w0=problem.w0)
end = list(short.states(lam))[20]  # s_20 = (v, w): all that you may use
row = short.error_grad(20, end, lam)[0]  # ∇E(s_20): its part for v, then for w
eta, mu = lam["eta"], lam["mu"]  # not those above
answer_1 = None  # (∂f/∂η, ∂f/∂μ)
exercise(1, short, lam, answer_1)

# %% [markdown]
# 2. At $\mu = 0.5$ and $T = 120$ going back from $s_{120}$ alone loses everything. From a kept
#    state ten steps lose a factor of at most $2^{10}$, of a small number. Start again from `tenth[t
#    // 10]` whenever $t$ is a multiple of 10, and carry $\alpha_t$ on without a break.

# %%
hard = {"eta": 0.5, "mu": 0.5}
eta, mu = hard["eta"], hard["mu"]
tenth = list(problem.states(hard))[::10]  # s_0, s_10 … s_120
row = problem.error_grad(T, tenth[-1], hard)[0]
answer_2 = None  # (∂f/∂η, ∂f/∂μ)
exercise(2, problem, hard, answer_2)
