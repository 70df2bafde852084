# %% answer_1
x = {n: torch.as_tensor(value, dtype=torch.float64) for n, value in point.items()}
ws, vs = [x["w0"].reshape(4, 3)], [torch.zeros(4, 3, dtype=torch.float64)]
for _ in range(T):
    vs.append(x["mu"] * vs[-1] + gradient(ws[-1]) + x["l2"] * ws[-1])
    ws.append(ws[-1] - x["eta"] * vs[-1])
a_w, a_v = torch.func.grad(loss)(ws[T], slice(40, 60)), torch.zeros(4, 3, dtype=torch.float64)
answer_1 = {"eta": 0, "mu": 0, "l2": 0}
for t in range(T, 0, -1):
    a_v = a_v - x["eta"] * a_w
    answer_1["eta"] -= (a_w * vs[t]).sum()
    answer_1["mu"] += (a_v * vs[t - 1]).sum()
    answer_1["l2"] += (a_v * ws[t - 1]).sum()
    uH = torch.func.vjp(gradient, ws[t - 1])[1](a_v)[0]
    a_w, a_v = a_w + uH + x["l2"] * a_v, x["mu"] * a_v
answer_1["w0"] = a_w.reshape(-1)

# %% answer_2
leaves = {n: torch.tensor(value, dtype=torch.float64) for n, value in point.items()}
w_1 = w_0 = leaves["w0"].reshape(4, 3)
v_1 = gradient(w_0) + leaves["l2"] * w_0  # as constants: alpha below is that of v_1, all ways on


def after_the_first(v):
    w = w_0 - leaves["eta"] * v
    for _ in range(2, T + 1):
        v = leaves["mu"] * v + gradient(w) + leaves["l2"] * w
        w = w - leaves["eta"] * v
    return loss(w, slice(40, 60))


alpha = torch.func.grad(after_the_first)(v_1)
lost = torch.func.vjp(gradient, w_0)[1](alpha)[0] + leaves["l2"] * alpha
answer_2 = {"w0": detached + lost.reshape(-1)}
