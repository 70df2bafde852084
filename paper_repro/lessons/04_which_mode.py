# %% [markdown]
# # 4. Which mode?
#
# Both modes give the same numbers. Here their work is counted, product by product and byte by byte.
# At the end you can tell from $m$, $T$ and $d$ which to run, and what checkpoints buy.

# %%
import functools
import timeit
import tracemalloc

import matplotlib.pyplot as plt
import numpy as np

import hgref
from paper_repro.lessons.exercise import exercise


class Counted(hgref.Momentum):
    """Momentum that counts its steps, and its products with A_t, one for each column."""

    steps = products = 0

    def step(self, t, s, lam):
        Counted.steps += 1
        return super().step(t, s, lam)

    def jvp(self, t, s, lam, ds, dlam):
        Counted.products += ds.shape[1]
        return super().jvp(t, s, lam, ds, dlam)

    def vjp(self, t, s, lam, alpha):
        Counted.products += 1
        return super().vjp(t, s, lam, alpha)


X, y = np.random.default_rng(0).standard_normal((80, 19)), np.arange(80) % 5
J = hgref.objectives.Softmax(X[:40], y[:40], 5)  # p = 100 weights: a state of d = 200 numbers
E = hgref.objectives.Softmax(X[40:], y[40:], 5)


def posed(m, T=64):
    """The same training with m penalties, each on every m-th weight."""
    problem = hgref.Problem(Counted(J + hgref.objectives.L2(groups=np.arange(J.p) % m)), E, T)
    return problem, problem.pack(eta=0.2, mu=0.8, l2=np.full(m, 1e-2))


# %% [markdown]
# ## Count first, time second
#
# Reverse takes $T$ products $\alpha_t A_t$ (8), whatever $m$ is, and keeps $T$ states of $d$
# numbers. Forward takes a product with $A_t$ for each of the $m$ columns of $Z_t$ (14), $T m$ in
# all, and keeps a few matrices like $Z_t$. Counts are the same everywhere; seconds are not.


# %%
def counted(algorithm, problem, lam, **options):
    """(steps, products, bytes at the peak, seconds) of one hypergradient."""
    seconds = min(timeit.repeat(lambda: algorithm(problem, lam, **options), repeat=2, number=1))
    Counted.steps = Counted.products = 0
    tracemalloc.start()
    algorithm(problem, lam, **options)
    size = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return Counted.steps, Counted.products, size, seconds


ms = np.array([1, 2, 4, 8, 16, 32, 64])
forward = np.array([counted(hgref.forward, *posed(m), wrt=("l2",)) for m in ms])[:, 1:]
reverse = np.array([counted(hgref.reverse, *posed(m)) for m in ms])[:, 1:]
print("products, kB and ms of forward, then of reverse")
for m, *rows in zip(ms, forward, reverse, strict=True):
    print(f"m = {m:2}", *(f"{a:8.0f} {b / 1e3:7.0f} {1e3 * c:7.0f}" for a, b, c in rows))
print(f"forward keeps {np.polyfit(ms, forward[:, 1], 1)[0] / (8 * 200):.1f} matrices like Z_t")
ratio = forward / reverse  # of products, bytes, seconds
fig, ax = plt.subplots()
for j, (name, look) in enumerate({"products": "s-", "bytes": "o--", "seconds": "^:"}.items()):
    ax.loglog(ms, ratio[:, j], look, color="0.5" if name == "seconds" else "0", label=name)
ax.axhspan(0.01, 1, color="0.93")
ax.text(64, 0.1, "here forward needs less", ha="right")
ax.set_xticks(ms, ms)
ax.set(xlabel="number of hyperparameters m", ylabel="forward : reverse", ylim=(0.08, 80))
ax.set_title(f"Products tie at m = 1, memory at m = {np.interp(1, ratio[:, 1], ms):.0f}, T = 64")
ax.legend()
plt.show()

# %% [markdown]
# Between the ties forward buys memory with products; right of both, reverse wins. Seconds grow
# slower than products: all columns go through one matrix product, and share $\nabla J_t$.
#
# ## A run too long for reverse: checkpoints
#
# Keep every $k$-th state, and on the way back run the $k$ steps after each again: $T/k + k$ states,
# fewer than $2T$ steps. Memory is least where $1 - T/k^2 = 0$, that is $k = \sqrt{T}$. For less,
# have $n$ slots: run $k$ steps, put a checkpoint there, go back over the $T - k$ after it with
# $n - 1$ slots, then over the first $k$ with all $n$. The best $k$ takes, besides the one to $s_T$,
# $$F(T, n) = \min_k [k + F(k, n) + F(T-k, n-1)], \quad F(1, n) = 0, \quad F(T, 1) = T(T-1)/2.$$
# `hgref.plan` reckons all this before anything runs, for `hgref.fast.cpu`, whose tape is shorter.


# %%
@functools.cache
def fewest(T, n):
    """F(T, n), by trying every k."""
    if T == 1 or n == 1:
        return T * (T - 1) // 2
    return min(k + fewest(k, n) + fewest(T - k, n - 1) for k in range(1, T))


problem, lam = posed(8)
slots, every = np.array([2, 3, 4, 6, 9, 12, 16, 32, 64]), np.array([8, 16, 32])
by_slots = [counted(hgref.checkpointed, problem, lam, slots=n)[0] for n in slots]
by_every = [counted(hgref.checkpointed, problem, lam, every=k)[0] for k in every]
print("slots             ", *(f"{n:4}" for n in slots))
print("steps, counted    ", *(f"{steps:4}" for steps in by_slots))
print("F(64, n), and s_T ", *(f"{fewest(64, n) + 1:4}" for n in slots))
assert (hgref.checkpointed(problem, lam, slots=3).grad == hgref.reverse(problem, lam).grad).all()
print(hgref.plan(posed(8, T=10_000)[0], budget="1 MB"))
fig, ax = plt.subplots()
ax.semilogx(slots, by_slots, "ko-", label="slots=n")
ax.semilogx(64 / every + every, by_every, "s", color="0.5", label="every=8, 16, 32: T/k + k states")
ax.set_xticks(slots, slots)
ax.set_xticks([], minor=True)
ax.set(xlabel="states kept at any time", ylabel="steps taken, T = 64", ylim=(0, None))
ax.set_title("2√T states cost a second run; slots go on where that ends")
ax.legend()
plt.show()

# %% [markdown]
# ## Exercises
# 1. Your own checkpoints: keep every 10th state; from the last of them to the first, run its ten
#    steps again, then go back over them. With `b = problem_1.unpack(lam_1)`, of use are
#    `problem_1.start(b)`, `.step(t, s, b)`, `.error_grad(T, s, b)[0]`, which is $\nabla E(s_T)$,
#    and `.dynamics.vjp(t, s, b, alpha)` at $s_{t-1}$: $\alpha A_t$, and $\alpha B_t$ as a mapping.

# %%
problem_1, lam_1 = posed(4, T=40)
answer_1 = None  # your gradient here: {"eta": …, "mu": …, "l2": …}
exercise(1, problem_1, lam_1, answer_1)

# %% [markdown]
# 2. `many` has 100 penalties, but all of them shall rise together. That takes one column for 100,
#    $z_t = A_t z_{t-1} + B_t v$, by `many.dynamics.jvp(t, s, b, z, {"l2": v})`: z has shape (d, 1),
#    v is all ones, (100, 1). The judge has the same run with a single penalty.

# %%
many, lam_many = posed(100, T=40)
problem_2 = hgref.Problem(hgref.Momentum(J + hgref.objectives.L2()), E, T=40)
answer_2 = None  # your slope here: {"l2": a number}
exercise(2, problem_2, problem_2.pack(eta=0.2, mu=0.8, l2=1e-2), answer_2)
