# %% answer_1
mu = 1 / (1 + np.exp(-1.5))
without = hgref.Problem(hgref.Momentum(J), E, T=20)
g_1 = hgref.reverse(without, {"eta": 0.1, "mu": mu, "l2": 0.01})
answer_1 = {"mu": g_1["mu"] * mu * (1 - mu)}

# %% answer_2
values, vectors = np.linalg.eigh(at_start)
step = -vectors @ (vectors.T @ in_theta.grad / np.abs(values))
moved = start + step
answer_2 = hgref.reverse(problem, moved).grad
