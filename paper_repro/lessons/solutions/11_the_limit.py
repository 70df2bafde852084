# %% answer_1
w_1 = np.linalg.solve(H_each, X.T @ y / 30)
q_1 = np.linalg.solve(H_each, Xv.T @ (Xv @ w_1 - yv) / 20)
answer_1 = {"l2": -q_1 * w_1}

# %% answer_2
w_2 = np.zeros(4)
for _ in range(100):
    w_2 = w_2 - eta * (H_each @ w_2 - X.T @ y / 30)
u, q_2 = Xv.T @ (Xv @ w_2 - yv) / 20, np.zeros(4)
for _ in range(100):
    q_2, u = q_2 + eta * u, u - eta * (H_each @ u)
answer_2 = {"l2": -q_2 * w_2}
