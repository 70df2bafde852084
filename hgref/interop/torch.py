"""Makes an objective from a loss written in PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from hgref.arguments import Array
from hgref.interop.framework import FrameworkObjective, Tensors

try:
    import torch
except ModuleNotFoundError as error:
    if error.name != "torch":  # torch is installed, but a package it needs is missing
        raise
    raise ModuleNotFoundError(
        "hgref.interop.torch needs PyTorch: python -m pip install torch", name="torch"
    ) from error


FEW = 4  # columns up to which H dw is taken by a second backward pass, without vmap


def objective(
    fn: Callable[..., Any], params: Any, hyper: Mapping[str, tuple[int, ...]] | None = None
) -> TorchObjective:
    """J(w, λ) = fn(params, lam), with g, H dw + M dλ, u H, u M and ∂J/∂λ from torch.func.

    fn       a pure function of params, which look like the template, and of lam, {name: tensor};
             it returns a scalar tensor. To call a module:
             torch.func.functional_call(module, params, inputs)
    params   the template: a tensor, or a mapping, list or tuple of tensors, such as
             dict(module.named_parameters()). w is their concatenation, each in row-major order
    hyper    {name: shape} of the blocks of λ that fn reads
    returns  an Objective; J.flatten(params) is w (p,), and J.unflatten(w) the params
    Raises   TypeError, ValueError with the name, the expected and the found value; also if fn reads
             a block that is not in hyper, if its loss is not a float64 scalar, and if w or λ is
             complex (so `hgref.check` uses central differences, not complex steps)
    Cost     grad about 3 losses, grad_vjp about 6, grad_jvp about 6 a column, all columns at once
    Exact    to rounding in float64, if fn computes in float64; its arguments are float64
    Beware   data that fn uses must be float64 too. fn does not see the step t: no mini-batches.
             No dropout, and batch norm only in eval mode. At points where J is not differentiable,
             the result is torch's: NaN for √ at 0
    Source   torch.func; Pearlmutter 1994, Neural Computation 6 (products with H, not H itself)

    Example
        >>> import torch
        >>> from hgref.interop.torch import objective
        >>> loss = lambda w, lam: lam["scale"] * (w ** 2).sum()
        >>> J = objective(loss, torch.zeros(2), {"scale": ()})
        >>> J.grad(1, np.array([1.0, 2.0]), {"scale": np.array(0.5)}).tolist()
        [1.0, 2.0]
    """
    return TorchObjective(fn, params, hyper)


class TorchObjective(FrameworkObjective):
    """J(w, λ) = fn(params, lam) in PyTorch, computed on the device of the template's tensors.

    fn, params, hyper, Raises, Cost, Exact, Beware, Source   as in `objective`, which returns it

    Example
        >>> import torch
        >>> from hgref.interop.torch import objective
        >>> J = objective(lambda params, lam: params["b"].sum(), {"b": torch.zeros(2)})
        >>> type(J).__name__, J.p, J.flatten({"b": torch.ones(2)}).tolist()
        ('TorchObjective', 2, [1.0, 1.0])
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
        elif isinstance(params, torch.nn.Module):
            raise TypeError(
                f"params: expected tensors, found the module {type(params).__name__}; give "
                f"dict(module.named_parameters()), and call it by torch.func.functional_call"
            )
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

    # by the graph that autograd keeps, as in a user's own loop
    def slope(self, w: Any, lam: Any) -> Any:
        with torch.enable_grad():
            return torch.autograd.grad(self.loss(w.requires_grad_(), lam), w)[0]

    def linearised(self, w: Any, lam: Any) -> tuple[Any, Tensors, Tensors]:
        point = {"w": w.requires_grad_(), **{n: x.requires_grad_() for n, x in lam.items()}}
        with torch.enable_grad():
            (g,) = torch.autograd.grad(self.loss(w, lam), w, create_graph=True)

        def row(u: Any, create_graph: bool = False) -> Any:
            rows: Any = dict.fromkeys(point)
            if g.requires_grad:  # else the loss is linear: no H, no M
                found = torch.autograd.grad(
                    g, list(point.values()), u, True, create_graph, allow_unused=True
                )
                rows = dict(zip(point, found, strict=True))
            rows |= {n: torch.zeros_like(x) for n, x in point.items() if rows[n] is None}
            return rows.pop("w"), rows

        def columns(dw: Any, dlam: Any) -> Any:
            if dw.shape[1] > FEW:
                return self.pushed(w, lam, dw, dlam)
            u = torch.zeros_like(g, requires_grad=True)
            with torch.enable_grad():
                uH, uM = row(u, create_graph=True)  # linear in u: its transpose is H dw + M dλ
                shares = [uM[n].reshape(-1) @ dlam[n].reshape(-1, dw.shape[1]) for n in dlam]
                along = sum(shares, uH @ dw)
            if not along.requires_grad:
                return torch.zeros_like(dw)
            each = [torch.autograd.grad(a, u, retain_graph=True)[0] for a in along]
            return torch.stack(each, dim=1)

        return g, columns, row

    def rebuild(self, leaves: list[Any]) -> Any:
        if self.keys is not None:
            return dict(zip(self.keys, leaves, strict=True))
        if issubclass(self.kind, torch.Tensor):
            return leaves[0]
        return tuple(leaves) if issubclass(self.kind, tuple) else leaves

    def tensor(self, array: Array) -> Any:
        # a row-major copy: torch accepts neither read-only arrays nor negative strides
        return torch.from_numpy(np.array(array, order="C")).to(self.device)

    def array(self, tensor: Any) -> Array:
        return tensor.detach().to("cpu", torch.float64).numpy()
