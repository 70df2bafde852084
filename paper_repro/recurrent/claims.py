"""Judge section 3's remark on BPTT and RTRL on a recurrent network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from paper_repro.claim import Claim, Rows, Rule

TITLE = "A recurrent network: forward is RTRL, reverse is BPTT (section 3)"
PAPER: Rows = ()  # the paper only remarks on it, without numbers

SAME = 1e-12  # of ‖∇f‖: the rounding of a few thousand additions
SHARP = 1e-6  # of ‖∇f‖: less accurate differences prove nothing

Content = Mapping[str, Any]


def reverse_is_bptt(content: Content) -> Claim:
    """REVERSE-HG is back-propagation through time."""
    return same(content, "reverse and the literature's BPTT", "REVERSE-HG = Werbos' loops", "BPTT")


def forward_is_rtrl(content: Content) -> Claim:
    """FORWARD-HG is real-time recurrent learning."""
    name = "forward and the literature's RTRL"
    return same(content, name, "FORWARD-HG = Williams and Zipser's loops", "RTRL")


def one_gradient(content: Content) -> Claim:
    """Both modes give the same gradient."""
    return same(content, "forward and reverse", "FORWARD-HG = REVERSE-HG", "one gradient")


def they_meet(content: Content) -> Claim:
    """The forward part and the backward part add up to the gradient at each step."""
    text = "α_t Z_t + the later terms of REVERSE-HG's sum = ∇f at every t"
    return same(content, "sum at any t", text, "")


def same(content: Content, name: str, text: str, paper: str) -> Claim:
    off = content["apart"][name]
    return Claim(f"{text}, to {SAME:.0e} ‖∇f‖", paper, f"{off:.0e} ‖∇f‖", off <= SAME)


def slope_of_f(content: Content) -> Claim:
    """The gradient agrees with finite differences of the error."""
    apart = content["apart"]
    off, accuracy = apart["reverse and differences"], apart["accuracy of the differences"]
    return Claim(
        f"REVERSE-HG = central differences, to their accuracy (at most {SHARP:.0e} ‖∇f‖)",
        "",
        f"{off:.0e} ‖∇f‖, their accuracy {accuracy:.0e}",
        off <= accuracy <= SHARP,
    )


RULES: dict[str, tuple[Rule, ...]] = {
    "recurrent": (reverse_is_bptt, forward_is_rtrl, one_gradient, they_meet, slope_of_f),
}
