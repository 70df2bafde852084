# %% answer_1
v, w = np.split(end, 2)
alpha_v, alpha_w = np.split(row, 2)
answer_1 = np.zeros(2)
for t in range(20, 0, -1):
    v_next, (v, w) = v, undone(v, w, eta, mu)
    alpha_v = alpha_v - eta * alpha_w
    answer_1 += -alpha_w @ v_next, alpha_v @ v
    alpha_v, alpha_w = mu * alpha_v, alpha_w + J.grad_vjp(t, w, {}, alpha_v)[0]

# %% answer_2
alpha_v, alpha_w = np.split(row, 2)
answer_2 = np.zeros(2)
for t in range(120, 0, -1):
    if t % 10 == 0:
        v, w = np.split(tenth[t // 10], 2)
    v_next, (v, w) = v, undone(v, w, eta, mu)
    alpha_v = alpha_v - eta * alpha_w
    answer_2 += -alpha_w @ v_next, alpha_v @ v
    alpha_v, alpha_w = mu * alpha_v, alpha_w + J.grad_vjp(t, w, {}, alpha_v)[0]
