"""An objective out of a loss written in PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from hgref.arguments import Array
from hgref.interop.framework import FrameworkObjective

try:
    import torch
except ModuleNotFoundError as error:
    if error.name != "torch":  # it is there, but lacks something of its own
        raise
    raise ModuleNotFoundError(
        "hgref.interop.torch needs PyTorch: python -m pip install torch", name="torch"
    ) from error


def objective(
    fn: Callable[..., Any], params: Any, hyper: Mapping[str, tuple[int, ...]] | None = None
) -> TorchObjective:
    """J(w, λ) = fn(params, lam), with g, H dw + M dλ, u H, u M and ∂J/∂λ from torch.func.

    fn       a pure function of params like the template and of lam, {name: tensor}: it returns a
             scalar tensor. With a module: torch.func.functional_call(module, params, inputs)
    params   the template: a tensor, or a mapping, list or tuple of tensors; w is these one after
             the other, each row by row. dict(module.named_parameters()) is one
    hyper    {name: shape} of the blocks of λ that fn reads
    returns  an Objective; J.flatten(params) is w (p,), J.unflatten(w) the params
    Raises   TypeError, ValueError with the name, the expected and the found: also where fn reads a
             block that hyper lacks, its loss is not a float64 scalar, or w or λ are complex (so
             `hgref.check` takes differences in place of complex steps)
    Cost     grad some 3 losses, grad_vjp some 6, grad_jvp some 6 a column, all columns at once
    Exact    to rounding in float64, where fn computes in it: all tensors that it is handed do
    Beware   data that fn keeps must be float64 too. fn does not see the step t: no mini-batches.
             No dropout, and batch norm only in eval mode. Where J is not differentiable the
             derivatives are what torch says there, as √ at 0: NaN
    Source   torch.func; Pearlmutter 1994, Neural Computation 6 (products with H, not H itself)
    """
    return TorchObjective(fn, params, hyper)


class TorchObjective(FrameworkObjective):
    """J(w, λ) = fn(params, lam) in PyTorch, computed where the template's tensors are.

    fn, params, hyper, Raises, Cost, Exact, Beware, Source   as `objective`, which makes it
    """

    transforms = torch.func

    def __init__(
        self,
        fn: Callable[..., Any],
        params: Any,
        hyper: Mapping[str, tuple[int, ...]] | None = None,
    ):
        super().__init__(fn, params, hyper)
        self.device = next(iter(self.leaves(params).values())).device
        self.kind = type(params)
        self.keys = list(params) if isinstance(params, Mapping) else None

    def leaves(self, params: Any) -> dict[str, Any]:
        if isinstance(params, torch.Tensor):
            named = {"params": params}
        elif isinstance(params, Mapping):
            named = {f"params[{key!r}]": leaf for key, leaf in params.items()}
        elif isinstance(params, (list, tuple)):
            named = {f"params[{j}]": leaf for j, leaf in enumerate(params)}
        else:
            raise TypeError(
                f"params: expected a tensor, or a mapping, list or tuple of tensors, "
                f"found {type(params).__name__}"
            )
        for name, leaf in named.items():
            if not (isinstance(leaf, torch.Tensor) and leaf.is_floating_point()):
                found = getattr(leaf, "dtype", type(leaf).__name__)
                raise TypeError(f"{name}: expected a tensor of real numbers, found {found}")
        return named

    def rebuild(self, leaves: list[Any]) -> Any:
        if self.keys is not None:
            return dict(zip(self.keys, leaves, strict=True))
        if issubclass(self.kind, torch.Tensor):
            return leaves[0]
        return tuple(leaves) if issubclass(self.kind, tuple) else leaves

    def tensor(self, array: Array) -> Any:
        # a copy in plain order: torch takes neither read-only arrays nor negative strides
        return torch.from_numpy(np.array(array, order="C")).to(self.device)

    def array(self, tensor: Any) -> Array:
        return tensor.detach().to("cpu", torch.float64).numpy()
