"""Compare the paper's two recursions with related methods that it names, on one problem.

The methods are forward mode; reverse mode that stores every linearised step, only checkpoints, or
no states (reversible learning); reverse mode over the last K steps (truncated); and the limit of
infinitely many steps (implicit gradients). A table shows what each method computes, how exactly,
and at what cost. A second figure shows how fast reverse mode converges to the implicit gradient.
"""
