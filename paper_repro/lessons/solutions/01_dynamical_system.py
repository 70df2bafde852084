# %% answer_1
s_1 = problem.step(1, s_0 := problem.start(blocks), blocks)
v, w = np.split(s_0, 2)
B_1 = np.vstack([np.c_[0 * v, v, w], np.c_[-np.split(s_1, 2)[0], -eta * v, -eta * w]])
answer_1 = single.error_grad(1, s_1, blocks)[0] @ B_1

# %% answer_2
s_1 = problem.step(1, s_0 := problem.start(blocks), blocks)
s_2 = problem.step(2, s_1, blocks)
B_1 = hgref.jacobians.B(problem, 1, s_0, lam)
A_2, B_2 = hgref.jacobians.A(problem, 2, s_1, lam), hgref.jacobians.B(problem, 2, s_1, lam)
row = double.error_grad(2, s_2, blocks)[0]
answer_2 = row @ (A_2 @ B_1 + B_2)
