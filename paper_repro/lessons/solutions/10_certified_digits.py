# %% answer_1
with precision(100):
    Hb, bb, eta, mu = balls(H), balls(b), flint.arb(0.25), flint.arb(0.75)
    path = [(balls(np.zeros(2)), balls(np.zeros(2)))]
    for _ in range(6):
        v, w = path[-1]
        path.append(hgref.laws.momentum_step(v, w, Hb @ w - bb, eta, mu, 1, 0, 0))
    b_v, b_w, total = 0 * w, path[6][1], np.array([0, 0])
    for v, w in path[5::-1]:
        cotangents = hgref.laws.momentum_vjp(v, w, Hb @ w - bb, eta, mu, 1, 0, 0, b_v, b_w)
        b_v, b_w, b_g, b_eta, b_mu = cotangents
        b_w, total = b_w + b_g @ Hb, total + np.array([b_eta.sum(), b_mu.sum()])
answer_1 = [float(x.mid()) for x in total]

# %% answer_2
exact = np.vectorize(Fraction, otypes=[object])
eta, l2, zero = Fraction(1, 4), Fraction(1, 8), exact(np.zeros(2))
slopes = []
for deta, dl2 in ((1, 0), (0, 1)):
    w, dw = zero, zero
    for _ in range(6):
        g = exact(H) @ w + l2 * w - exact(b)
        dg = exact(H) @ dw + l2 * dw + w * dl2
        w, dw = hgref.laws.gd_step(w, g, eta), hgref.laws.gd_jvp(g, eta, dw, dg, deta)
    slopes.append(float(w @ dw))
answer_2 = slopes
