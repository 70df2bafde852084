"""Each feature of the vectors matters: a consumer without it fails at least one of them."""

import json
import types

import pytest

from hgref.verify.vectors.vector import DATA, shipped

MUTANTS = [
    # the losses
    ("w @ A @ w / 2 - b @ w", "w @ A @ w - b @ w"),
    ("w @ A @ w / 2 - b @ w", "w @ A @ w / 2"),
    ("w @ A @ w / 2 - b @ w", "w @ A @ w / 2 + b @ w"),
    ('(lam[term.get("name", "l2")] * w * w).sum() / 2', '(lam["l2"] * w * w).sum() / 2'),
    ('* w * w).sum() / 2', '* w * w).sum()'),
    ('* w * w).sum() / 2', '* w * w).mean() / 2'),
    ('* w * w).sum() / 2', '* w.detach() * w).sum()'),
    ('torch.tensor(term.get("centre", 0.0))', "0.0"),
    ('torch.tensor(term.get("centre", 0.0))', 'torch.tensor(term["X"]).mean(0)'),
    ('term["batches"][t - 1]', 'term["batches"][t % len(term["batches"])]'),
    ('term["batches"][t - 1]', 'term["batches"][-t]'),
    ('term["batches"][t - 1]', 'term["batches"][0]'),
    ('term["batches"][t - 1] if "batches" in term else range(len(y))', "range(len(y))"),
    ('lam["weights"][rows]', 'lam["weights"][: len(rows)]'),
    ('lam["weights"][rows] if term.get("example_weights") else 1.0', "1.0"),
    ("(weights * each).mean()", "(weights * each).sum()"),
    ("(weights * each).mean()", "(weights * each).sum() / len(y)"),
    ("(weights * each).mean()", "(weights * each / (0 * each + weights).sum()).sum()"),
    ("(weights * each).mean()", "each.mean()"),
    # the models
    ('[*term.get("hidden", []), last]', "[last]"),
    ('term.get("classes", 1)', '2'),
    ('reshape(width, -1)', 'reshape(-1, width).T'),
    ('term.get("bias", True)', "True"),
    ('term.get("bias", True)', "False"),
    ("X.tanh() if len(w) else X", "X"),
    ("X.tanh() if len(w) else X", "X.tanh()"),
    ("X.tanh() if len(w) else X", "X.relu() if len(w) else X"),
    ("(z[:, 0] - y) ** 2 / 2", "(z[:, 0] - y) ** 2"),
    ("softplus(z[:, 0]) - y * z[:, 0]", "softplus(z[:, 0])"),
    ("softplus(z[:, 0]) - y * z[:, 0]", "softplus(-z[:, 0]) - y * z[:, 0]"),
    ("softplus(z[:, 0]) - y * z[:, 0]", "softplus(-(2 * y - 1) * z[:, 0]) * 2"),
    ('reduction="none")', 'reduction="none", label_smoothing=0.1)'),
    # Adam
    ("u / root + eps_root", "u / root"),
    ("u / root + eps_root", "u + eps_root"),
    (".sqrt() + eps)\n    return m_hat", ".sqrt())\n    return m_hat"),
    ('if convention in ("torch", "optax"):', 'if convention == "torch":'),
    ('if convention in ("torch", "optax"):', 'if convention == "optax":'),
    ('if convention in ("torch", "optax"):', "if True:"),
    ("m_hat * root.sqrt()", "m_hat"),
    ('u.sqrt() + eps if convention == "tf1"', 'u.sqrt() + eps if convention == "paper"'),
    ('u.sqrt() + eps if convention == "tf1" else (u + eps).sqrt()', "u.sqrt() + eps"),
    ('m / (1 - r["beta1"] ** t)', "m"),
    ('m / (1 - r["beta1"] ** t)', 'm / (1 - r["beta1"] ** (t + 1))'),
    ('m / (1 - r["beta1"] ** t)', 'm / (1 - r["beta1"].detach() ** t)'),
    ('1 - r["beta2"] ** t', 'torch.tensor(1.0)'),
    ('1 - r["beta2"] ** t', '1 - r["beta2"].detach() ** t'),
    ('(1 - r["beta1"]) * g, r["beta2"]', 'g, r["beta2"]'),
    ('(1 - r["beta2"]) * g * g\n        m_hat', 'g * g\n        m_hat'),
    ('r.get("weight_decay", 0.0) * w\n    return', "0.0 * w\n    return"),
    ('r.get("weight_decay", 0.0) * w\n    return',
     'r.get("weight_decay", 0.0) * w.data\n    return'),
    # RMSProp, AdaGrad
    ('(u + eps).sqrt() if convention == "optax" else u.sqrt() + eps', "u.sqrt() + eps"),
    ('(u + eps).sqrt() if convention == "optax" else u.sqrt() + eps', "(u + eps).sqrt()"),
    ('how.get("initial", 0.1 if how.get("convention") == "optax" else 0.0)', "0.0"),
    ('how.get("initial", 0.1 if how.get("convention") == "optax" else 0.0)', "0.1"),
    ('(1 - r["beta"]) * g * g if', "g * g if"),
    ('if "beta" in r else u + g * g', 'if "beta" in r else g * g'),
    # momentum
    ('how.get("weight_decay", 0.0) * w\n    if', "0.0 * w\n    if"),
    ('1 - how.get("dampening", 0.0)', "1.0"),
    ('(1.0 if t == 1 else 1 - how.get("dampening", 0.0))', '(1 - how.get("dampening", 0.0))'),
    ('v = r["mu"] * v +', "v = v +"),
    ('v = r["mu"] * v +', 'v = r["mu"].detach() * v +'),
    ('v = r["mu"] * v +', 'v = r["mu"] * v.detach() +'),
    ('g + r["mu"] * v if how.get("nesterov") else v', "v"),
    ('g + r["mu"] * v if how.get("nesterov") else v', 'g + r["mu"] * v'),
    # the run
    ('x[t - 1] if n in RATES', "x[0] if n in RATES"),
    ('x[t - 1] if n in RATES', "x[-t] if n in RATES"),
    ('x[t - 1] if n in RATES', "x.mean() if n in RATES"),
    ('range(1, vector["T"] + 1):\n        if', 'range(1, vector["T"]):\n        if'),
    ("create_graph=True)[0]", "create_graph=True)[0].detach()"),
    ('return w - r["eta"] * g,', 'return w - r["eta"].detach() * g,'),
    ('if vector.get("learn_w0") else theta', "if False else theta"),
    # clipping
    ('inner * factor if by_norm', "inner * factor.detach() if by_norm"),
    ('inner * factor if by_norm', "inner if by_norm"),
    ('lam["clip"] / inner.norm()', 'lam["clip"] / inner.norm().detach()'),
    ('lam["clip"] / inner.norm()', 'lam["clip"].detach() / inner.norm()'),
    (', max=1.0)', ")"),
    ('inner.clamp(-lam["clip"], lam["clip"])', 'inner.clamp(max=lam["clip"])'),
    ('inner.clamp(-lam["clip"], lam["clip"])', "inner"),
    ('term.get("by", "norm") == "norm"', "True"),
    ('term.get("by", "norm") == "norm"', "False"),
    ('field(term["of"], w, lam, t)', 'field(term["of"], w.detach().requires_grad_(), lam, t)'),
    # lambda as a function of theta
    ('getattr(torch, kinds[n])(x) if n in kinds else x', "x"),
    ('getattr(torch, kinds[n])(x)', "torch.exp(x)"),
    ('getattr(torch, kinds[n])(x)', "torch.sigmoid(x)"),
    ('getattr(torch, kinds[n])(x)', "getattr(torch, kinds[n])(x.detach()) * (x / x.detach())"),
    # the truncated gradient
    ('vector["T"] - K + 1', 'vector["T"] - K'),
    ('vector["T"] - K + 1', 'vector["T"] - K + 2'),
    ('x.detach().requires_grad_() for x in state', "x for x in state"),
    ('x.detach().requires_grad_() for x in state', "state[0].detach(), *state[1:]"),
    # in real time
    ("if t % every == 0", "if t % every == 1"),
    ("now[n] - rate * g", "now[n] - 2 * rate * g"),
    ("now[n] - rate * g", "now[n] + rate * g"),
    ("now[n] + shift[n] for n in names", "theta[n] + shift[n] for n in names"),
    ('w0 + shift["w0"] if "w0" in shift else w0', "w0"),
    ("points.append(now)", "state = [x.detach() + 0 * w0.sum() for x in state]; points += [now]"),
    ('E = loss(vector["error"], state[0]', 'E = loss(vector["error"], state[0].detach()'),
]  # fmt: skip


@pytest.fixture(scope="module")
def vectors():
    """Without their Hessians, which take most of the time, and small files first."""
    files = sorted(shipped().values(), key=lambda path: path.stat().st_size)
    every = [json.loads(path.read_text(encoding="utf-8")) for path in files]
    return [{name: x for name, x in one.items() if name != "hessian"} for one in every]


def verdicts(source, vectors):
    """Of a consumer with that text, until one is not right; a crash is as good as one."""
    consumer = types.ModuleType("consumer")
    exec(compile(source, "consumer.py", "exec"), consumer.__dict__)
    for vector in vectors:
        try:
            yield consumer.verdict(vector)
        except Exception:
            yield "crash"


@pytest.mark.parametrize(("old", "new"), MUTANTS)
def test_a_consumer_without_a_feature_fails(old, new, vectors):
    """NaN is autodiff's own: a mutant must be wrong on a vector that the consumer gets right."""
    pytest.importorskip("torch")
    text = (DATA.parent / "consumer.py").read_text(encoding="utf-8")
    assert text.count(old) == 1, old
    found = verdicts(text.replace(old, new), vectors)
    assert any(verdict in ("WRONG", "crash") for verdict in found)
