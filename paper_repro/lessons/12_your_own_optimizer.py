# %% [markdown]
# # 12. Write your own optimizer
#
# An optimizer that no library has, with exact hypergradients: a law of one coordinate, its
# derivatives by pen, a witness that only runs it, and then the mistakes. You will break it in three
# ways and see each found and named.
#
# *Before this: lesson 5. About 45 minutes.*

# %%
import matplotlib.pyplot as plt
import numpy as np

import hgref
from paper_repro.lessons.exercise import exercise

# %% [markdown]
# ## The law
#
# Lion moves every weight by $\eta$ times a *sign*, whose derivative is 0: nothing can be learned
# through it (see `hgref.Lion`). Replace the sign by a smooth one of width $\tau$:
#
# $$v' = \mu v + (1 - \mu) g, \qquad r = \sqrt{v'^2 + \tau^2}, \qquad w' = w - \eta\, v' / r.$$
#
# For $\tau \to 0$ this is the sign of momentum; for large $\tau$, momentum with the rate
# $\eta/\tau$. So $\tau$ is a hyperparameter that chooses the optimizer, and we can learn it.
#
# ## Its derivatives, by pen
#
# $$dv' = \mu\,dv + (v - g)\,d\mu + (1 - \mu)\,dg, \qquad
# d\!\left(\frac{v'}{r}\right) = \frac{\tau^2\,dv' - \tau v'\,d\tau}{r^3},$$
#
# and the transpose, read from the right: a cotangent $b_w$ of $w'$ and $b_v$ of $v'$ give
# $b_{v'} = b_v - \eta\, b_w \tau^2 / r^3$, which goes on to $v$, $\mu$ and $g$. The names of the
# parameters tell hgref everything: `dx` is the tangent of `x`, `b_x` its cotangent.


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
# `check_dynamics` runs the step on complex numbers and compares: jvp with the step, vjp with jvp,
# every block, a schedule, a learned start. Then the whole run, along random directions.

# %%
rng = np.random.default_rng(1)
X, y = rng.standard_normal((40, 3)), rng.integers(0, 2, 40)
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
# A forgotten term, a wrong factor, a sum that is not transposed. The verdict names the function;
# and a gradient made with the broken law is judged wrong without looking at the law at all.


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
# Learn $\tau$ and $\eta$ by their logarithms, from a bad start: the optimizer chooses for itself
# how much of a sign it wants to be. (From $\tau = 0.01$ it does not get away: $f$ is steep and
# rough there. An exact gradient says nothing of what lies a step further.)

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
right.set(xlabel="hyper-iteration", title="from nearly a sign to nearly momentum")
right.legend()
plt.show()
print(f"f: {path.f[0]:.4f} → {path.f[-1]:.4f}")

# %% [markdown]
# ## Exercises
# 1. Go back over the run with `vjp` by hand: `J.grad(t, w, {})`, and `J.grad_vjp(t, w, {}, u)[0]`
#    is $uH$. Return $\partial f/\partial\eta, \partial f/\partial\mu, \partial f/\partial\tau$.

# %%
states = list(problem.states(problem.unpack(lam)))  # s_0 … s_30, each (v, w)
row = problem.error_grad(30, states[30], lam)[0]  # ∇E(s_T)
answer_1 = None  # your gradient (3,)
exercise(1, problem, lam, answer_1)

# %% [markdown]
# 2. Forwards: carry the three columns of $Z_t$ with `jvp`. The product $H\,dw$ is
#    `J.grad_jvp(t, w, {}, dw, {})`.

# %%
answer_2 = None  # your gradient (3,)
exercise(2, problem, lam, answer_2)
