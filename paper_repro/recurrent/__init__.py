"""A recurrent network as a dynamical system: FORWARD-HG is RTRL and REVERSE-HG is BPTT.

The hidden state is s_t, the weights are λ, and the input enters through t. Both roads to the one
gradient are drawn as they fill in, Z_t forwards and α_t backwards, and both are held against the
literature's own loops and against differences.
"""
