"""The calculus of one coordinate: of each inner dynamics, of each loss, activation and penalty.

The dynamics act on every weight alone once g = ∇J_t(w_{t-1}) is known; losses and hidden
layers act on every example and unit alone once their linear maps have been applied. Each law below
is therefore plain arithmetic on scalars, for one coordinate at one step. The same function
broadcasts over NumPy arrays (all columns of Z at once), runs on complex, arbitrary-precision and
ball-arithmetic numbers, and can be compiled for a processor or a kernel. That is why a law

* is a leaf: it imports nothing and calls no other law;
* has no branch that depends on its data (`r == 0` enters as the number 0 or 1);
* stands here and nowhere else: whoever needs the derivative calls it.

Names: `d…` is a tangent, `b_…` a cotangent. A dynamics' `*_jvp` gives one row of A_t ds + B_t dλ,
its `*_vjp` one coordinate's share of (α_t A_t, α_t B_t) (11); the caller adds the shares of
hyperparameters.
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


# --- Adam:  m' = β1 m + (1-β1) g,  u' = β2 u + (1-β2) g²,  w' = w - η c1 m' / (√(c2 u' + ρ) + ε) -
#
# c1 and c2 correct the bias and ρ = eps_root: with them one law covers the four conventions.
# Where c2 u' + ρ = 0 every gradient so far was zero, so m' = 0 too: the slope of the root, which is
# infinite there, meets a factor m' = 0 and drops out of the composed map, whose derivative
# in g is finite. `+ (r == 0)` divides by 1 there and lets that zero factor speak. (With β2 = 0
# u' forgets: there m' may be left when g = 0, the map has a kink, and no number is right.)


def adam_step(m, u, w, g, eta, beta1, beta2, c1, c2, eps, eps_root):
    """(m', u', w')."""
    m = beta1 * m + (1 - beta1) * g
    u = beta2 * u + (1 - beta2) * g * g
    return m, u, w - eta * c1 * m / ((c2 * u + eps_root) ** 0.5 + eps)


def adam_jvp(
    m, u, g, eta, beta1, beta2, c1, c2, eps, eps_root,
    dm, du, dw, dg, deta, dbeta1, dbeta2, dc1, dc2, deps, deps_root,
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
    return dm_next, du_next, dw - eta * c1 * dq - q * (c1 * deta + eta * dc1)


def adam_vjp(m, u, g, eta, beta1, beta2, c1, c2, eps, eps_root, b_m, b_u, b_w):
    """(b_m, b_u, b_w, b_g, b_eta, b_beta1, b_beta2, b_c1, b_c2, b_eps, b_eps_root)."""
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
    b_beta1 = (m - g) * b_m_next
    b_beta2 = (u - g * g) * b_u_next
    return (
        beta1 * b_m_next, beta2 * b_u_next, b_w, b_g,
        -c1 * q * b_w, b_beta1, b_beta2, -eta * q * b_w, u_next * b_radicand, b_r, b_radicand,
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
# `averaged`, a, is 1 for RMSProp, with κ = β, and 0 for AdaGrad, which sums up: κ = 1 and no β.
# Where u' + ρ = 0 this gradient too was zero: `+ (r == 0)` as for Adam. Here g = 0 makes the
# factor of the root's slope zero with any β.


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


# --- decoupled decay:  w' = (1 - η δ) w, before a step that only adds to w -----------------------


def decay_step(w, eta, decay):
    """w' = (1 - η δ) w."""
    return (1 - eta * decay) * w


def decay_jvp(w, eta, decay, dw, deta, ddecay):
    """dw' = (1 - η δ) dw - (δ dη + η dδ) w."""
    return (1 - eta * decay) * dw - (decay * deta + eta * ddecay) * w


def decay_vjp(w, eta, decay, b_w):
    """(b_w, b_eta, b_decay) from the cotangent b_w of w'."""
    return (1 - eta * decay) * b_w, -decay * w * b_w, -eta * w * b_w


# --- losses:  ℓ(z, y) with the mean P of the prediction z:  r = ∂ℓ/∂z = P - y,  C dz = dP --------
#
# Squares: P = z.  Two classes: P = σ(z), with Q = σ(-z) = 1 - P kept apart, so that nothing
# cancels.  Softmax: P_k = e^{z_k} / Σ_j e^{z_j}, where mean = Σ_j P_j dz_j.


def residual(P, y):
    """r = P - y, for each of the three: their links are canonical."""
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


# --- activations:  h = a(z), slope a'(z), bend a''(z) --------------------------------------------
#
# Softplus: h = log(1 + e^z), with P = σ(z), Q = σ(-z).  At its kink z = 0 relu has slope 0; on
# complex steps the real part tells on which side of it z is.


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
    """db_z: the tangent of hidden_vjp, in which the slope moves as well."""
    return slope * db_h + bend * dz * b_h


# --- the weight of an example:  c r, with the residual r that it weighs --------------------------


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


# --- two tasks kept together:  Ω = c (a - b)², and c a² with b = 0 --------------------------------


def apart_grad(c, a, b):
    """∂Ω/∂a = 2 c (a - b); that in b is its negative."""
    return 2 * c * (a - b)


def apart_jvp(c, a, b, da, db, dc):
    """The tangent of apart_grad."""
    return 2 * c * (da - db) + 2 * (a - b) * dc


def apart_vjp(c, a, b, u_a, u_b):
    """(share of a, share of c) of a cotangent u_a of ∂Ω/∂a and u_b of ∂Ω/∂b."""
    return 2 * c * (u_a - u_b), 2 * (a - b) * (u_a - u_b)
