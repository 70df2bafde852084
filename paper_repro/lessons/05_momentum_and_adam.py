# %% [markdown]
# # 5. Momentum and Adam
#
# An optimizer acts on every weight alone once $g = \nabla J_t(w_{t-1})$ is known. Its derivatives
# are calculus of one coordinate: done by hand, matched with `hgref/laws.py`, held against a
# witness, term by term. Then four Adams are told apart, and autodiff's NaN gets its number.
#
# *Before this: lesson 2. About 50 minutes.*

# %%
import inspect

import matplotlib.pyplot as plt
import numpy as np

import hgref
from hgref import laws
from paper_repro.lessons.exercise import exercise

# %% [markdown]
# ## Momentum
#
# Differentiate $v' = \mu v + g$ and $w' = w - \eta v'$, each symbol in turn:
#
# $$dv' = \mu\,dv + v\,d\mu + dg, \qquad dw' = dw - \eta\,dv' - v'\,d\eta, \qquad
# dg = H\,dw + M\,d\lambda_J.$$
#
# The law leaves $dg$ to the objective; put in, it shows the four blocks of $A_t$ (11): $\mu$, $H$
# and $-\eta\mu$, $I - \eta H$. Here `keep` is 1; `decay` and `nesterov` are 0.

# %%
print(inspect.getsource(laws.momentum_jvp))


def table(names, x, pen, step, jvp, vjp):
    """∂w'/∂x by pen, by both laws (a unit tangent each; one cotangent), and by a complex step."""
    witness = hgref.witness.complex_step(lambda x: step(*x)[-1], x)
    print(f"{'':8} {'by pen':>14} {'jvp':>14} {'vjp':>14} {'complex step':>14}")
    for j, name in enumerate(names):
        row = pen[j], jvp(*x, np.eye(len(x))[j])[-1], vjp(*x)[j], witness[j]
        print(f"{name:8}", *(f"{number:14.10f}" for number in row))


v, w, g, eta, mu = x = np.array([0.7, -0.3, 1.9, 0.1, 0.9])
table(("v", "w", "g", "eta", "mu"), x, pen=(-eta * mu, 1, -eta, -(mu * v + g), -eta * v),
      step=lambda *x: laws.momentum_step(*x, *[1, 0, 0]),
      jvp=lambda *x: laws.momentum_jvp(*x[:-1], *[1, 0, 0], *x[-1]),
      vjp=lambda *x: laws.momentum_vjp(*x, *[1, 0, 0, 0.0, 1.0]))  # fmt: skip

# %% [markdown]
# ## Adam
#
# With $m' = \beta_1 m + (1 - \beta_1) g$ and $u' = \beta_2 u + (1 - \beta_2) g^2$, name the root
# $r = \sqrt{c_2 u' + \rho}$ and the quotient $q = m' / (r + \epsilon)$; then
# $w' = (1 - \eta\delta) w - \eta c_1 q$, with $\delta = 0$ but for AdamW. Two lines hold the rest:
#
# $$dr = \frac{c_2\,du' + u'\,dc_2 + d\rho}{2r}, \qquad
# dq = \frac{dm' - q\,(dr + d\epsilon)}{r + \epsilon}.$$

# %%
names = ("m", "u", "w", "g", "eta", "beta1", "beta2", "c1", "c2", "eps", "eps_root", "decay")
x = np.array([0.3, 0.2, -0.3, 1.9, 0.1, 0.9, 0.99, 1.3, 1.7, 0.02, 0.03, 0.2])
m, u, w, g, eta, beta1, beta2, c1, c2, eps, rho, decay = x
r = (c2 * (u_next := beta2 * u + (1 - beta2) * g**2) + rho) ** 0.5
q = (beta1 * m + (1 - beta1) * g) / (r + eps)
dq_dm, dq_du = 1 / (r + eps), -q * c2 / (2 * r * (r + eps))  # ∂q/∂m', ∂q/∂u'
dq = (beta1 * dq_dm, beta2 * dq_du, 0, (1 - beta1) * dq_dm + 2 * (1 - beta2) * g * dq_du,
      0, (m - g) * dq_dm, (u - g**2) * dq_du, 0, dq_du * u_next / c2,
      -q / (r + eps), dq_du / c2, 0)  # fmt: skip
rest = 0, 0, 1 - eta * decay, 0, -decay * w - c1 * q, 0, 0, -eta * q, 0, 0, 0, -eta * w
table(names, x, np.array(rest) - eta * c1 * np.array(dq), laws.adam_step,
      jvp=lambda *x: laws.adam_jvp(*x[:-1], *x[-1]),
      vjp=lambda *x: laws.adam_vjp(*x, *[0.0, 0.0, 1.0]))  # fmt: skip

# %% [markdown]
# The rows of $\beta_1$ and $\beta_2$ hold $c_1$ and $c_2$ fixed. But these correct the bias, and
# depend on $\beta_1$, $\beta_2$ and $t$; each way through them adds a term, such as
# $\frac{\partial w'}{\partial c_1} \frac{dc_1}{d\beta_1}$. In torch and optax
#
# $$\frac{dc_1}{d\beta_1} = \frac{t\,\beta_1^{t-1}}{(1 - \beta_1^t)^2}, \qquad
# \frac{dc_2}{d\beta_2} = \frac{t\,\beta_2^{t-1}}{(1 - \beta_2^t)^2}.$$

# %%
for j, (name, b) in enumerate({"c1": 0.9, "c2": 0.99}.items()):
    c_j = lambda x, j=j: laws.adam_bias_split(3, x[0], x[0])[j]  # noqa: E731 - at t = 3
    seen = hgref.witness.complex_step(c_j, [b])[0]
    print(f"d{name} by pen {3 * b**2 / (1 - b**3) ** 2:.9f}, complex step {seen:.9f}")

# %% [markdown]
# ## Four Adams
#
# With $q_t^2 = 1 - \beta_2^t$, torch and optax take $c_1 = 1/(1 - \beta_1^t)$ and $c_2 = 1/q_t^2$;
# tf1 and the paper $c_1 = q_t/(1 - \beta_1^t)$ and $c_2 = 1$. Outside the root stands $\epsilon$ in
# torch and tf1; inside, as $\rho$, the paper's and optax's `eps_root`. On the linear loss $c\,w$
# all $g = c$, $m_t = (1 - \beta_1^t) c$, $u_t = q_t^2 c^2$: $\beta_1$ cancels, and $w_T$ from 0 is
#
# $$\text{torch: } \frac{-\eta T c}{|c| + \epsilon} \qquad
# \text{optax: } \frac{-\eta T c}{\sqrt{c^2 + \epsilon}} \qquad
# \text{tf1: } \sum_t \frac{-\eta\, c\, q_t}{|c|\,q_t + \epsilon} \qquad
# \text{paper: } \sum_t \frac{-\eta\, c\, q_t}{\sqrt{c^2 q_t^2 + \epsilon}}$$


# %%
def closed(convention, c, eta, beta2, eps, T=10):
    """w_T, for c > 0."""
    q = (1 - beta2 ** np.arange(1, T + 1)[:, None]) ** 0.5
    q = q if convention in ("tf1", "paper") else q**0
    inside = convention in ("optax", "paper")
    return -eta * (c * q / ((c**2 * q**2 + eps) ** 0.5 if inside else c * q + eps)).sum(axis=0)


c, fine = np.logspace(-9, 1, 21), np.logspace(-9, 1, 300)
J, E = (hgref.objectives.Quadratic(np.zeros((21, 21)), -b) for b in (c, np.ones(21)))  # c·w, Σw
fig, ax = plt.subplots()
print("∂f/∂β2      hgref     complex step of the closed form")
for convention, look in {"torch": "ko-", "tf1": "ks--", "optax": "k^-.", "paper": "kv:"}.items():
    problem = hgref.Problem(hgref.Adam(J, convention), E, T=10)
    at = {"eta": 0.1, "beta1": 0.9, "beta2": 0.99, "eps": 1e-6}
    at = {**at, "eps": 0, "eps_root": 1e-6} if convention == "optax" else at
    run = hgref.reverse(problem, at)
    f = lambda x, name=convention: closed(name, c, 0.1, x[0], 1e-6).sum()  # noqa: E731
    print(f"{convention:6} {run['beta2']:12.8f} {hgref.witness.complex_step(f, [0.99])[0]:12.8f}")
    ax.semilogx(fine, -closed(convention, fine, 0.1, 0.99, 1e-6), look[0] + look[2:], lw=1)
    ax.semilogx(c, -run.s_T[-21:], look[:2], mfc="none", label=convention)
ax.set(xlabel="gradient c at every step", ylabel="distance $-w_T$ travelled in 10 steps, η = 0.1")
ax.set_title("One ε = 10⁻⁶, four meanings: lines are closed forms, marks hgref's runs")
ax.legend()
plt.show()

# %% [markdown]
# With a constant gradient $\beta_2$ cancels in torch and optax. On a loss whose gradient changes
# every way is open, that through $c_1$ and $c_2$ too:

# %%
rng = np.random.default_rng(1)
J_0 = hgref.objectives.Logistic(rng.standard_normal((9, 2)), np.arange(9) % 2)
for convention in ("torch", "tf1", "optax", "paper"):
    problem = hgref.Problem(hgref.Adam(J_0, convention), J_0, T=10)
    at = problem.pack(eta=0.1, beta1=0.9, beta2=0.99, eps=1e-3,
                      **({"eps_root": 1e-6} if convention == "optax" else {}))  # fmt: skip
    apart = hgref.reverse(problem, at).grad - hgref.witness.complex_step(problem.f, at)
    print(
        f"{convention:6} ∂f/∂β1, ∂f/∂β2: apart from the witness by {np.abs(apart[1:3]).max():.0e}"
    )

# %% [markdown]
# ## Where the gradient is exactly zero
#
# If all gradients so far were 0, so are $r$ and $q$: $q\,dr$ is $0 \cdot \infty$, NaN in autodiff.
# Yet the first step, $-\eta g / (|g| + \epsilon)$, has the slope $-\eta/\epsilon$ at 0. The law's
# divisor `2 * (r + (r == 0))` is 2 there, and the zero factor $q$ decides.

# %%
numbers = (0.1, 0.9, 0.99, 10.0, 100.0, 1e-3, 0.0, 0.0)  # c1 and c2 of t = 1; ε = 1e-3
first = lambda g: laws.adam_step(0, 0, 0, g[0], *numbers)[-1]  # noqa: E731
print(f"law {laws.adam_vjp(*[0.0] * 4, *numbers, 0.0, 0.0, 1.0)[3]:.8f}, pen {-0.1 / 1e-3:.8f}, "
      f"witness {hgref.witness.complex_step(first, [0.0])[0]:.8f}")  # fmt: skip

# %% [markdown]
# ## Exercises
# 1. Nesterov's momentum: $v' = \mu v + g$, $w' = w - \eta (g + \mu v')$. Differentiate, transpose,
#    and go back over the run: $g$ is `J_1.grad(t, w, {})`, $uH$ is `J_1.grad_vjp(t, w, {}, u)[0]`.

# %%
rng = np.random.default_rng(0)
J_1, E_1 = (hgref.objectives.Logistic(rng.standard_normal((9, 2)), np.arange(9) % 2) for _ in "JE")
problem_1 = hgref.Problem(hgref.Nesterov(J_1), E_1, T=15)
states = list(problem_1.states(problem_1.unpack([0.5, 0.8])))  # s_0 … s_15, each (v, w)
row = problem_1.error_grad(15, states[15], [0.5, 0.8])[0]  # ∇E(s_T)
answer_1 = None  # your gradient here: ∂f/∂η, ∂f/∂μ
exercise(1, problem_1, [0.5, 0.8], answer_1)

# %% [markdown]
# 2. By pen alone: the paper's Adam on $c\,w$, $E = \sum_i w_i$, for three $c$ and $T = 10$.
#    Differentiate its closed form with respect to $\eta$, $\beta_1$, $\beta_2$ and $\epsilon$.

# %%
c_2 = np.array([1e-3, 1e-2, 1.0])
J_2, E_2 = (hgref.objectives.Quadratic(np.zeros((3, 3)), -b) for b in (c_2, np.ones(3)))
problem_2 = hgref.Problem(hgref.Adam(J_2, "paper"), E_2, T=10)
answer_2 = None  # your gradient here: ∂f/∂η, ∂f/∂β1, ∂f/∂β2, ∂f/∂ε
exercise(2, problem_2, [0.1, 0.9, 0.99, 1e-6], answer_2)
