# %% answer_1
x = descent.unpack(point)
w, Z = np.zeros(12), np.zeros((12, 2))
for t in range(1, 16):
    g, dg = J.grad(t, w, x), J.grad_jvp(t, w, x, Z, {})
    dg[:, 1] += w
    Z = Z - x["eta"] * dg
    Z[:, 0] -= g
    w = w - x["eta"] * g
answer_1 = E.grad(15, w, x) @ Z

# %% answer_2
x = start.unpack(began)
w, Z = x["w0"], np.hstack([np.zeros((12, 2)), np.eye(12)])
for t in range(1, 16):
    g, dg = J.grad(t, w, x), J.grad_jvp(t, w, x, Z, {})
    dg[:, 1] += w
    Z = Z - x["eta"] * dg
    Z[:, 0] -= g
    w = w - x["eta"] * g
answer_2 = E.grad(15, w, x) @ Z
