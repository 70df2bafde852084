"""A recurrent network as a dynamical system: FORWARD-HG is RTRL and REVERSE-HG is BPTT.

The hidden state is s_t, the weights are λ, and the input enters through t. The figure shows both
ways to the gradient, Z_t forwards and α_t backwards, step by step. Both gradients are compared
with the literature's own loops and with finite differences.
"""
