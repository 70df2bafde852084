# %% [markdown]
# # 13. The outer loop
#
# A hypergradient is half of the work: an outer optimizer has to use it. Rates are positive and span
# decades, weights of examples stay in a set, and the validation set is finite. Adam, L-BFGS and
# Newton on the same problem; then what happens if you minimise $f$ too far.
#
# *Before this: lesson 2. About 40 minutes.*

# %%
import matplotlib.pyplot as plt
import numpy as np
import scipy.optimize

import hgref
from paper_repro.lessons.exercise import exercise

# %% [markdown]
# ## In what coordinates?
#
# Let $\theta = \log\lambda$. Then $\lambda > 0$ by itself, a step multiplies $\lambda$, and
#
# $$\frac{\partial f}{\partial \theta} = \lambda\,\frac{\partial f}{\partial \lambda}, \qquad
# \frac{\partial^2 f}{\partial \theta^2} = \lambda^2\,\frac{\partial^2 f}{\partial \lambda^2}
# + \lambda\,\frac{\partial f}{\partial \lambda}.$$
#
# (Of several, $\partial^2 f/\partial\theta_i\partial\theta_j = \lambda_i \lambda_j\,
# \partial^2 f/\partial\lambda_i\partial\lambda_j$ for $i \ne j$.)
#
# `Problem(..., transform=hgref.transforms.Exp("eta", "l2"))` does this everywhere at once: every
# gradient, check and Hessian below is one in $\theta$.

# %%
rng = np.random.default_rng(0)
true = rng.standard_normal((3, 8)) * (np.arange(8) < 4)  # half of the features say nothing


def labelled(n):
    X = rng.standard_normal((n, 8))
    return X, np.argmax(X @ true.T + rng.gumbel(size=(n, 3)), axis=1)


Data = hgref.objectives.Softmax
J, E, unseen = (
    Data(*labelled(40), 3) + hgref.objectives.L2(),
    Data(*labelled(40), 3),
    labelled(4000),
)
logs = hgref.transforms.Exp("eta", "l2")
problem = hgref.Problem(hgref.GradientDescent(J), E, T=40, transform=logs)
start = problem.pack(eta=np.log(0.05), l2=np.log(1e-3))
plain = hgref.Problem(hgref.GradientDescent(J), E, T=40)
in_theta, in_lam = hgref.reverse(problem, start), hgref.reverse(plain, np.exp(start))
print("λ ∂f/∂λ", np.exp(start) * in_lam.grad, " ∂f/∂θ", in_theta.grad)

# %% [markdown]
# ## Three ways down
#
# Adam needs a rate and many steps, but no more than a gradient. `as_scipy(problem)` returns
# $(f, \nabla f)$, all that L-BFGS needs. Newton's method with a trust region, `trust-exact`, needs
# $\nabla^2 f$ too: `hgref.hessian` runs REVERSE-HG once for each of the $m$ hyperparameters at
# $\lambda + i h e_j$ and reads the imaginary part, exact to rounding. We count it as $m$
# hypergradients, though complex ones take two to four times as long.

# %%
fun, seen, curves = hgref.as_scipy(problem), [], {}


def counted(x):
    f, g = fun(x)
    seen.append(f)
    return f, g


def counted_hessian(x):
    seen.extend([seen[-1]] * len(x))  # as many hypergradients, and no new f
    return hgref.hessian(problem, x)


for name, options in (("L-BFGS-B", {}), ("trust-exact", {"hess": counted_hessian})):
    seen.clear()
    found = scipy.optimize.minimize(counted, start, jac=True, method=name, **options)
    curves[name] = np.minimum.accumulate(seen)
    print(f"{name:12} f = {found.fun:.10f} after {len(seen)} hypergradients, λ = {np.exp(found.x)}")
path = hgref.outer.minimize(problem, start, outer=hgref.outer.Adam(0.1), iterations=60)
curves["Adam"] = np.minimum.accumulate(path.f)
print(f"{'Adam':12} f = {path.f.min():.10f} after {len(path.f)} hypergradients")
H = hgref.hessian(problem, found.x)
print("∇²f at the end:", H.tolist(), hgref.check_hessian(problem, found.x, H).verdict)
fig, ax = plt.subplots()
for (name, each), look in zip(curves.items(), ("o-", "s--", "^:"), strict=True):
    ax.plot(range(1, len(each) + 1), each, look, ms=3, label=name)
ax.set(xlabel="hypergradients computed", ylabel="the least f so far")
ax.set_title("Curvature gets there in fewer hypergradients than a fixed rate")
ax.legend()
plt.show()

# %% [markdown]
# ## What the Hessian says
#
# Along an eigenvector with a small eigenvalue $f$ hardly changes: these data do not determine that
# combination of hyperparameters. Here it is $l_2$ alone. The penalty is negligible already, and in
# $\log l_2$ everything near 0 is flat: do not quote the value found.

# %%
values, vectors = np.linalg.eigh(H)
print(f"curvatures {values[0]:.1e} and {values[1]:.1e}; the flat direction is", vectors[:, 0])

# %% [markdown]
# ## The validation set is data, too
#
# Watch the error on 4000 other examples. Already the two hyperparameters above overfit the 40 of
# $E$: $f$ falls, and that error rises. Now a weight for each of 40 training examples, at a fixed
# rate and without a penalty: this first helps, then overfits. Constraints keep a step in its set:
# here $0 \le \lambda_i \le 1$.

# %%
weighted = Data(*labelled(40), 3, example_weights=True)
many = hgref.Problem(hgref.GradientDescent(weighted), E, T=40)
Lam = hgref.constraints.Product(
    eta=hgref.constraints.NonNegative(), weights=hgref.constraints.Box(0, 1)
)
test, curve = Data(*unseen, 3), []


def watch(k, lam, g):
    curve.append((g.f, test.value(1, g.s_T, {})))  # s_T is w_T; the first argument is any step


for x in (start, found.x):
    watch(0, x, hgref.reverse(problem, x))
print("two hyperparameters, (validation, test):", np.round(curve, 3).tolist())
curve.clear()
hgref.outer.minimize(many, many.pack(eta=1.0, weights=np.full(40, 0.5)), iterations=150,
                     outer=hgref.outer.Adam(0.02), project=Lam.project, callback=watch,
                     wrt=("weights",))  # fmt: skip
validation, test_error = np.array(curve).T
best = int(np.argmin(test_error))
fig, ax = plt.subplots()
ax.plot(validation, label="validation error: what is minimised")
ax.plot(test_error, label="error on 4000 examples that nobody used")
ax.axvline(best, color="0.6", lw=0.8)
ax.set(xlabel="hyper-iteration", ylabel="cross-entropy")
ax.set_title("The outer loop overfits 40 validation examples")
ax.legend()
plt.show()
print(f"validation {validation[0]:.3f} → {validation[-1]:.3f}; test {test_error[0]:.3f} → "
      f"{test_error[-1]:.3f}, at best {test_error[best]:.3f} after {best}")  # fmt: skip

# %% [markdown]
# The best iteration is known in hindsight alone: the test error chose it. In practice a third set
# of examples decides when to stop the outer loop.

# %% [markdown]
# ## Exercises
# 1. The gradient in $\theta$ where $\mu = 1/(1 + e^{-\theta})$: the entry `mu` of `at_1` is
#    $\theta = 1.5$, the others are as they are. Pose the problem without `transform`, take its
#    $\partial f/\partial\mu$, and use the chain rule.

# %%
sigmoid = hgref.transforms.Sigmoid("mu")
problem_1 = hgref.Problem(hgref.Momentum(J), E, T=20, transform=sigmoid)
at_1 = {"eta": 0.1, "mu": 1.5, "l2": 0.01}
answer_1 = None  # {"mu": ∂f/∂θ}
exercise(1, problem_1, at_1, answer_1)

# %% [markdown]
# 2. One Newton step from `start` is $-(\nabla^2 f)^{-1} \nabla f$. Where an eigenvalue of $\nabla^2
#    f$ is negative it goes uphill. With $\nabla^2 f = V\,\mathrm{diag}(\kappa)\,V^T$ by
#    `np.linalg.eigh`, take $-V\,\mathrm{diag}(1/|\kappa|)\,V^T \nabla f$; $\nabla f$ at `start` is
#    `in_theta.grad`. Give the end of the step, and $\nabla f$ there.

# %%
at_start = hgref.hessian(problem, start)
moved = None  # the end of the step: (2,)
answer_2 = None  # ∇f in θ there: (2,)
if moved is not None:  # |κ| turns the step into ∇f, so ∇²f makes it as long
    lengths = np.linalg.norm(at_start @ (moved - start)), np.linalg.norm(in_theta.grad)
    print("a step of the right length:", bool(np.isclose(*lengths)))
exercise(2, problem, start if moved is None else moved, answer_2)
