# %% [markdown]
# # 10. Certified digits
#
# Sixteen digits are printed; how many are true? A *ball*, a midpoint and a radius, holds the true
# number and all its rounding. Here a whole training run and its hypergradient go through balls, and
# what comes out is proven: that is how hgref's test vectors get their digits.
#
# *Before this: lesson 2. About 40 minutes.*

# %%
from fractions import Fraction

import matplotlib.pyplot as plt
import numpy as np

import hgref
from hgref.objectives import L2, Quadratic, Softmax
from hgref.verify.vectors import description, vector
from hgref.verify.vectors.certify import balls, certified, digits, precision
from paper_repro.lessons.exercise import exercise

try:
    import flint
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        'lesson 10 needs python-flint: python -m pip install -e ".[certify]"', name="flint"
    ) from error

# %% [markdown]
# ## One law, four kinds of numbers
#
# A law of hgref is plain arithmetic without branches, so it runs on whatever can be added and
# multiplied. On balls every operation rounds its midpoint, and adds that rounding to the radius.

# %%
for number in (float, complex, Fraction, flint.arb):
    w, g, eta = number("0.3"), number("0.7"), number("0.1")
    print(f"{number.__name__:9}", hgref.laws.gd_step(w, g, eta))
third = flint.arb(1) / 3
print(f"1/3 as a ball: {third}; minus itself: {third - third}")

# %% [markdown]
# The last number shows the price: $x - x$ is 0, but a ball does not know that its two operands are
# one number. In a training run, whose steps depend on one another, radii outgrow the errors.
#
# ## A training run in balls
#
# The data are multiples of 1/8 and $n$ is a power of 2, so that nothing was rounded before we
# begin. `hgref.reverse` is the reference, unchanged, on arrays of balls.

# %%
rng, T = np.random.default_rng(0), 30
X, X_val = np.round(8 * rng.standard_normal((2, 16, 3))) / 8
y, y_val = rng.integers(0, 2, (2, 16))
momentum, E = hgref.Momentum(Softmax(X, y, 2) + L2()), Softmax(X_val, y_val, 2)
problem = hgref.Problem(momentum, E, T)
in_balls = hgref.Problem(momentum, E, T, w0=balls(problem.w0))
lam = problem.pack(eta=0.5, mu=0.75, l2=0.0625)
for bits in (53, 106, 212):
    with precision(bits):
        g = hgref.reverse(in_balls, balls(lam))
    print(f"{bits} bits: f = {g.f}, ∂f/∂η = {g['eta'][()]}")

# %% [markdown]
# With the 53 bits of float64 one digit of $f$ is proven, and none of $\nabla f$. Not that float64
# is bad: beside 212 bits we can say how far off it truly was at each step. Balls know no signs: a
# radius grows with the absolute values of $A_t$, an error with $A_t$ itself, whose terms cancel.

# %%
traces = {bits: certified(problem, lam, bits) for bits in (53, 106, 212)}
steps, floats = np.arange(2, T + 1), list(problem.states(problem.unpack(lam)))
fig, ax = plt.subplots()
for (bits, trace), look in zip(traces.items(), ["o-", "s--", "^-."], strict=True):
    radius = [max(float(x.rad()) for x in s) for s in trace.states[2:]]
    ax.semilogy(steps, radius, look, markevery=4, label=f"radius with {bits} bits")
    print(f"{bits} bits: a step multiplies it by {(radius[-1] / radius[8]) ** (1 / (T - 10)):.2f}")
off = [max(map(float, abs(traces[212].states[t] - balls(floats[t])))) for t in steps]
ax.semilogy(steps, off, "k:", label="true error of float64")
ax.set(xlabel="step t", ylabel="largest in $s_t$", title="Radii grow alike from any start")
ax.legend(ncols=2, loc=(0.02, 0.3))
plt.show()

# %% [markdown]
# ## Proven digits
#
# The growth costs a fixed number of digits, and each bit brings $\log_{10} 2 = 0.301$ of them. So
# one takes bits until thirty digits are left, and prints no others: that is a test vector.

# %%
widths = np.arange(53, 257, 29)
fig, ax = plt.subplots()
runs = [certified(problem, lam, int(bits)).g for bits in widths]
for name, look, values in [("f", "o-", [g.f for g in runs]),
                           ("∂f/∂η", "s--", [g["eta"][()] for g in runs])]:  # fmt: skip
    ax.plot(widths, [max(0, x.rel_accuracy_bits() * np.log10(2)) for x in values], look, label=name)
ax.axhline(30, color="0.6", ls=":", label="a test vector's 30")
ax.set(xlabel="bits", ylabel="proven digits", title="A bit is 0.3 digits, once growth is paid")
ax.legend()
plt.show()
print("f =", digits(runs[-1].f, 30))
try:
    digits(runs[0].f, 30)
except ValueError as error:
    print(error)
content = description.read_file(vector.shipped()["momentum-softmax"])
again = certified(*description.problem_of(content)).g
print("shipped  ", content["f"], content["grad"]["mu"])
print("once more", digits(again.f, 30), digits(again["mu"][()], 30))

# %% [markdown]
# ## float64 beside the proof
#
# A radius counts what was computed in balls, and no float64 on the way: so even a proof wants
# witnesses. The balls of both recursions must overlap, and differences can afford a tiny step here.
# And the tolerance of `hgref.check` must be above the error that float64 is proven to have.

# %%
point, h = balls(lam), flint.arb(2) ** -64
proven = traces[212].g
with precision(212):
    other = hgref.forward(in_balls, point).grad
    print("forward and reverse overlap:", all(map(flint.arb.overlaps, other, proven.grad)))
    up, down = (in_balls.f(point + step * np.eye(3, dtype=int)[0]) for step in (h, -h))
    print("∂f/∂eta  by differences", digits((up - down) / (2 * h), 20))
report = hgref.check(problem, lam, hgref.reverse(problem, lam).grad)
for block in report.blocks:
    true = proven[block.name][()]
    error = float(abs((block.candidate - true) / true))
    print(f"∂f/∂{block.name:4} {digits(true, 20):>23}: error {error:.0e} ≤ {block.tolerance:.0e}")

# %% [markdown]
# ## Exercises
#
# 1. Write REVERSE-HG in balls: $g = Hw - b$, `laws.momentum_step(v, w, g, eta, mu, 1, 0, 0)` going
#    up, `laws.momentum_vjp(v, w, g, eta, mu, 1, 0, 0, b_v, b_w)` coming down. Hand over midpoints.

# %%
H, b = np.array([[2.0, 0.5], [0.5, 1.0]]), np.array([1.0, -0.5])
E_0 = Quadratic(np.eye(2), np.zeros(2))
ball_run = hgref.Problem(hgref.Momentum(Quadratic(H, b)), E_0, T=6)
answer_1 = None  # [float(x.mid()), ...] for eta and mu
exercise(1, ball_run, {"eta": 0.25, "mu": 0.75}, answer_1)

# %% [markdown]
# 2. FORWARD-HG in fractions, with no radius at all: $g = (H + l I) w - b$, one `laws.gd_jvp(g, eta,
#    dw, dg, deta)` for each column. What does the denominator do?

# %%
fraction_run = hgref.Problem(hgref.GradientDescent(Quadratic(H, b) + L2()), E_0, T=6)
answer_2 = None  # [float(x), ...] for eta and l2
exercise(2, fraction_run, {"eta": 0.25, "l2": 0.125}, answer_2)
