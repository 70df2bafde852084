# %% answer_1
run = problem_1.at(lam)
s, Z = run.start(), np.zeros((problem_1.d, 2))
for t in range(1, 41):
    step = run.at(t, s)
    s, Z = step.value, step.jvp(Z, {"eta": np.eye(2)[0], "mu": np.eye(2)[1]})
    if t % 5 == 0:
        answer_1 = run.error_grad(t, s)[0] @ Z

# %% answer_2
run = problem_2.at({"eta": eta, "mu": mu})
states = list(run.states())
a_v, a_w = np.split(run.error_grad(60, states[60])[0], 2)
answer_2 = {"eta": np.zeros(60), "mu": np.zeros(60)}
for t in range(60, 0, -1):
    (v, w), g = np.split(states[t - 1], 2), J_2.grad(t, np.split(states[t - 1], 2)[1], {})
    a_v = a_v - eta[t - 1] * a_w
    answer_2["eta"][t - 1] = -a_w @ (mu[t - 1] * v + g)
    answer_2["mu"][t - 1] = a_v @ v
    a_v, a_w = mu[t - 1] * a_v, a_w + J_2.grad_vjp(t, w, {}, a_v)[0]
