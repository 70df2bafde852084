# %% [markdown]
# # 13. The outer loop
#
# A hypergradient is half of the work: somebody has to take the step. Rates are positive and span
# decades, weights of examples stay in a set, and the validation set is finite. Adam, L-BFGS and
# Newton on the same problem; then what happens if you follow the gradient too well.
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
# Adam needs a rate and many steps, but no more than a gradient. `as_scipy` gives L-BFGS what it
# wants, $(f, \nabla f)$. And $\nabla^2 f$ is exact here, by the complex step through REVERSE-HG, so
# that Newton's method with a trust region is two lines. Its cost is $m$ hypergradients a step.

# %%
fun = hgref.as_scipy(problem)
evaluated = {}
for name, options in {
    "L-BFGS-B": {}, "trust-exact": {"hess": lambda x: hgref.hessian(problem, x)},
}.items():  # fmt: skip
    seen = []

    def counted(x, seen=seen):
        f, g = fun(x)
        seen.append(f)
        return f, g

    found = scipy.optimize.minimize(counted, start, jac=True, method=name, **options)
    evaluated[name] = np.minimum.accumulate(seen)
    print(f"{name:12} f = {found.fun:.10f} after {len(seen)} hypergradients, λ = {np.exp(found.x)}")
path = hgref.outer.minimize(problem, start, outer=hgref.outer.Adam(0.1), iterations=60)
evaluated["Adam"] = np.minimum.accumulate(path.f)
print(f"{'Adam':12} f = {path.f.min():.10f} after {len(path.f)} hypergradients")
H = hgref.hessian(problem, found.x)
print("∇²f at the end:", H.round(4).tolist(), hgref.check_hessian(problem, found.x, H).verdict)
least = min(each.min() for each in evaluated.values())
fig, ax = plt.subplots()
for (name, each), look in zip(evaluated.items(), ("o-", "s--", "^:"), strict=True):
    ax.semilogy(each - least + 1e-14, look, ms=3, label=name)
ax.set(xlabel="hypergradients computed", ylabel="f − the least f")
ax.set_title("Curvature ends the search; a rate only comes near")
ax.legend()
plt.show()

# %% [markdown]
# ## What the Hessian says
#
# Its eigenvectors are the directions in which $\eta$ and $l_2$ trade: along the flat one $f$ hardly
# changes, so the data cannot tell these pairs apart. A minimum is only as good as its curvature.

# %%
values, vectors = np.linalg.eigh(H)
print(f"curvatures {values[0]:.4f} and {values[1]:.4f}; the flat direction is", vectors[:, 0])

# %% [markdown]
# ## The validation set is data, too
#
# Two hyperparameters cannot overfit 40 examples. A weight for each of the 40 training examples
# can: minimise $E$ over them, and watch examples that nobody has used. Constraints keep a step in
# its set: here $0 \le \lambda_i \le 1$.

# %%
weighted = Data(*labelled(40), 3, example_weights=True)
many = hgref.Problem(hgref.GradientDescent(weighted), E, T=40)
Lam = hgref.constraints.Product(
    eta=hgref.constraints.Box(1.0, 1.0), weights=hgref.constraints.Box(0, 1)
)
test, curve = Data(*unseen, 3), []


def watch(k, lam, g):
    curve.append((g.f, test.value(1, g.s_T, {})))


hgref.outer.minimize(many, many.pack(eta=1.0, weights=np.full(40, 0.5)), iterations=150,
                     outer=hgref.outer.Adam(0.02), project=Lam.project, callback=watch)  # fmt: skip
validation, test_error = np.array(curve).T
best = int(np.argmin(test_error))
fig, ax = plt.subplots()
ax.plot(validation, label="validation error: what is minimised")
ax.plot(test_error, label="error on 4000 examples that nobody used")
ax.axvline(best, color="0.6", lw=0.8)
ax.set(xlabel="hyper-iteration", ylabel="cross-entropy")
ax.set_title("40 hyperparameters overfit 40 validation examples: early stopping, again")
ax.legend()
plt.show()
print(f"validation {validation[0]:.3f} → {validation[-1]:.3f}; test {test_error[0]:.3f} → "
      f"{test_error[-1]:.3f}, at best {test_error[best]:.3f} after {best}")  # fmt: skip

# %% [markdown]
# ## Exercises
# 1. The gradient in $\theta$ where $\mu = 1/(1 + e^{-\theta})$: the chain rule alone.

# %%
sigmoid = hgref.transforms.Sigmoid("mu")
problem_1 = hgref.Problem(hgref.Momentum(J), E, T=20, transform=sigmoid)
at_1 = {"eta": 0.1, "mu": 1.5, "l2": 0.01}
answer_1 = None  # {"mu": ∂f/∂θ}, from hgref.reverse of the problem without a transform
exercise(1, problem_1, at_1, answer_1)

# %% [markdown]
# 2. One Newton step from `start` is $-(\nabla^2 f)^{-1} \nabla f$. Where $f$ bends down it goes up.
#    Take the step with the absolute values of the eigenvalues, and give $\nabla f$ where it ends.

# %%
moved = None  # the end of the step: (2,)
answer_2 = None  # ∇f in θ there: (2,)
exercise(2, problem, start if moved is None else moved, answer_2)
