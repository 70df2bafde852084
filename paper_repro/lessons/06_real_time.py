# %% [markdown]
# # 6. In real time
#
# FORWARD-HG knows a gradient after every step, so $\lambda$ can move while training goes on: RTHO,
# one run in place of many. At the end you know which derivative it follows, and when it pays.
#
# *Before this: lesson 3. About 40 minutes.*

# %%
import inspect

import matplotlib.pyplot as plt
import numpy as np

import hgref
from paper_repro.lessons.exercise import exercise

rng = np.random.default_rng(0)
W, X = rng.standard_normal((3, 10)), rng.standard_normal((450, 10))
y = (X @ W.T + rng.standard_normal((450, 3))).argmax(axis=1)
batches = rng.integers(0, 150, (300, 10))  # ten examples a step
E = hgref.objectives.Softmax(X[150:], y[150:], 3)


def posed(T):
    """The run by momentum, stopped after T steps."""
    J = hgref.objectives.Softmax(X[:150], y[:150], 3, batches=batches[:T])
    return hgref.Problem(hgref.Momentum(J), E, T)


# %% [markdown]
# ## Partial hypergradients
#
# $Z_t = ds_t/d\lambda$ is there at every $t$, and so is $\nabla f_t(\lambda) = \nabla E(s_t) Z_t$
# (16), the hypergradient of the run stopped after $t$ steps. The witness is a run that stops there.

# %%
problem = posed(300)
lam = problem.pack(eta=0.15, mu=0.5)
partials = np.asarray(hgref.forward(problem, lam, partials=True).partials)  # (T, m)
stops = np.arange(10, 301, 58)
witness = np.array([hgref.witness.complex_step(posed(t).f, lam) for t in stops])
print("partials and the runs that stop agree to", np.abs(partials[stops - 1] - witness).max())
fig, ax = plt.subplots()
ax.plot(np.arange(1, 301), partials[:, 0], "k-", lw=1, label="(16), all from one run")
ax.plot(stops, witness[:, 0], "ko", mfc="none", label="complex step, a run for each")
ax.axhline(0, color="0.6", lw=0.8)
ax.set(xlabel="step t", ylabel="$∂f_t / ∂η$ at η = 0.15, μ = 0.5")
ax.set_title("It depends on when one looks: below 0 a larger η lowers E")
ax.legend()
plt.show()

# %% [markdown]
# ## Moving on: RTHO
#
# After every $\Delta$ steps move $\lambda$ along $\nabla f_t$ and go on; $Z_t$ is kept. First the
# lines of `hgref.realtime`, then the same by hand, to keep each $\lambda$ and $\nabla f_t$.

# %%
print(inspect.getsource(hgref.realtime).split('"""')[-1])
start, every = problem.pack(eta=0.002, mu=0.5), 5
inside = hgref.constraints.Box([1e-4, 0], [1, 0.95]).project


def rtho(rate, T=300):
    """(λ of each step (T, 2), {t: ∇f_t}), λ moving by Adam."""
    lam, outer, lams, numbers = start, hgref.outer.Adam(rate), [], {}
    s, Z, memory = problem.start(lam), np.zeros((problem.d, 2)), outer.start(lam)
    for t in range(1, T + 1):
        step = problem.at(lam).at(t, s)  # at s_{t-1} and today's λ
        s, Z = step.value, step.jvp(Z, {"eta": np.eye(2)[0], "mu": np.eye(2)[1]})
        lams.append(lam)
        if t % every == 0:
            numbers[t] = problem.error_grad(t, s, lam)[0] @ Z
            moved, memory = outer.update(t // every, lam, numbers[t], memory)
            lam = inside(moved)
    return np.array(lams), numbers


lams, numbers = rtho(0.003)
adam = hgref.outer.Adam(0.003)
run = hgref.realtime(problem, start, every, adam, inside)
print("by hand as by hgref:", (lams[::every] == run.lam[:-1]).all())

# %% [markdown]
# ## What the number is
#
# Once $\lambda$ has moved, each $A_r$ and $B_r$ belongs to its own $\lambda_r$, and
# $Z_t = \sum_r A_t \cdots A_{r+1} B_r$ gives how $s_t$ moves when $\lambda_1 \dots \lambda_t$ all
# rise *together*, each from where it was:
#
# $$\nabla E(s_t)\,Z_t = \sum_{r=1}^{t} \frac{\partial f_t}{\partial \lambda_r}.$$
#
# That is exact for the schedule, and *not* the gradient of a run with today's $\lambda$ from the
# start. The difference is RTHO's bias; at a given $t$ it shrinks with the outer rate.

# %%
print("at t = 50, ∂/∂η:  RTHO  Σ of schedule  of today's λ         bias   bias : rate")
for rate in (1e-5, 1e-4, 1e-3):
    path, found = rtho(rate, 50)
    total = hgref.reverse(posed(50), {"eta": path[:50, 0], "mu": path[:50, 1]})["eta"].sum()
    today = hgref.reverse(posed(50), path[49])["eta"]
    row = found[50][0], total, today, found[50][0] - today, (found[50][0] - today) / rate
    print(f"rate {rate:.0e}", *(f"{x:12.5f}" for x in row))

looks = np.arange(50, 301, 25)
frozen = [hgref.reverse(posed(t), lams[t - 1])["eta"] for t in looks]
fig, ax = plt.subplots()
ax.plot(looks, [numbers[t][0] for t in looks], "k-", label="RTHO: all η so far rise together")
ax.plot(looks, frozen, "ko--", mfc="none", label="exact, had today's λ been there from the start")
ax.axhline(0, color="0.6", lw=0.8)
ax.set(xlabel="step t", ylabel="$∂f_t / ∂η$ at the λ of step t")
ax.set_title("RTHO still hears its small η of the start: its sign turns later")
ax.legend()
plt.show()

# %% [markdown]
# ## When it pays
#
# With few hyperparameters, long runs, and data that come in batches anyway: one run finds what
# many runs of `minimize` look for. `realtime_truncated` goes back over $K$ steps in place of
# carrying $Z_t$: its work does not grow with $m$, but it sees only effects within $K$ steps;
# here that is enough.

# %%
behind = hgref.realtime_truncated(problem, start, every, 5, adam, inside)  # K = 5
many = hgref.outer.minimize(problem, start, hgref.forward, hgref.outer.Adam(0.005), inside, 10)
print(f"λ as at the start: 300 steps, E = {problem.f(start):.3f}")
for name, one, work in (("realtime", run, 2 * 300), ("realtime_truncated", behind, 60 * 5)):
    print(f"{name}: 300 steps, {work} products, E = {problem.error(300, one.s_T, one.last):.3f}, "
          f"η and μ went to {one.last.round(3)}")  # fmt: skip
print(f"minimize: {11 * 300} steps, {10 * 300 * 2} products, E = {many.f[-1]:.3f}")

# %% [markdown]
# ## Exercises
# 1. Carry $Z_t$ by hand through `posed(40)`, at `lam`, in hyper-batches of five steps; hand over
#    $\nabla f_{40}$. What must happen to $Z$ between two of them?

# %%
problem_1 = posed(40)
answer_1 = None  # your gradient here: ∂f/∂η, ∂f/∂μ
exercise(1, problem_1, lam, answer_1)

# %% [markdown]
# 2. RTHO's schedule of the first 60 steps: its gradient, backwards, an entry for each step. $g$ and
#    $uH$ are `J_2.grad(t, w, {})` and `J_2.grad_vjp(t, w, {}, u)[0]`.

# %%
problem_2 = posed(60)
J_2, (eta, mu) = problem_2.dynamics.J, lams[:60].T
answer_2 = None  # your gradient here: {"eta": (60,), "mu": (60,)}
exercise(2, problem_2, {"eta": eta, "mu": mu}, answer_2)
