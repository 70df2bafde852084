# %% answer_1
w = [np.zeros(3)]
for t in range(1, T + 1):
    w.append(w[-1] - eta / 12 * A[:12].T @ (weights * (A[:12] @ w[-1] - b[:12])))
alpha, total = A[12:].T @ (A[12:] @ w[T] - b[12:]) / 8, np.zeros(12)
for t in range(T, 0, -1):
    total -= eta / 12 * (A[:12] @ alpha) * (A[:12] @ w[t - 1] - b[:12])
    alpha = alpha - eta / 12 * A[:12].T @ (weights * (A[:12] @ alpha))
answer_1 = {"weights": total}

# %% answer_2
w, B = [np.zeros(3)], 4
for t in range(1, T + 1):
    i = batches[t - 1]
    w.append(w[-1] - eta / B * A[i].T @ (weights[i] * (A[i] @ w[-1] - b[i])))
alpha, total = A[12:].T @ (A[12:] @ w[T] - b[12:]) / 8, np.zeros(12)
for t in range(T, 0, -1):
    i = batches[t - 1]
    total[i] -= eta / B * (A[i] @ alpha) * (A[i] @ w[t - 1] - b[i])
    alpha = alpha - eta / B * A[i].T @ (weights[i] * (A[i] @ alpha))
answer_2 = {"weights": total}
