# %% answer_1
eta, beta1, eps, h = 0.1, 0.9, 0.25, 2.0
dm, dw = 0.0, 1.0
for t in (1, 2, 3):
    dm = beta1 * dm + (1 - beta1) * h * dw
    dw = dw - eta * dm / (1 - beta1**t) / eps
answer_1 = {"w0": [0.5 * dw]}

# %% answer_2
X32, y32, V32, far32 = (x.astype(np.float32) for x in (X, y, X_val, far))
eta, five, w = np.float32(0.0625), np.float32(5), [np.zeros(21, np.float32)]
for batch in batches:
    Xb = X32[batch]
    w.append(w[-1] - eta * (Xb.T @ (Xb @ w[-1] - y32[batch]) / five))
alpha, total = V32.T @ (V32 @ (w[300] - far32)) / np.float32(400), np.float32(0)
for t in range(300, 0, -1):
    Xb, yb = X32[batches[t - 1]], y32[batches[t - 1]]
    total -= alpha @ (Xb.T @ (Xb @ w[t - 1] - yb) / five)
    alpha = alpha - eta * (Xb.T @ (Xb @ alpha) / five)
answer_2 = {"eta": total}
