# %% answer_1
s = [s_0]
for x_t in x:
    s.append(np.tanh(W @ s[-1] + U @ x_t + b))
alpha, dW, dU, db = row(s[T]), 0 * W, 0 * U, 0 * b
for t in range(T, 0, -1):
    delta = alpha * (1 - s[t] ** 2)
    dW, dU, db = dW + np.outer(delta, s[t - 1]), dU + np.outer(delta, x[t - 1]), db + delta
    alpha = delta @ W
answer_1 = {"W": dW, "U": dU, "b": db, "w0": alpha}

# %% answer_2
s, Z = np.zeros(h), np.zeros((h, h))
for x_t in x:
    s = np.tanh(1.2 * W @ s + U @ x_t + b)
    Z = (1 - s**2)[:, None] * (1.2 * W @ Z + np.eye(h))
answer_2 = {"b": row(s) @ Z}
