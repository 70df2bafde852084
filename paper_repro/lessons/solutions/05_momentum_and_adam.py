# %% answer_1
eta, mu = 0.5, 0.8
a_v, a_w = np.split(row, 2)
answer_1 = np.zeros(2)
for t in range(15, 0, -1):
    (v, w), (v_next, _) = np.split(states[t - 1], 2), np.split(states[t], 2)
    g = J_1.grad(t, w, {})
    pulled = a_v - eta * mu * a_w  # cotangent of v'
    answer_1 += -a_w @ (g + mu * v_next), pulled @ v - eta * a_w @ v_next
    a_v, a_w = mu * pulled, a_w + J_1.grad_vjp(t, w, {}, pulled - eta * a_w)[0]

# %% answer_2
eta, beta2, eps, t = 0.1, 0.99, 1e-6, np.arange(1, 11)[:, None]
q = (1 - beta2**t) ** 0.5
dq = -t * beta2 ** (t - 1) / (2 * q)

D = c_2**2 * q**2 + eps
terms = -c_2 * q / D**0.5, 0, -eta * c_2 * eps / D**1.5 * dq, eta * c_2 * q / (2 * D**1.5)
answer_2 = [np.sum(term) for term in terms]
