"""An animation of the two recursions: Z_t runs forwards, α_t backwards, to the same gradient."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.animation import PillowWriter
from matplotlib.figure import Figure

import hgref
from hgref.arguments import Array
from hgref.files import write_whole
from hgref.hypergradient.forward import partial, sensitivities
from hgref.hypergradient.tape import taped
from paper_repro.picture import save_as

WRT = "l2"  # the hyperparameter whose column of Z_t and whose gradient are shown
SIZE = (7.2, 5.0)  # inches, at 100 dots per inch
RATE = 12  # frames per second
REST = 18  # frames for which the finished picture stays
FADE = 6  # frames in which it fades out
BLANK = "#ececec"  # not computed yet


@dataclass(frozen=True)
class Recursions:
    """The state of both algorithms after each of their steps, restricted to the weights.

    Z        (p, T + 1) column of Z_t for `WRT`
    alpha    (p, T + 1) α_t
    partials (T + 1,) ∇f_t(λ), the gradient that FORWARD-HG has at t (16)
    sums     (T + 1,) Σ_{r>t} α_r B_r, the sum that REVERSE-HG has at t
    grad     ∇f(λ), which both reach
    """

    Z: Array
    alpha: Array
    partials: Array
    sums: Array
    grad: float

    @property
    def T(self) -> int:
        return self.sums.size - 1


def compute(T: int = 40, seed: int = 4) -> Recursions:
    """Run both on a small softmax regression with momentum, and keep every Z_t and α_t."""
    rng = np.random.default_rng(seed)
    X, y = rng.standard_normal((40, 3)), rng.integers(0, 3, 40)
    J = hgref.objectives.Softmax(X[:20], y[:20], 3) + hgref.objectives.L2()
    E = hgref.objectives.Softmax(X[20:], y[20:], 3)
    problem = hgref.Problem(hgref.Momentum(J), E, T=T)
    run = problem.at({"eta": 0.3, "mu": 0.8, "l2": 0.02})
    columns, w = run.layout.select([WRT]), slice(problem.d - problem.p, None)

    Z, partials = np.zeros((problem.p, T + 1)), np.zeros(T + 1)
    for t, s, Z_t in sensitivities(run, columns):
        Z[:, t] = Z_t[w, 0]
        partials[t] = partial(run, t, s, Z_t, columns)[0]

    s_T, back = taped(run, run.start(), 1, T, T)
    row = run.error_grad(T, s_T)[0]
    alpha, sums = np.zeros((problem.p, T + 1)), np.zeros(T + 1)
    alpha[:, T] = row[w]
    for t, step in back:
        row, share = run.vjp(t, step, row)
        alpha[:, t - 1], sums[t - 1] = row[w], sums[t] + share[WRT]
    return Recursions(Z, alpha, partials, sums, float(sums[0]))


class Drawing:
    """The figure, and the artists that change from frame to frame."""

    def __init__(self, run: Recursions):
        self.run, self.steps = run, np.arange(run.T + 1)
        self.figure = Figure(figsize=SIZE, layout="constrained")
        top, middle, low = self.figure.subplots(3, 1, sharex=True, height_ratios=[3, 3, 2.4])
        self.forward = self.field(top, run.Z, "FORWARD-HG   $Z_t = A_t\\,Z_{t-1} + B_t$   →")
        self.reverse = self.field(middle, run.alpha, "←   $α_t = α_{t+1}\\,A_{t+1}$   REVERSE-HG")
        self.lines = self.curves(low)
        self.figure.draw_without_rendering()
        self.figure.set_layout_engine("none")  # keep the layout: faster, and nothing jumps

    def field(self, ax: Any, values: Array, title: str) -> tuple[Any, Any]:
        """A map of weights against steps, and the marks of its negative values."""
        size = np.abs(values).max()
        ax.set(title=title, ylabel="weight", facecolor=BLANK, yticks=[])
        image = ax.imshow(values, cmap="PuOr", vmin=-size, vmax=size, aspect="auto")
        (marks,) = ax.plot([], [], "k_", ms=4, mew=0.7)
        return image, marks

    def curves(self, ax: Any) -> list[Any]:
        """The two estimates of ∂f/∂l2, which end on the same line."""
        run = self.run
        both = np.concatenate([run.partials, run.sums])
        room = 0.08 * np.ptp(both)
        ax.axhline(run.grad, color="0.75", lw=4, label="∇f(λ): where both arrive")
        ax.set(ylim=(both.min() - room, both.max() + room), xlim=(-0.5, run.T + 0.5))
        ax.set(xlabel="step t  (− where negative)", ylabel="∂f / ∂l2")
        ax.spines[["top", "right"]].set_visible(False)
        lines = [
            ax.plot([], [], "k-", label="forward: $∇E(s_t)\\,Z_t$")[0],
            ax.plot([], [], "k--", label="reverse: $Σ_{r>t}\\;α_r B_r$")[0],
        ]
        ax.legend(loc="upper center", bbox_to_anchor=(0.47, 1.1), frameon=False, fontsize=9)
        return lines

    def show(self, forward: Array, reverse: Array, opacity: float = 1.0) -> Drawing:
        """Show only the steps that each of the two has done; returns self."""
        pairs = ((self.forward, self.run.Z, forward), (self.reverse, self.run.alpha, reverse))
        for (image, marks), values, done in pairs:
            image.set_data(np.where(done, values, np.nan))
            image.set_alpha(opacity)
            rows, columns = np.nonzero(done & (values < -0.05 * np.abs(values).max()))
            marks.set_data(columns, rows)
            marks.set_alpha(opacity)
        curves = (self.run.partials, forward), (self.run.sums, reverse)
        for line, (height, done) in zip(self.lines, curves, strict=True):
            line.set_data(self.steps, np.where(done, height, np.nan))
            line.set_alpha(opacity)
        return self


def frames(drawing: Drawing) -> Iterator[Drawing]:
    """Set the drawing to each frame in turn: forwards, backwards, rest, fade."""
    t, T = drawing.steps, drawing.run.T
    every, none = t >= 0, t < 0
    for now in range(T + 1):
        yield drawing.show(t <= now, none)
    for now in range(T, -1, -1):
        yield drawing.show(every, t >= now)
    yield from [drawing] * REST
    for step in range(1, FADE + 1):
        yield drawing.show(every, every, 1 - step / (FADE + 1))


def draw(run: Recursions, folder: Path) -> list[Path]:
    """Write recursions.png, the finished picture, and recursions.gif, the animation."""
    still = Drawing(run)
    still.show(still.steps >= 0, still.steps >= 0)
    return [save_as(still.figure, folder / "recursions.png", "png"), animate(run, folder)]


def animate(run: Recursions, folder: Path) -> Path:
    drawing, writer = Drawing(run), PillowWriter(fps=RATE)
    with tempfile.TemporaryDirectory() as temporary:
        film = Path(temporary) / "recursions.gif"
        with writer.saving(drawing.figure, str(film), dpi=100):
            for _ in frames(drawing):
                writer.grab_frame()
        return write_whole(folder / film.name, lambda file: file.write(film.read_bytes()))
