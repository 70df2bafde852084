"""For each law named: change it, and tell how both layers' gradients move. See the test beside."""

import functools
import importlib
import sys

import numpy as np

import hgref
from hgref import laws
from hgref.dynamics.adam import CONVENTIONS
from hgref.dynamics.proximal import PENALTIES
from hgref.objectives import L2, MLP, LeastSquares, Logistic, MultiTask, Softmax


def problems():
    """A few that use every law between them, with a point λ."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((5, 2))
    labels, numbers = rng.integers(0, 2, 5), rng.standard_normal(5)
    losses = [
        Softmax(X, labels, 2, example_weights=True) + L2(),
        Logistic(X, labels) + L2(),
        LeastSquares(X, numbers),
        *(MLP(X, labels, (2,), classes=2, activation=a) for a in ("tanh", "softplus", "relu")),
        MultiTask(X, labels, numbers, (), classes=2, example_weights=True),
    ]
    dynamics = [hgref.GradientDescent, hgref.Momentum, hgref.Adam]
    dynamics += [hgref.AdamW, hgref.RMSProp, hgref.AdaGrad, hgref.Lion]
    dynamics += [hgref.Proximal, lambda J: hgref.Proximal(J, "box")]
    for k, J in enumerate([*losses, *losses[:2]]):
        E = LeastSquares(rng.standard_normal((3, J.p)), rng.standard_normal(3))
        problem = hgref.Problem(dynamics[k % len(dynamics)](J), E, T=3, w0=rng.standard_normal(J.p))
        values = {"eta": 0.1, "mu": 0.5, "beta1": 0.5, "beta2": 0.7, "beta": 0.6, "eps": 0.1}
        values |= {"weight_decay": 0.2, "l2": 0.3, "l1": 0.2, "lo": -0.5, "hi": 0.4}
        shapes = problem.layout.shapes
        yield (
            problem,
            problem.pack(**{n: np.full(s, values.get(n, 1.1)) for n, s in shapes.items()}),
        )


def gradients(layer):
    found = [[layer.reverse(p, lam).grad, layer.forward(p, lam).grad] for p, lam in problems()]
    return np.concatenate([np.concatenate(pair) for pair in found])


def changed(law):
    """The law with every number that it returns enlarged by a thousandth."""

    @functools.wraps(law)
    def other(*arguments):
        result = law(*arguments)
        return tuple(1.001 * x for x in result) if isinstance(result, tuple) else 1.001 * result

    return other


def exchange(name, old, new):
    """Put one law in another's place, also where dynamics and Adam's conventions hold it."""
    setattr(laws, name, new)
    for kind in hgref.Coordinatewise.__subclasses__():
        kind.law = hgref.Law(*(new if part is old else part for part in kind.law.functions))
    for penalty, (law, names) in PENALTIES.items():
        law = hgref.Law(*(new if part is old else part for part in law.functions))
        PENALTIES[penalty] = law, names
    for convention, rule in CONVENTIONS.items():
        CONVENTIONS[convention] = rule._make(new if part is old else part for part in rule)


def fast_layer():
    """hgref.fast.cpu, imported anew so that it takes up the laws as they now are."""
    for name in [name for name in sys.modules if name.startswith("hgref.fast")]:
        del sys.modules[name]
    return importlib.import_module("hgref.fast.cpu")


if __name__ == "__main__":
    for name in sys.argv[1:]:
        right, law = gradients(hgref), getattr(laws, name)
        wrong = changed(law)
        exchange(name, law, wrong)
        moved = gradients(hgref)
        apart = np.abs(gradients(fast_layer()) - moved).max()
        print(name, np.abs(moved - right).max(), apart)
        exchange(name, wrong, law)
