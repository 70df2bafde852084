# %% [markdown]
# # 4. Which mode?
#
# Both modes give the same numbers. Here their work is counted, product by product and byte by byte.
# At the end you can tell from $m$, $T$ and $d$ which to run, and what checkpoints buy.
#
# *Before this: lessons 2 and 3. About 40 minutes.*

# %%
import functools
import timeit
from collections import Counter

import matplotlib.pyplot as plt
import numpy as np

import hgref
from paper_repro.costs.measure import most_bytes
from paper_repro.lessons.exercise import exercise

count = Counter()


class Counted(hgref.Momentum):
    """Momentum that counts plain steps, linearised steps, and products with A_t by column."""

    def step(self, t, s, lam):
        count["plain"] += 1
        return super().step(t, s, lam)

    def at(self, t, s, lam):
        count["linearised"] += 1
        step = super().at(t, s, lam)

        def jvp(ds, dlam):
            count["products"] += ds.shape[1]
            return step.jvp(ds, dlam)

        def vjp(alpha):
            count["products"] += 1
            return step.vjp(alpha)

        return step._replace(jvp=jvp, vjp=vjp)


X, y = np.random.default_rng(0).standard_normal((40, 39)), np.arange(40) // 2 % 5
J, E = (hgref.objectives.Softmax(X[i::2], y[i::2], 5) for i in (0, 1))  # p = 200 and d = 400


def posed(m, T=64):
    """The same training with m penalties, each on every m-th weight."""
    problem = hgref.Problem(Counted(J + hgref.objectives.L2(groups=np.arange(J.p) % m)), E, T)
    return problem, problem.pack(eta=0.2, mu=0.8, l2=np.full(m, 1e-2))


# %% [markdown]
# ## Count first, time second
#
# Reverse takes $T$ products $\alpha_t A_t$ (8), whatever $m$ is, and keeps $T$ linearised steps,
# each with its state, $g$ and what products with $H$ need. Forward takes a product with $A_t$ for
# each of the $m$ columns of $Z_t$ (14), $T m$ in all, and keeps a few matrices like $Z_t$.


# %%
def counted(algorithm, problem, lam, **options):
    """Plain steps, linearised steps, products, bytes at the peak and seconds of one gradient."""
    run = functools.partial(algorithm, problem, lam, **options)
    seconds = min(timeit.repeat(run, repeat=2, number=1))
    count.clear()
    size = most_bytes(run)[0]
    return count["plain"], count["linearised"], count["products"], size, seconds


ms = np.array([1, 2, 4, 8, 16, 32, 64])
forward = np.array([counted(hgref.forward, *posed(m), wrt=("l2",)) for m in ms])[:, 2:]
reverse = np.array([counted(hgref.reverse, *posed(m)) for m in ms])[:, 2:]
print("products, kB and ms of forward, then of reverse")
for m, *rows in zip(ms, forward, reverse, strict=True):
    print(f"m = {m:2}", *(f"{a:8.0f} {b / 1e3:7.0f} {1e3 * c:7.0f}" for a, b, c in rows))
print(f"forward keeps {np.polyfit(ms, forward[:, 1], 1)[0] / (8 * 400):.1f} matrices like Z_t")
ratio = forward / reverse  # of products, bytes, seconds
fig, ax = plt.subplots()
for j, (name, look) in enumerate({"products": "s-", "bytes": "o--", "seconds": "^:"}.items()):
    ax.loglog(ms, ratio[:, j], look, color="0.5" if name == "seconds" else "0", label=name)
ax.axhspan(0.01, 1, color="0.93", label="here forward needs less")
ax.set_xticks(ms, ms)
ax.set(xlabel="number of hyperparameters m", ylabel="forward : reverse", ylim=(0.06, 80))
ax.set_title(f"Products tie at m = 1, memory at m = {np.interp(1, ratio[:, 1], ms):.0f}, T = 64")
ax.legend()
plt.show()

# %% [markdown]
# Between the two crossovers forward trades extra products for memory; right of both, reverse wins.
# Seconds grow slower than products: all columns go through one matrix product, and share
# $\nabla J_t$.
#
# ## A run too long for reverse: checkpoints
#
# Keep every $k$-th state, and on the way back linearise the $k$ steps after each: $T/k$ states and
# $k$ linearised steps, for $T - k$ plain steps more. Memory is least near $k = \sqrt{T}$. With
# less memory, keep $n$ slots for states: run $k$ steps, put a checkpoint there, go back over the
# rest with $n - 1$ slots, then over the first $k$ with all $n$. The best $k$ takes $F$ more steps:
# $$F(T, n) = \min_k [k + F(k, n) + F(T-k, n-1)], \; F(1, n) = 0, \; F(T, 1) = T(T-1)/2.$$
# `hgref.plan` predicts all this for `hgref.fast.cpu`, whose tape is shorter.


# %%
@functools.cache
def fewest(T, n):
    """F(T, n), by trying every k."""
    if T == 1 or n == 1:
        return T * (T - 1) // 2
    return min(k + fewest(k, n) + fewest(T - k, n - 1) for k in range(1, T))


(problem, lam), slots = posed(8), (2, 3, 4, 6, 9, 12, 16, 32, 64)
by_slots = np.array([counted(hgref.checkpointed, problem, lam, slots=n) for n in slots]).T
by_every = np.array([counted(hgref.checkpointed, problem, lam, every=k) for k in (4, 8, 16, 32)]).T
for name, row in {"slots": slots, "plain steps, counted": by_slots[0],
                  "F(64, n)": [fewest(64, n) for n in slots],
                  "linearised, counted": by_slots[1]}.items():  # fmt: skip
    print(f"{name:20}", *(f"{number:4.0f}" for number in row))
assert (hgref.checkpointed(problem, lam, slots=3).grad == hgref.reverse(problem, lam).grad).all()
print(hgref.plan(posed(8, T=10_000)[0], budget="1 MB"))
fig, ax = plt.subplots()
ax.semilogx(by_slots[3] / 1e3, by_slots[0], "ko-", label="slots = 2, 3 … 64")
ax.semilogx(by_every[3] / 1e3, by_every[0], "s", color="0.5", label="every = 4, 8, 16, 32")
ax.semilogx(reverse[3, 1] / 1e3, 0, "kD", mfc="w", label="reverse")
ax.set(xlabel="kB at the peak", ylabel="plain steps, beside T = 64 linearised ones",
       title="√T checkpoints cost a second run; below that, slots take over")  # fmt: skip
ax.legend()
plt.show()

# %% [markdown]
# ## Exercises
# 1. Your own checkpoints: keep every 10th state; from the last of them to the first, linearise its
#    ten steps, then go back over them. `run = problem_1.at(lam_1)` has `run.start()`,
#    `run.at(t, s)` with `.value` and `.vjp(alpha)`, and $\nabla E(s_T)$, `run.error_grad(T, s)[0]`.

# %%
problem_1, lam_1 = posed(4, T=40)
answer_1 = None  # your gradient here: {"eta": …, "mu": …, "l2": …}
exercise(1, problem_1, lam_1, answer_1)

# %% [markdown]
# 2. All 100 penalties of `many` are to rise together: one column, $z_t = A_t z_{t-1} + B_t v$,
#    by `step.jvp(z, {"l2": v})`; z is (d, 1), v all ones (100, 1). The judge has a single penalty.

# %%
many, lam_many = posed(100, T=40)
problem_2 = hgref.Problem(hgref.Momentum(J + hgref.objectives.L2()), E, T=40)
answer_2 = None  # your slope here: {"l2": a number}
exercise(2, problem_2, problem_2.pack(eta=0.2, mu=0.8, l2=1e-2), answer_2)
