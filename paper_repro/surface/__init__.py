"""The response surface f(λ) of a small network, and two ways to descend it.

λ = (L2, η) are the penalty on the weights and the learning rate. One way computes a full
hypergradient (REVERSE-HG) at each hyper-iteration; the other changes λ during a single training
run (RTHO).
"""
