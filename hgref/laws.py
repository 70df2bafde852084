"""The laws of single coordinates: inner dynamics, losses, activations and penalties.

Most dynamics update each weight on its own once g = ∇J_t(w_{t-1}) is known; losses and activations
act on each example and unit on its own once the linear maps have been applied. So each law below is
plain arithmetic on scalars, for one coordinate at one step. The same function broadcasts over
NumPy arrays (all columns of Z at once), runs on complex, arbitrary-precision and ball-arithmetic
numbers, and can be compiled for a processor or a kernel. Therefore a law

* is a leaf: it imports nothing and calls no other law;
* has no branch that depends on its data (`r == 0` enters as the number 0 or 1);
* is written only here: code that needs the derivative calls it.

Names: `d…` is a tangent, `b_…` a cotangent. The law of a dynamics is three functions:

    *_step(…)   the new state from the state, g and the numbers of the step (η, μ, c1 …)
    *_jvp(…)    one row of A_t ds + B_t dλ
    *_vjp(…)    one coordinate's share of (α_t A_t, α_t B_t) (11); the caller adds these up

hgref.dynamics.coordinatewise passes the arguments by the names of the parameters. A vjp returns
the cotangents of its jvp's tangents, in the same order.
"""

# --- gradient descent:  w' = w - η g -------------------------------------------------------------


def gd_step(w, g, eta):
    """w' = w - η g."""
    return w - eta * g


def gd_jvp(g, eta, dw, dg, deta):
    """dw' = dw - η dg - g dη."""
    return dw - eta * dg - g * deta


def gd_vjp(g, eta, b_w):
    """(b_w, b_g, b_eta) from the cotangent b_w of w'."""
    return b_w, -eta * b_w, -g * b_w


# --- momentum:  h = g + δ w,  v' = μ v + κ h,  w' = w - η (v'  or, nesterov,  h + μ v') ----------
#
# δ is weight decay, κ is 1 - dampening (and 1 at the first step), `nesterov` is 0 or 1.


def momentum_step(v, w, g, eta, mu, keep, decay, nesterov):
    """(v', w')."""
    h = g + decay * w
    v = mu * v + keep * h
    return v, w - eta * (nesterov * h + (1 - nesterov + nesterov * mu) * v)


def momentum_jvp(v, w, g, eta, mu, keep, decay, nesterov, dv, dw, dg, deta, dmu):
    """(dv', dw')."""
    h = g + decay * w
    dh = dg + decay * dw
    v_next = mu * v + keep * h
    dv_next = mu * dv + v * dmu + keep * dh
    pull = 1 - nesterov + nesterov * mu
    move = nesterov * h + pull * v_next
    dmove = nesterov * dh + pull * dv_next + nesterov * v_next * dmu
    return dv_next, dw - eta * dmove - move * deta


def momentum_vjp(v, w, g, eta, mu, keep, decay, nesterov, b_v, b_w):
    """(b_v, b_w, b_g, b_eta, b_mu) from the cotangents b_v, b_w of v', w'."""
    h = g + decay * w
    v_next = mu * v + keep * h
    pull = 1 - nesterov + nesterov * mu
    b_move = -eta * b_w
    b_next = b_v + pull * b_move
    b_h = nesterov * b_move + keep * b_next
    b_eta = -(nesterov * h + pull * v_next) * b_w
    b_mu = v * b_next + nesterov * v_next * b_move
    return mu * b_next, b_w + decay * b_h, b_h, b_eta, b_mu


# --- Adam:  m' = β1 m + (1-β1) g,  u' = β2 u + (1-β2) g² -----------------------------------------
#            w' = (1 - η δ) w - η c1 m' / (√(c2 u' + ρ) + ε)
#
# c1 and c2 correct the bias and ρ = eps_root: with them one law covers the four conventions. δ is
# AdamW's decay, 0 for Adam.
# Where c2 u' + ρ = 0, every gradient so far was zero, so m' = 0 too. The slope of the root is
# infinite there, but it is multiplied by m' = 0: the derivative of the composed map in g is finite.
# `+ (r == 0)` divides by 1 in place of 0, and the zero factor remains. (With β2 = 0, u' forgets: m'
# may be nonzero where g = 0; the map has a kink there and no derivative.)


def adam_step(m, u, w, g, eta, beta1, beta2, c1, c2, eps, eps_root, decay):
    """(m', u', w')."""
    m = beta1 * m + (1 - beta1) * g
    u = beta2 * u + (1 - beta2) * g * g
    w = (1 - eta * decay) * w
    return m, u, w - eta * c1 * m / ((c2 * u + eps_root) ** 0.5 + eps)


def adam_jvp(
    m, u, w, g, eta, beta1, beta2, c1, c2, eps, eps_root, decay,
    dm, du, dw, dg, deta, dbeta1, dbeta2, dc1, dc2, deps, deps_root, ddecay,
):  # fmt: skip
    """(dm', du', dw')."""
    m_next = beta1 * m + (1 - beta1) * g
    u_next = beta2 * u + (1 - beta2) * g * g
    dm_next = beta1 * dm + (1 - beta1) * dg + (m - g) * dbeta1
    du_next = beta2 * du + 2 * (1 - beta2) * g * dg + (u - g * g) * dbeta2
    r = (c2 * u_next + eps_root) ** 0.5
    dr = (c2 * du_next + u_next * dc2 + deps_root) / (2 * (r + (r == 0)))
    q = m_next / (r + eps)
    dq = (dm_next - q * (dr + deps)) / (r + eps)
    dw = (1 - eta * decay) * dw - (decay * deta + eta * ddecay) * w
    return dm_next, du_next, dw - eta * c1 * dq - q * (c1 * deta + eta * dc1)


def adam_vjp(m, u, w, g, eta, beta1, beta2, c1, c2, eps, eps_root, decay, b_m, b_u, b_w):
    """(b_m, b_u, b_w, b_g, b_eta, b_beta1, b_beta2, b_c1, b_c2, b_eps, b_eps_root, b_decay)."""
    m_next = beta1 * m + (1 - beta1) * g
    u_next = beta2 * u + (1 - beta2) * g * g
    r = (c2 * u_next + eps_root) ** 0.5
    q = m_next / (r + eps)
    b_q = -eta * c1 * b_w
    b_r = -q * b_q / (r + eps)
    b_radicand = b_r / (2 * (r + (r == 0)))
    b_m_next = b_m + b_q / (r + eps)
    b_u_next = b_u + c2 * b_radicand
    b_g = (1 - beta1) * b_m_next + 2 * (1 - beta2) * g * b_u_next
    b_eta = -(c1 * q + decay * w) * b_w
    return (
        beta1 * b_m_next, beta2 * b_u_next, (1 - eta * decay) * b_w, b_g,
        b_eta, (m - g) * b_m_next, (u - g * g) * b_u_next,
        -eta * q * b_w, u_next * b_radicand, b_r, b_radicand, -eta * w * b_w,
    )  # fmt: skip


# --- Adam's bias correction, one per step: c1, c2 as functions of t, β1, β2 ----------------------
#
# Folded (paper, tf1):  c1 = √(1-β2^t) / (1-β1^t),  c2 = 1.
# Split (torch, optax): c1 = 1 / (1-β1^t),          c2 = 1 / (1-β2^t).


def adam_bias_folded(t, beta1, beta2):
    """(c1, c2) = (√(1-β2^t) / (1-β1^t), 1)."""
    return (1 - beta2**t) ** 0.5 / (1 - beta1**t), 1.0


def adam_bias_folded_jvp(t, beta1, beta2, dbeta1, dbeta2):
    """(dc1, dc2)."""
    root = (1 - beta2**t) ** 0.5
    rest = 1 - beta1**t
    droot = -t * beta2 ** (t - 1) * dbeta2 / (2 * root)
    drest = -t * beta1 ** (t - 1) * dbeta1
    return droot / rest - root * drest / (rest * rest), 0.0


def adam_bias_folded_vjp(t, beta1, beta2, b_c1, b_c2):
    """(b_beta1, b_beta2); b_c2 meets the constant c2 = 1 and has no effect."""
    root = (1 - beta2**t) ** 0.5
    rest = 1 - beta1**t
    b_beta1 = root * t * beta1 ** (t - 1) / (rest * rest) * b_c1
    return b_beta1, -t * beta2 ** (t - 1) / (2 * root * rest) * b_c1


def adam_bias_split(t, beta1, beta2):
    """(c1, c2) = (1 / (1-β1^t), 1 / (1-β2^t))."""
    return 1 / (1 - beta1**t), 1 / (1 - beta2**t)


def adam_bias_split_jvp(t, beta1, beta2, dbeta1, dbeta2):
    """(dc1, dc2)."""
    rest1, rest2 = 1 - beta1**t, 1 - beta2**t
    dc1 = t * beta1 ** (t - 1) * dbeta1 / (rest1 * rest1)
    return dc1, t * beta2 ** (t - 1) * dbeta2 / (rest2 * rest2)


def adam_bias_split_vjp(t, beta1, beta2, b_c1, b_c2):
    """(b_beta1, b_beta2)."""
    rest1, rest2 = 1 - beta1**t, 1 - beta2**t
    b_beta1 = t * beta1 ** (t - 1) / (rest1 * rest1) * b_c1
    return b_beta1, t * beta2 ** (t - 1) / (rest2 * rest2) * b_c2


# --- RMSProp, AdaGrad:  u' = κ u + (1 - a β) g²,  w' = w - η g / (√(u' + ρ) + ε) -----------------
#
# `averaged`, a, is 1 for RMSProp, where κ = β, and 0 for AdaGrad, a sum: κ = 1 and no β.
# Where u' + ρ = 0, g is zero too: `+ (r == 0)` as for Adam. Here the slope of the root is
# multiplied by g = 0, for any β.


def rms_step(u, w, g, eta, beta, averaged, eps, eps_root):
    """(u', w')."""
    u = (1 - averaged + averaged * beta) * u + (1 - averaged * beta) * g * g
    return u, w - eta * g / ((u + eps_root) ** 0.5 + eps)


def rms_jvp(
    u, g, eta, beta, averaged, eps, eps_root, du, dw, dg, deta, dbeta, deps, deps_root
):  # fmt: skip
    """(du', dw')."""
    keep, add = 1 - averaged + averaged * beta, 1 - averaged * beta
    r = (keep * u + add * g * g + eps_root) ** 0.5
    du_next = keep * du + 2 * add * g * dg + averaged * (u - g * g) * dbeta
    dr = (du_next + deps_root) / (2 * (r + (r == 0)))
    q = g / (r + eps)
    dq = (dg - q * (dr + deps)) / (r + eps)
    return du_next, dw - eta * dq - q * deta


def rms_vjp(u, g, eta, beta, averaged, eps, eps_root, b_u, b_w):
    """(b_u, b_w, b_g, b_eta, b_beta, b_eps, b_eps_root)."""
    keep, add = 1 - averaged + averaged * beta, 1 - averaged * beta
    r = (keep * u + add * g * g + eps_root) ** 0.5
    q = g / (r + eps)
    b_q = -eta * b_w
    b_r = -q * b_q / (r + eps)
    b_radicand = b_r / (2 * (r + (r == 0)))
    b_next = b_u + b_radicand
    b_g = b_q / (r + eps) + 2 * add * g * b_next
    b_beta = averaged * (u - g * g) * b_next
    return keep * b_next, b_w, b_g, -q * b_w, b_beta, b_r, b_radicand


# --- Lion:  w' = (1 - η δ) w - η sign(β1 m + (1-β1) g),  m' = β2 m + (1-β2) g --------------------
#
# The sign is piecewise constant, so w' depends on m, g and β1 only through jumps, and their
# tangents and cotangents get a factor 0. On complex steps the real part decides the sign.


def lion_step(m, w, g, eta, beta1, beta2, decay):
    """(m', w')."""
    c = beta1 * m + (1 - beta1) * g
    sign = 1.0 * (c.real > 0) - 1.0 * (c.real < 0)
    return beta2 * m + (1 - beta2) * g, (1 - eta * decay) * w - eta * sign


def lion_jvp(m, w, g, eta, beta1, beta2, decay, dm, dw, dg, deta, dbeta2, ddecay):
    """(dm', dw')."""
    c = beta1 * m + (1 - beta1) * g
    sign = 1.0 * (c.real > 0) - 1.0 * (c.real < 0)
    dm_next = beta2 * dm + (1 - beta2) * dg + (m - g) * dbeta2
    return dm_next, (1 - eta * decay) * dw - (decay * w + sign) * deta - eta * w * ddecay


def lion_vjp(m, w, g, eta, beta1, beta2, decay, b_m, b_w):
    """(b_m, b_w, b_g, b_eta, b_beta2, b_decay)."""
    c = beta1 * m + (1 - beta1) * g
    sign = 1.0 * (c.real > 0) - 1.0 * (c.real < 0)
    b_eta = -(decay * w + sign) * b_w
    return (
        beta2 * b_m,
        (1 - eta * decay) * b_w,
        (1 - beta2) * b_m,
        b_eta,
        (m - g) * b_m,
        -eta * w * b_w,
    )


# --- proximal steps:  x = w - η g, then the minimum of a penalty beside ½ (w' - x)² --------------
#
# Soft (the Lasso; with l2 > 0 the elastic net): w' = (x - s η l1) / (1 + η l2) where |x| > η l1,
# s = sign x; else 0. Box: x, at least lo and at most hi. On complex steps the real parts decide.


def soft_step(w, g, eta, l1, l2):
    """w'."""
    x, bound = w - eta * g, eta * l1
    s = 1.0 * (x.real > bound.real) - 1.0 * (-x.real > bound.real)
    return s * s * (x - s * bound) / (1 + eta * l2)


def soft_jvp(w, g, eta, l1, l2, dw, dg, deta, dl1, dl2):
    """dw'."""
    x, bound = w - eta * g, eta * l1
    s = 1.0 * (x.real > bound.real) - 1.0 * (-x.real > bound.real)
    slope = s * s / (1 + eta * l2)
    dx = dw - eta * dg - g * deta
    dbound = l1 * deta + eta * dl1
    return slope * (dx - s * dbound - slope * (x - s * bound) * (l2 * deta + eta * dl2))


def soft_vjp(w, g, eta, l1, l2, b_w):
    """(b_w, b_g, b_eta, b_l1, b_l2) from the cotangent b_w of w'."""
    x, bound = w - eta * g, eta * l1
    s = 1.0 * (x.real > bound.real) - 1.0 * (-x.real > bound.real)
    slope = s * s / (1 + eta * l2)
    b_x, moved = slope * b_w, slope * (x - s * bound)
    return b_x, -eta * b_x, -(g + s * l1 + moved * l2) * b_x, -s * eta * b_x, -moved * eta * b_x


def box_step(w, g, eta, lo, hi):
    """w'."""
    x = w - eta * g
    below, above = 1.0 * (x.real < lo.real), 1.0 * (x.real > hi.real)
    return below * lo + (1 - below) * (above * hi + (1 - above) * x)


def box_jvp(w, g, eta, lo, hi, dw, dg, deta, dlo, dhi):
    """dw'."""
    x = w - eta * g
    below, above = 1.0 * (x.real < lo.real), 1.0 * (x.real > hi.real)
    return below * dlo + (1 - below) * (above * dhi + (1 - above) * (dw - eta * dg - g * deta))


def box_vjp(w, g, eta, lo, hi, b_w):
    """(b_w, b_g, b_eta, b_lo, b_hi) from the cotangent b_w of w'."""
    x = w - eta * g
    below, above = 1.0 * (x.real < lo.real), 1.0 * (x.real > hi.real)
    b_x = (1 - below) * (1 - above) * b_w
    return b_x, -eta * b_x, -g * b_x, below * b_w, (1 - below) * above * b_w


# --- losses:  ℓ(z, y) of one output:  r = ∂ℓ/∂z,  C dz = (∂²ℓ/∂z²) dz ---------------------------
#
# Squares, two classes and softmax: r = P - y, where P(z) is the predicted mean of y.
# Squares: P = z.  Two classes: P = σ(z), with Q = σ(-z) = 1 - P computed separately to avoid
# cancellation.  Softmax: P_k = e^{z_k} / Σ_j e^{z_j}, and mean = Σ_j P_j dz_j.
# Huber, with e = z - y and a threshold δ: ½ e² for |e| <= δ, δ (|e| - ½ δ) beyond. `inside` is
# 1 or 0; on complex steps the real parts decide.


def residual(P, y):
    """r = P - y, for the losses that have a P."""
    return P - y


def squares_curvature(dz):
    """C dz = dz."""
    return dz


def logistic_curvature(P, Q, dz):
    """C dz = P Q dz."""
    return P * Q * dz


def softmax_curvature(P, dz, mean):
    """C dz = P (dz - mean)."""
    return P * (dz - mean)


def huber_value(e, threshold):
    """(ℓ, ∂ℓ/∂δ)."""
    sign = 1.0 * (e.real > 0) - 1.0 * (e.real < 0)
    inside = 1.0 * (sign * e.real <= threshold.real)
    outside = (1 - inside) * (sign * e - threshold)
    return inside * e * e / 2 + threshold * (outside + (1 - inside) * threshold / 2), outside


def huber_residual(e, threshold):
    """r = e for |e| <= δ, ±δ beyond."""
    sign = 1.0 * (e.real > 0) - 1.0 * (e.real < 0)
    inside = 1.0 * (sign * e.real <= threshold.real)
    return inside * e + (1 - inside) * sign * threshold


def huber_curvature(e, threshold, dz, dthreshold):
    """C dz + (∂r/∂δ) dδ."""
    sign = 1.0 * (e.real > 0) - 1.0 * (e.real < 0)
    inside = 1.0 * (sign * e.real <= threshold.real)
    return inside * dz + (1 - inside) * sign * dthreshold


def huber_share(e, threshold, b_r):
    """The cotangent of δ from that of r."""
    sign = 1.0 * (e.real > 0) - 1.0 * (e.real < 0)
    inside = 1.0 * (sign * e.real <= threshold.real)
    return (1 - inside) * sign * b_r


# --- activations:  h = a(z), slope a'(z), bend a''(z) --------------------------------------------
#
# Softplus: h = log(1 + e^z), with P = σ(z), Q = σ(-z).  At its kink z = 0 relu has slope 0; on
# complex steps the real part of z decides on which side it is.


def tanh_slope(h):
    """1 - h², from h = tanh(z)."""
    return 1 - h * h


def tanh_bend(h):
    """-2 h (1 - h²)."""
    return -2 * h * (1 - h * h)


def softplus_slope(P):
    """σ(z)."""
    return P


def softplus_bend(P, Q):
    """σ(z) σ(-z)."""
    return P * Q


def relu(z):
    """max(z, 0); its bend is 0."""
    return z * (z.real > 0)


def relu_slope(z):
    """1 where z > 0, else 0."""
    return 1.0 * (z.real > 0)


# --- one unit of a hidden layer:  h = a(z), its slope and bend given -----------------------------


def hidden_jvp(slope, dz):
    """dh."""
    return slope * dz


def hidden_vjp(slope, b_h):
    """b_z from the cotangent b_h of h."""
    return slope * b_h


def hidden_vjp_jvp(slope, bend, dz, b_h, db_h):
    """db_z: the tangent of hidden_vjp, including that of the slope."""
    return slope * db_h + bend * dz * b_h


# --- the weight c of an example times its residual r:  c r ---------------------------------------


def weighted(c, r):
    """c r."""
    return c * r


def weighted_jvp(c, r, dr, dc):
    """c dr + r dc."""
    return c * dr + r * dc


def weighted_vjp(c, r, b):
    """(b_r, b_c) from the cotangent b of c r."""
    return c * b, r * b


# --- L2:  Ω = ½ l2 w² ----------------------------------------------------------------------------


def l2_grad(l2, w):
    """∂Ω/∂w = l2 w."""
    return l2 * w


def l2_jvp(l2, w, dw, dl2):
    """H dw + M dl2."""
    return l2 * dw + w * dl2


def l2_vjp(l2, w, u):
    """(u H, u M)."""
    return l2 * u, w * u


# --- coupling of two tasks:  Ω = c (a - b)², and c a² with b = 0 ----------------------------------


def apart_grad(c, a, b):
    """∂Ω/∂a = 2 c (a - b); that in b is its negative."""
    return 2 * c * (a - b)


def apart_jvp(c, a, b, da, db, dc):
    """The tangent of apart_grad."""
    return 2 * c * (da - db) + 2 * (a - b) * dc


def apart_vjp(c, a, b, u_a, u_b):
    """(share of a, share of c) of a cotangent u_a of ∂Ω/∂a and u_b of ∂Ω/∂b."""
    return 2 * c * (u_a - u_b), 2 * (a - b) * (u_a - u_b)
