"""An objective J(w, λ) = fn(params, lam) that a framework differentiates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from hgref.arguments import Array, require_callable, require_shape
from hgref.at import At
from hgref.interop.framework import Declared, Framework, is_real
from hgref.layout import Blocks, read_only_these
from hgref.objectives.callback import read_shapes
from hgref.objectives.objective import Objective, Shapes


class FrameworkObjective(Framework, Objective):
    """J_t(w, λ) = fn(params, lam), or fn(params, lam, batches[t − 1]), w the params side by side.

        g = ∇_w fn,     H dw + M dλ = jvp of g,     (u H, u M) = vjp of g

    Source   Pearlmutter 1994, Neural Computation 6 (products with H, not H itself)
    """

    def __init__(
        self,
        fn: Callable[..., Any],
        params: Any,
        hyper: Mapping[str, tuple[int, ...]] | None = None,
        batches: Any = None,
    ):
        require_callable("fn", fn)
        self.fn = fn
        self.shapes = read_shapes(hyper or {})
        self.batches = read_batches(batches)
        self.set_template(params)
        self.p = self.layout.size
        if self.p == 0:
            raise ValueError("params: expected at least one weight, found none")
        if not any(map(is_real, self.kinds.values())):
            name, kind = next(iter(self.kinds.items()))
            raise TypeError(f"{name}: expected real numbers, found {kind}")
        self.w0 = self.flatten(params)
        sizes = [part.stop - part.start for part in self.layout.slices.values()]
        self.layer_labels = np.repeat(np.arange(len(sizes)), sizes)  # a tensor is a layer
        self.prepare(self.loss, self.slope, self.direct)

    # in the framework
    def loss(self, batch: Any, w: Any, lam: Any) -> Any:
        """The value of fn, checked to be a float64 scalar: less precise data would go unnoticed."""
        fed = () if self.batches is None else (batch,)
        value = self.fn(self.rebuild(self.cut(w)), Declared(lam), *fed)
        if not hasattr(value, "shape"):
            raise TypeError(f"fn: expected a scalar tensor, found {type(value).__name__}")
        require_shape("fn", tuple(value.shape), ())
        if not str(value.dtype).endswith("float64"):
            raise TypeError(f"fn: expected a float64 loss, found {value.dtype}; use float64 data")
        return value

    # defined by each framework
    def slope(self, batch: Any, w: Any, lam: Any) -> Any:
        """g alone."""
        raise NotImplementedError

    def direct(self, batch: Any, w: Any, lam: Any) -> Any:
        """∂J/∂λ."""
        raise NotImplementedError

    # the functions of an objective
    def hyper(self, p: int) -> Shapes:
        return self.shapes

    def check_run(self, T: int, p: int) -> None:
        if self.batches is not None and len(self.batches) < T:
            raise ValueError(f"batches: expected one a step, {T}, found {len(self.batches)}")

    def batch(self, t: int) -> Any:
        return None if self.batches is None else self.fed(self.batches[t - 1])

    def fed(self, batch: Any) -> Any:
        """A mini-batch as fn gets it."""
        return batch

    def value(self, t: int, w: Array, lam: Blocks) -> Any:
        return self.call("loss", self.batch(t), w=w, lam=self.own(lam))[()]

    def afresh(self, t: int, w: Array, lam: Blocks) -> Any:
        return self.applied_to(self.loss, self.batch(t), w=w, lam=self.own(lam))[()]

    def at(self, t: int, w: Array, lam: Blocks) -> At:
        return self.products(self.batch(t), w, self.own(lam))

    def grad(self, t: int, w: Array, lam: Blocks) -> Array:
        return self.call("slope", self.batch(t), w=w, lam=self.own(lam))

    def grad_lam(self, t: int, w: Array, lam: Blocks) -> Blocks:
        return self.call("direct", self.batch(t), w=w, lam=self.own(lam)) if self.shapes else {}

    def own(self, lam: Blocks) -> Blocks:
        """Those blocks of λ that fn reads."""
        return read_only_these(lam, self.shapes)

    def read_weights(self, params: Any) -> Array:
        return self.flatten(params)


def read_batches(batches: Any) -> Any:
    """A sequence of mini-batches; TypeError for what cannot be asked for its t-th item."""
    sequence = hasattr(batches, "__len__") and hasattr(batches, "__getitem__")
    if batches is not None and (not sequence or isinstance(batches, (Mapping, str))):
        raise TypeError(
            f"batches: expected a sequence with one item a step, found {type(batches).__name__}; "
            f"list(loader) makes one of a DataLoader, so that every run sees the same batches"
        )
    if isinstance(batches, np.ndarray) and not batches.ndim:
        raise TypeError("batches: expected a sequence with one item a step, found a number")
    return batches
