# %% answer_1
eta, mu, tau = lam
a_v, a_w = np.split(row, 2)
answer_1 = np.zeros(3)
for t in range(30, 0, -1):
    v, w = np.split(states[t - 1], 2)
    g_t = J.grad(t, w, {})
    a_v, a_w, b_g, *shares = vjp(v, w, g_t, eta, mu, tau, a_v, a_w)
    a_w = a_w + J.grad_vjp(t, w, {}, b_g)[0]
    answer_1 += [np.sum(share) for share in shares]

# %% answer_2
eta, mu, tau = lam
Z_v, Z_w = np.zeros((4, 3)), np.zeros((4, 3))
for t in range(1, 31):
    v, w = (x[:, None] for x in np.split(states[t - 1], 2))
    g_t = J.grad(t, w[:, 0], {})[:, None]
    dg = J.grad_jvp(t, w[:, 0], {}, Z_w, {})
    Z_v, Z_w = jvp(v, w, g_t, eta, mu, tau, Z_v, Z_w, dg, *np.eye(3))
answer_2 = row[4:] @ Z_w
