# %% [markdown]
# # 12. Write your own optimizer
#
# An optimizer that no library has, with exact hypergradients: a law of one coordinate, its
# derivatives by pen, a witness that only runs it, and then the mistakes. You will break it in three
# ways, and see each found.
#
# *Before this: lessons 3 and 5. About 45 minutes.*

# %%
import matplotlib.pyplot as plt
import numpy as np

import hgref
from paper_repro.lessons.exercise import exercise

# %% [markdown]
# ## The law
#
# Lion moves every weight by $\eta$ times a *sign*, whose derivative is 0, so no gradient passes
# through $g$: every hyperparameter of $J$ gets exactly 0 (see `hgref.Lion`). Replace the sign by a
# smooth one of width $\tau$:
#
# $$v' = \mu v + (1 - \mu) g, \qquad r = \sqrt{v'^2 + \tau^2}, \qquad w' = w - \eta\, v' / r.$$
#
# For $\tau \to 0$ this is the sign of an averaged gradient; for large $\tau$, momentum with the
# rate $\eta/\tau$. So $\tau$ is a hyperparameter that chooses the optimizer, and we can learn it.
#
# ## Its derivatives, by pen
#
# $$dv' = \mu\,dv + (v - g)\,d\mu + (1 - \mu)\,dg, \qquad
# d\!\left(\frac{v'}{r}\right) = \frac{\tau^2\,dv' - \tau v'\,d\tau}{r^3},$$
#
# and the transpose, read from the right. With cotangents $b_w$ of $w'$ and $b_v$ of $v'$,
#
# $$b_{v'} = b_v - \eta\, b_w \tau^2 / r^3, \quad b_g = (1 - \mu)\, b_{v'}, \quad
# b_\mu = (v - g)\, b_{v'},$$
# $$b_\eta = -b_w v'/r, \quad b_\tau = \eta\, b_w \tau v'/r^3.$$
#
# hgref reads the names: `dx` is the tangent of `x`, `b_x` its cotangent. `step` and `jvp` return
# the blocks of the state in their order; `vjp` returns a cotangent for each tangent that `jvp`
# takes, in that order. All work on arrays, an entry for each weight: hgref sums over the weights,
# and supplies $dg = H\,dw$. `below_one`: $\mu$ lies in $[0, 1)$. No `if` and no `abs`: the witness
# puts in complex numbers.


# %%
def step(v, w, g, eta, mu, tau):
    v = mu * v + (1 - mu) * g
    return v, w - eta * v / (v**2 + tau**2) ** 0.5


def jvp(v, w, g, eta, mu, tau, dv, dw, dg, deta, dmu, dtau):
    new = mu * v + (1 - mu) * g
    dnew = mu * dv + (v - g) * dmu + (1 - mu) * dg
    r = (new**2 + tau**2) ** 0.5
    return dnew, dw - deta * new / r - eta * (tau**2 * dnew - tau * new * dtau) / r**3


def vjp(v, w, g, eta, mu, tau, b_v, b_w):
    new = mu * v + (1 - mu) * g
    r = (new**2 + tau**2) ** 0.5
    b_new = b_v - eta * b_w * tau**2 / r**3
    b_tau = eta * b_w * tau * new / r**3
    return mu * b_new, b_w, (1 - mu) * b_new, -b_w * new / r, (v - g) * b_new, b_tau


class SoftLion(hgref.Coordinatewise):
    state, names, below_one = ("v", "w"), ("eta", "mu", "tau"), ("mu",)
    law = hgref.Law(step, jvp, vjp)


# %% [markdown]
# ## The witnesses
#
# `check_dynamics` runs the step on complex numbers and holds jvp and vjp each against it, block by
# block, also with a schedule and a learned start. Then the whole run: REVERSE-HG against a complex
# step in each of $\eta$, $\mu$ and $\tau$.

# %%
rng = np.random.default_rng(1)
X = rng.standard_normal((40, 3))
y = (X @ [2, -1, 0] + 0.5 * rng.standard_normal(40) > 0).astype(int)
J, E = hgref.objectives.Logistic(X[:20], y[:20]), hgref.objectives.Logistic(X[20:], y[20:])
problem = hgref.Problem(SoftLion(J), E, T=30)
lam = problem.pack(eta=0.1, mu=0.8, tau=0.05)
print(hgref.check_dynamics(SoftLion(J), {"eta": 0.1, "mu": 0.8, "tau": 0.05}).verdict)
g = hgref.reverse(problem, lam)
seen = hgref.witness.complex_step(problem.f, lam)
print("reverse     ", g.grad)
print("complex step", seen, f"apart by {np.abs(g.grad - seen).max():.0e}")

# %% [markdown]
# ## Break it in three ways
#
# A forgotten term, a wrong factor, a memory that is cut. `check_dynamics` names the function and
# the block in all three; "off by" is relative to the right number. `diagnose` sees only the wrong
# numbers and the *right* problem: two of them it names, of the other it says which terms are half
# there.


# %%
def frozen(v, w, g, eta, mu, tau, b_v, b_w):
    b = vjp(v, w, g, eta, mu, tau, b_v, b_w)
    return b[0], b[1], b[2], b[3], 0 * b[4], b[5]  # dv'/dμ is forgotten


def halved(v, w, g, eta, mu, tau, b_v, b_w):
    b = vjp(v, w, g, eta, mu, tau, b_v, b_w)
    return *b[:5], b[5] / 2  # a factor 2 was lost in τ²


def detached(v, w, g, eta, mu, tau, b_v, b_w):
    b = vjp(v, w, g, eta, mu, tau, b_v, b_w)
    return 0 * b[0], *b[1:]  # v' is a constant for the step before


for broken in (frozen, halved, detached):

    class Broken(SoftLion):
        law = hgref.Law(step, jvp, broken)

    report = hgref.check_dynamics(Broken(J), {"eta": 0.1, "mu": 0.8, "tau": 0.05})
    print(f"{broken.__name__}: {report.reason}")
    wrong = hgref.reverse(hgref.Problem(Broken(J), E, T=30), lam).grad
    print("   ", str(hgref.diagnose(problem, lam, wrong, pairs=False)).replace("\n", " "))

# %% [markdown]
# ## Use it
#
# Learn $\tau$ and $\eta$ by their logarithms: the optimizer chooses for itself how much of a sign
# it wants to be, and how far it goes. Near the sign, $\eta$ is the length of a
# step; near momentum, $\eta/\tau$ is the rate.

# %%
logs = hgref.transforms.Exp("eta", "tau")
learning = hgref.Problem(SoftLion(J), E, T=30, transform=logs)
start = {"eta": np.log(0.3), "mu": 0.8, "tau": np.log(0.1)}
path = hgref.outer.minimize(learning, start, outer=hgref.outer.Adam(0.1), iterations=100,
                             wrt=("eta", "tau"))  # fmt: skip
fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6))
left.plot(path.f)
left.set(xlabel="hyper-iteration", ylabel="validation error f")
for name, column in zip(("η", "τ"), (path.lam[:, 0], path.lam[:, 2]), strict=True):
    right.semilogy(np.exp(column), label=name)
right.semilogy(np.exp(path.lam[:, 0] - path.lam[:, 2]), label="η/τ")
right.set(xlabel="hyper-iteration", title="the optimizer that is learned")
right.legend()
plt.show()
print(f"f: {path.f[0]:.4f} → {path.f[-1]:.4f}; without training {E.value(0, np.zeros(4), {}):.4f}")

# %% [markdown]
# ## Exercises
# 1. Go back over the run with `vjp` by hand. It returns the cotangents of $v, w, g, \eta, \mu,
#    \tau$, for each of the 4 weights: sum the last three. $g$ depends on $w$, so $b_g H$, which is
#    `J.grad_vjp(t, w, {}, b_g)[0]`, belongs to $b_w$. (`{}`: no hyperparameter is in $J$.)

# %%
states = list(problem.states(problem.unpack(lam)))  # s_0 … s_30; v, w = np.split(s, 2)
row = problem.error_grad(30, states[30], lam)[0]  # ∇E(s_T): its part for v, then for w
answer_1 = None  # (∂f/∂η, ∂f/∂μ, ∂f/∂τ)
exercise(1, problem, lam, answer_1)

# %% [markdown]
# 2. Forwards: carry $Z_v$ and $Z_w$, (4, 3), a column for each of $\eta, \mu, \tau$, with `jvp`.
#    Give $v, w, g$ the shape (4, 1); `deta`, `dmu`, `dtau` are the rows of `np.eye(3)`. $H\,dw$ is
#    `J.grad_jvp(t, w, {}, dw, {})`, of all columns at once.

# %%
answer_2 = None  # likewise
exercise(2, problem, lam, answer_2)
