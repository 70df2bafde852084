"""Optimizers that resemble momentum and Adam, and are run in their place."""

from __future__ import annotations

import numpy as np

from hgref.arguments import Array
from hgref.at import At
from hgref.dynamics.adam import Adam
from hgref.dynamics.momentum import Momentum
from hgref.layout import Blocks


class OwnLookAhead(Momentum):
    """v' = μ v + ∇J(w − η μ v) + δ w,   w' = w − η v'."""

    def at(self, t: int, s: Array, lam: Blocks) -> At:
        (v, w), r, decay = self.split(s), self.rates_at(t, lam), self.weight_decay
        eta, mu = r["eta"], r["mu"]
        field = self.J.at(t, w - eta * mu * v, lam)
        after = mu * v + field.value + decay * w

        def vjp(alpha: Array) -> tuple[Array, Blocks]:
            b_v, b_w = self.split(alpha)
            b = b_v - eta * b_w
            uH, uM = field.vjp(b)
            rates = {"eta": -after * b_w - mu * v * uH, "mu": v * b - eta * v * uH}
            row = np.concatenate([mu * b - eta * mu * uH, b_w + uH + decay * b])
            return row, {**uM, **self.rates_vjp(t, lam, rates)}

        return At(np.concatenate([after, w - eta * after]), None, vjp)  # type: ignore[arg-type]


class RateInVelocity(Momentum):
    """v' = μ v + η κ (∇J(w) + δ w),   w' = w − v'."""

    def at(self, t: int, s: Array, lam: Blocks) -> At:
        (v, w), r = self.split(s), self.rates_at(t, lam)
        eta, mu = r["eta"], r["mu"]
        keep = self.numbers(t, r)["keep"]
        field = self.J.at(t, w, lam)
        h = keep * (field.value + self.weight_decay * w)
        after = mu * v + eta * h

        def vjp(alpha: Array) -> tuple[Array, Blocks]:
            b_v, b_w = self.split(alpha)
            b = b_v - b_w
            b_h = eta * keep * b
            uH, uM = field.vjp(b_h)
            row = np.concatenate([mu * b, b_w + uH + self.weight_decay * b_h])
            return row, {**uM, **self.rates_vjp(t, lam, {"eta": h * b, "mu": v * b})}

        return At(np.concatenate([after, w - after]), None, vjp)  # type: ignore[arg-type]


class AMSGrad(Adam):
    """x' = max(x, u'/k),   w' = (1 − η δ) w − η (m'/c1) / (√(x'/c) + ε),   c1 = 1 − β1^t.

    corrected   k = c2 = 1 − β2^t and c = 1: the largest û; else k = 1 and c = c2, as in torch
    """

    state = ("m", "u", "x", "w")  # type: ignore[assignment]
    corrected = False

    def at(self, t: int, s: Array, lam: Blocks) -> At:
        (m, u, x, w), r = self.split(s), self.rates_at(t, lam)
        eta, beta1, beta2 = r["eta"], r["beta1"], r["beta2"]
        c1, c2, decay = 1 - beta1**t, 1 - beta2**t, r.get("weight_decay", 0.0)
        k, c = (c2, 1.0) if self.corrected else (1.0, c2)
        field = self.J.at(t, w, lam)
        g = field.value
        m1, u1 = beta1 * m + (1 - beta1) * g, beta2 * u + (1 - beta2) * g**2
        x1, grown = np.maximum(x, u1 / k), u1 / k > x
        root = np.sqrt(x1 / c)
        below, mean = root + r["eps"], m1 / c1

        def vjp(alpha: Array) -> tuple[Array, Blocks]:
            b_m, b_u, b_x, b_w = self.split(alpha)
            b_mean, b_root = -eta * b_w / below, eta * b_w * mean / below**2
            b_c1, b_c = -b_mean * mean / c1, -b_root * root / (2 * c)
            b_x = b_x + b_root / (2 * c * np.where(root > 0, root, np.inf))
            b_m, b_u, b_k = b_m + b_mean / c1, b_u + b_x * grown / k, -b_x * grown * u1 / k**2
            b_c2 = b_k if self.corrected else b_c
            uH, uM = field.vjp((1 - beta1) * b_m + 2 * (1 - beta2) * g * b_u)
            rates = {"eta": -b_w * (mean / below + decay * w), "eps": b_root}
            rates["weight_decay"] = -eta * b_w * w
            rates["beta1"] = (m - g) * b_m - t * beta1 ** (t - 1) * b_c1
            rates["beta2"] = (u - g**2) * b_u - t * beta2 ** (t - 1) * b_c2
            row = np.concatenate(
                [beta1 * b_m, beta2 * b_u, b_x * ~grown, (1 - eta * decay) * b_w + uH]
            )
            rates = {name: rates[name] for name in self.names}
            return row, {**uM, **self.rates_vjp(t, lam, rates)}

        w1 = (1 - eta * decay) * w - eta * mean / below
        after = np.concatenate([m1, u1, x1, w1])
        return At(after, None, vjp)  # type: ignore[arg-type]
