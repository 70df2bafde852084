# %% answer_1
eta = descent.unpack(rates)["eta"]
ws = list(descent.states(descent.unpack(rates)))
alpha, answer_1 = descent.error_grad(10, ws[10], rates)[0], np.zeros(10)
for t in range(10, 0, -1):
    w = ws[t - 1]
    answer_1[t - 1] = -alpha @ J.grad(t, w, {})
    alpha = alpha - eta[t - 1] * J.grad_vjp(t, w, {}, alpha)[0]

# %% answer_2
states = list(heavy.states(heavy.unpack(point)))
eta, mu = point
alpha_v, alpha_w = np.split(heavy.error_grad(12, states[12], point)[0], 2)
answer_2 = np.zeros(2)
for t in range(12, 0, -1):
    (v, w), (v_next, _) = np.split(states[t - 1], 2), np.split(states[t], 2)
    alpha_v = alpha_v - eta * alpha_w
    answer_2 += -alpha_w @ v_next, alpha_v @ v
    alpha_v, alpha_w = mu * alpha_v, alpha_w + J.grad_vjp(t, w, {}, alpha_v)[0]
