"""Makes objectives of losses, and dynamics of training steps, written in PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Any

import numpy as np

from hgref.arguments import Array
from hgref.interop.dynamics import FrameworkDynamics
from hgref.interop.framework import Framework, Tensors
from hgref.interop.objective import FrameworkObjective
from hgref.interop.transform import transform as made
from hgref.nested import leaves_of, rebuilt
from hgref.transforms import Map

__all__ = ["TorchDynamics", "TorchObjective", "dynamics", "objective", "transform"]

try:
    import torch
except ModuleNotFoundError as error:
    if error.name != "torch":  # torch is installed, but a package it needs is missing
        raise
    raise ModuleNotFoundError(
        "hgref.interop.torch needs PyTorch: python -m pip install torch", name="torch"
    ) from error


def objective(
    fn: Callable[..., Any],
    params: Any,
    hyper: Mapping[str, tuple[int, ...]] | None = None,
    batches: Any = None,
) -> TorchObjective:
    """J_t(w, λ) = fn(params, lam), with g, H dw + M dλ, u H, u M and ∂J/∂λ from PyTorch.

    fn       a pure function of params, which look like the template, and of lam, {name: tensor};
             it returns a scalar tensor. To call a module:
             torch.func.functional_call(module, params, inputs)
    params   the template: a tensor, or mappings, lists and tuples of tensors, nested, such as
             dict(module.named_parameters()). w is their concatenation, each in row-major order;
             training starts at their values unless the problem has a w0
    hyper    {name: shape} of the blocks of λ that fn reads
    batches  a sequence of mini-batches, anything that fn understands: step t calls
             fn(params, lam, batches[t - 1]), with real tensors in it as float64
    returns  an Objective; J.flatten(params) is w (p,), and J.unflatten(w) the params
    Raises   TypeError, ValueError with the name, the expected and the found value; also if fn reads
             a block that is not in hyper, if its loss is not a float64 scalar, and if w or λ is
             complex (so `hgref.check` uses central differences, not complex steps)
    Cost     grad about 3 losses, grad_vjp about 6, grad_jvp about 6 a column, all columns at once
    Exact    to rounding in float64, if fn computes in float64; its arguments are float64
    Beware   data that fn uses must be float64 too. A loss that draws its own mini-batch or dropout
             is no function: `check` is undecided about it; use batches. Integer and boolean tensors
             of the template are passed on, and have no derivative. At points where J is not
             differentiable, the result is torch's: NaN for √ at 0
    Source   torch.func; Pearlmutter 1994, Neural Computation 6 (products with H, not H itself)

    Example
        >>> import torch
        >>> from hgref.interop.torch import objective
        >>> loss = lambda w, lam: lam["scale"] * (w ** 2).sum()
        >>> J = objective(loss, torch.zeros(2), {"scale": ()})
        >>> J.grad(1, np.array([1.0, 2.0]), {"scale": np.array(0.5)}).tolist()
        [1.0, 2.0]
    """
    return TorchObjective(fn, params, hyper, batches)


def dynamics(
    step: Callable[..., Any], start: Any, hyper: Mapping[str, tuple[int, ...]]
) -> TorchDynamics:
    """s_t = step(t, s_{t-1}, λ): a whole training step of your own, with A_t and B_t by autograd.

    step     step(t, state, lam) -> state, a function of its arguments alone; t counts from 1, and
             lam is {name: tensor}. Gradients in it come from torch.func.grad, or from
             torch.autograd.grad(…, create_graph=True)
    start    the state s_0: a tensor, or mappings, lists and tuples of tensors, nested: weights,
             velocities, statistics, counters; or a function lam -> state, for a learned start
    hyper    {name: shape} of the blocks of λ that step and start read
    returns  a Dynamics whose state is one vector s (d,); .flatten(state) and .unflatten(s) convert.
             E sees the whole state: objective(fn, start) with fn(state, lam)
    Raises   TypeError, ValueError with the name, the expected and the found value; also if step
             returns another structure or shape, or float32, or reads a block that is not in hyper
    Cost     a step and its graph; α A, α B: one backward pass; columns: two, all at once
    Exact    to rounding in float64; state and λ are float64 in step
    Beware   data that step uses must be float64 too. Integers and booleans in the state, such as
             counters, are carried and not differentiated. What step detaches, the reference does
             not differentiate either: `check` then says that the witnesses contradict each other.
             Steps in place (optimizer.step(), loss.backward()) are no functions: write the update
    Source   Franceschi et al. 2017, section 2: any Φ_t; torch.autograd

    Example
        >>> import torch
        >>> from hgref.interop.torch import dynamics, objective
        >>> def step(t, state, lam):
        ...     w, v = state["w"], lam["mu"] * state["v"] + 2 * state["w"]
        ...     return {"w": w - lam["eta"] * v, "v": v}
        >>> start = {"w": torch.ones(1), "v": torch.zeros(1)}
        >>> E = objective(lambda state, lam: (state["w"] ** 2).sum(), start)
        >>> problem = hgref.Problem(dynamics(step, start, {"eta": (), "mu": ()}), E, T=2)
        >>> hgref.reverse(problem, problem.pack(eta=0.1, mu=0.5)).grad.round(3).tolist()
        [-4.536, -0.216]
    """
    return TorchDynamics(step, start, hyper)


def transform(fn: Callable[..., Any], shapes: Mapping[str, tuple[int, ...]]) -> Map:
    """λ = fn(θ), for `Problem(transform=…)`, with its products from torch.func.

    fn       takes {name: tensor}, returns {name: tensor} of the blocks of λ that it makes
    shapes   {name: shape} of the blocks of θ that it reads; they replace those that it makes
    returns  hgref.transforms.Map
    Raises   as Map; TypeError for complex θ, so that `hgref.check` uses differences
    Cost     that of the function; columns all at once
    Exact    to rounding in float64
    Source   the chain rule: ∇_θ f = ∇_λ f · τ'(θ)

    Example
        >>> import hgref.interop.torch
        >>> made = hgref.interop.torch.transform(lambda x: {"l2": x["root"] ** 2}, {"root": ()})
        >>> made.at({"root": np.array(3.0)}).value["l2"].tolist()
        9.0
    """
    return made(
        fn,
        shapes,
        torch.func,
        lambda array: torch.from_numpy(np.array(array, order="C")),
        lambda tensor: tensor.detach().to(torch.float64).numpy(),
        nullcontext,
    )


class Torch(Framework):
    """Nests of torch tensors, on the device of the template's first tensor."""

    device: Any = "cpu"

    def set_template(self, nest: Any) -> None:
        super().set_template(nest)
        self.nest = rebuilt(nest, iter(range(len(self.layout.shapes))))
        for leaf in self.leaves(nest).values():
            self.device = leaf.device
            break

    def leaves(self, nest: Any) -> dict[str, Any]:
        named = leaves_of(nest, self.root)
        for name, leaf in named.items():
            if isinstance(leaf, torch.nn.Module):
                raise TypeError(
                    f"{name}: expected tensors, found the module {type(leaf).__name__}; give "
                    f"dict(module.named_parameters()), and call it by torch.func.functional_call"
                )
            if isinstance(leaf, (bool, int, float)):
                named[name] = leaf = torch.as_tensor(leaf)
            if not isinstance(leaf, torch.Tensor):
                raise TypeError(
                    f"{name}: expected a tensor of real numbers, found {type(leaf).__name__}"
                )
            if leaf.is_complex():
                raise TypeError(f"{name}: expected a tensor of real numbers, found {leaf.dtype}")
        return named

    def rebuild(self, leaves: list[Any]) -> Any:
        return rebuilt(self.nest, iter(leaves))

    def graph(self, feed: Any, x: Any, lam: Any) -> Any:
        """φ, with the graph that autograd needs for its products: defined for each kind of map."""
        raise NotImplementedError

    def linearised(self, feed: Any, x: Any, lam: Any) -> tuple[Any, Tensors, Tensors]:
        """By the graph that autograd keeps, as in a user's own loop."""
        point = {"x": x.requires_grad_(), **{n: b.requires_grad_() for n, b in lam.items()}}
        with torch.enable_grad():
            value = self.graph(feed, x, lam)

        def row(u: Any, create_graph: bool = False) -> Any:
            rows: Any = dict.fromkeys(point)
            if value.requires_grad:  # else it is constant
                found = torch.autograd.grad(
                    value, list(point.values()), u, True, create_graph, allow_unused=True
                )
                rows = dict(zip(point, found, strict=True))
            rows |= {n: torch.zeros_like(b) for n, b in point.items() if rows[n] is None}
            return rows.pop("x"), rows

        def columns(dx: Any, dlam: Any) -> Any:
            u = torch.zeros_like(value, requires_grad=True)
            with torch.enable_grad():
                uA, uB = row(u, create_graph=True)  # linear in u: its transpose is A dx + B dλ
                rows = torch.cat([uA, *(uB[n].reshape(-1) for n in dlam)])
            k = dx.shape[1]
            tangents = torch.cat([dx, *(dlam[n].reshape(-1, k) for n in dlam)])
            if not rows.requires_grad:
                return torch.zeros_like(dx)
            return along(rows, u, tangents.T).T

        return value.detach(), columns, row

    def tensor(self, array: Array) -> Any:
        # a row-major copy: torch accepts neither read-only arrays nor negative strides
        return torch.from_numpy(np.array(array, order="C")).to(self.device)

    def array(self, tensor: Any) -> Array:
        return tensor.detach().to("cpu", torch.float64).numpy()

    def whole(self, x: Any, kind: str) -> Any:
        return x.detach().round().to(getattr(torch, kind))

    def joined(self, leaves: list[Any]) -> Any:
        return torch.cat([leaf.reshape(-1).to(torch.float64) for leaf in leaves])


class TorchObjective(Torch, FrameworkObjective):
    """J(w, λ) = fn(params, lam) in PyTorch, computed on the device of the template's tensors.

    fn, params, hyper, batches, Raises, Cost, Exact, Beware, Source   as in `objective`, which
             returns it

    Example
        >>> import torch
        >>> from hgref.interop.torch import objective
        >>> J = objective(lambda params, lam: params["b"].sum(), {"b": torch.zeros(2)})
        >>> type(J).__name__, J.p, J.flatten({"b": torch.ones(2)}).tolist()
        ('TorchObjective', 2, [1.0, 1.0])
    """

    def graph(self, batch: Any, w: Any, lam: Any) -> Any:
        return torch.autograd.grad(self.loss(batch, w, lam), w, create_graph=True)[0]

    def slope(self, batch: Any, w: Any, lam: Any) -> Any:
        with torch.enable_grad():
            return torch.autograd.grad(self.loss(batch, w.requires_grad_(), lam), w)[0]

    def direct(self, batch: Any, w: Any, lam: Any) -> Any:
        blocks = [block.requires_grad_() for block in lam.values()]
        with torch.enable_grad():
            value = self.loss(batch, w, lam)
        if not value.requires_grad:
            return {name: torch.zeros_like(block) for name, block in lam.items()}
        found = torch.autograd.grad(value, blocks, allow_unused=True, materialize_grads=True)
        return dict(zip(lam, found, strict=True))

    def fed(self, batch: Any) -> Any:
        """The batch with its real tensors in float64."""
        return torch.utils._pytree.tree_map_only(torch.Tensor, in_float64, batch)


class TorchDynamics(Torch, FrameworkDynamics):
    """s_t = step(t, s_{t-1}, λ) in PyTorch, computed on the device of the start's tensors.

    step, start, hyper, Raises, Cost, Exact, Beware, Source   as in `dynamics`, which returns it

    Example
        >>> import torch
        >>> from hgref.interop.torch import dynamics
        >>> Phi = dynamics(lambda t, w, lam: w - lam["eta"] * w, torch.ones(1), {"eta": ()})
        >>> Phi.step(1, np.ones(1), {"eta": np.array(0.5)}).tolist()
        [0.5]
    """

    graphless = True  # whether step runs on tensors that need no gradient, as far as is known

    def stepped(self, t: Any, s: Any, lam: Any) -> Any:
        if self.graphless:
            try:
                with torch.no_grad():
                    return super().stepped(t, s, lam)
            except RuntimeError:  # step calls torch.autograd.grad, which needs a graph
                found = self.graph(t, s, lam)
                self.graphless = False
                return found
        return self.graph(t, s, lam)

    def graph(self, t: Any, s: Any, lam: Any) -> Any:
        lam = {name: block.requires_grad_() for name, block in lam.items()}
        with torch.enable_grad():
            return super().stepped(t, s.requires_grad_(), lam)


def along(rows: Any, u: Any, tangents: Any) -> Any:
    """The derivative of `rows`, which are linear in u, for each of the tangents (k, ·)."""
    try:
        return torch.autograd.grad(rows, u, tangents, True, is_grads_batched=True)[0]
    except RuntimeError:  # an operation that cannot be batched
        each = [torch.autograd.grad(rows, u, tangent, True)[0] for tangent in tangents]
        return torch.stack(each)


def in_float64(tensor: Any) -> Any:
    return tensor.double() if tensor.is_floating_point() else tensor
