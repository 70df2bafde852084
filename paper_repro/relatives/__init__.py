"""The relatives that the paper names, beside its own two recursions, on one problem.

Forwards, backwards with all of the run, some of it or none kept (reversible learning), backwards
for K steps alone (truncated), and in the limit of an endless run (implicit gradients): what each of
them computes, how exactly, and what it takes. A second figure shows what the implicit gradient is
the limit of, and how fast.
"""
