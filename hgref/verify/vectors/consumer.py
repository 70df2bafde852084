"""Compares PyTorch's autograd with every vector in a folder: python consumer.py FOLDER."""

import json
import sys
from pathlib import Path

import torch

torch.set_default_dtype(torch.float64)
RATES = ("eta", "mu", "beta", "beta1", "beta2")  # lists of them are schedules


def loss(terms, w, lam, t):
    """The sum of the terms of an objective at step t; means over the examples or the batch."""
    total = 0.0
    for term in terms:
        if term["kind"] == "quadratic":
            A, b = torch.tensor(term["A"]), torch.tensor(term["b"])
            total = total + w @ A @ w / 2 - b @ w
        elif term["kind"] == "l2":
            total = total + (lam[term.get("name", "l2")] * w * w).sum() / 2
        else:
            X, y = torch.tensor(term["X"]) - torch.tensor(term.get("centre", 0.0)), term["y"]
            rows = torch.tensor(term["batches"][t - 1] if "batches" in term else range(len(y)))
            each = loss_of_each(term, outputs(term, X, w), torch.tensor(y))[rows]
            weights = lam["weights"][rows] if term.get("example_weights") else 1.0
            total = total + (weights * each).mean()
    return total


def outputs(term, X, w):
    """(n, outputs) of a linear model or a network: each layer is W row by row, then b."""
    last = term.get("classes", 1)
    for width in [*term.get("hidden", []), last]:
        W, w = w[: width * X.shape[1]].reshape(width, -1), w[width * X.shape[1] :]
        biased = term["kind"] != "least-squares" and term.get("bias", True)
        X = X @ W.T + (w[:width] if biased else 0.0)
        w = w[width:]
        X = X.tanh() if len(w) else X  # hidden units
    return X


def loss_of_each(term, z, y):
    if term["kind"] == "least-squares":
        return (z[:, 0] - y) ** 2 / 2
    if term["kind"] == "logistic":
        return torch.nn.functional.softplus(z[:, 0]) - y * z[:, 0]
    return torch.nn.functional.cross_entropy(z, y, reduction="none")


def adam(convention, m_hat, u, root, eps, eps_root):
    """The direction of a step; root = 1 - beta2^t."""
    if convention in ("torch", "optax"):
        return m_hat / ((u / root + eps_root).sqrt() + eps)
    return m_hat * root.sqrt() / (u.sqrt() + eps if convention == "tf1" else (u + eps).sqrt())


def rooted(convention, u, eps):
    """The denominator of RMSProp and AdaGrad."""
    return (u + eps).sqrt() if convention == "optax" else u.sqrt() + eps


def train(vector, w, lam):
    """w_T."""
    how, v, m, u = vector["dynamics"], *[torch.zeros_like(w)] * 3
    if how["kind"] == "adagrad":
        u = u + how.get("initial", 0.1 if how["convention"] == "optax" else 0.0)
    for t in range(1, vector["T"] + 1):
        r = {n: x[t - 1] if n in RATES and x.ndim else x for n, x in lam.items()}
        g = torch.autograd.grad(loss(vector["objective"], w, lam, t), w, create_graph=True)[0]
        g = g + how.get("weight_decay", 0.0) * w
        if how["kind"] == "momentum":
            v = r["mu"] * v + (1.0 if t == 1 else 1 - how.get("dampening", 0.0)) * g
            g = g + r["mu"] * v if how.get("nesterov") else v
        elif how["kind"] in ("rmsprop", "adagrad"):
            u = r["beta"] * u + (1 - r["beta"]) * g * g if "beta" in r else u + g * g
            g = g / rooted(how["convention"], u, r["eps"])
        elif how["kind"] in ("adam", "adamw"):
            m, u = r["beta1"] * m + (1 - r["beta1"]) * g, r["beta2"] * u + (1 - r["beta2"]) * g * g
            m_hat, root = m / (1 - r["beta1"] ** t), 1 - r["beta2"] ** t
            g = adam(how["convention"], m_hat, u, root, r["eps"], r.get("eps_root", 0.0))
            g = g + r.get("weight_decay", 0.0) * w
        w = w - r["eta"] * g
    return w


def numbers(x):
    """Decimal strings, nested in lists, as a tensor."""
    return torch.tensor(json.loads(json.dumps(x).replace('"', "")), requires_grad=True)


def hessian(grad, leaves):
    """(m, m): the gradient of each entry of the gradient."""
    rows = []
    for entry in torch.cat([x.reshape(-1) for x in grad]):
        row = torch.autograd.grad(entry, leaves, retain_graph=True, materialize_grads=True)
        rows.append(torch.cat([x.reshape(-1) for x in row]))
    return torch.stack(rows)


def verdict(vector):
    """right, WRONG or NaN: autograd through the unrolled loop against the certified digits."""
    lam, w0 = {n: numbers(x) for n, x in vector["lambda"].items()}, numbers(vector["w0"])
    f = loss(vector["error"], train(vector, w0, lam), lam, vector["T"])
    leaves = {**lam, "w0": w0} if vector.get("learn_w0") else lam
    found = torch.autograd.grad(f, (*leaves.values(),), create_graph=True)
    pairs = [(x, numbers(vector["grad"][n])) for n, x in zip(leaves, found, strict=True)]
    if "hessian" in vector:
        pairs += [(hessian(found, (*leaves.values(),)), numbers(vector["hessian"]))]
    if any(x.isnan().any() for x in found):
        return "NaN"
    return "right" if all(torch.allclose(*pair, 1e-11, 1e-13) for pair in pairs) else "WRONG"


if __name__ == "__main__":
    for path in sorted(Path(sys.argv[1]).glob("*.json")):
        print(f"{path.stem:28} {verdict(json.loads(path.read_text()))}")
