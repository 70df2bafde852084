"""The response surface f(λ) of a small network, and two ways down it.

λ = (L2, η), the penalty on the weights and the learning rate. One way takes a full hypergradient
(REVERSE-HG) at each hyper-iteration, the other changes λ while a single run trains (RTHO).
"""
