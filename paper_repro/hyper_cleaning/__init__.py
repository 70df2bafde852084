"""Data hyper-cleaning (section 5.1): a weight for each training example, learned by REVERSE-HG.

Half of the training labels are wrong. Every example i gets a hyperparameter λ_i in [0, 1]; the λ
with Σλ_i ≤ R that minimises the error on clean validation data sends the wrong ones to 0.   (PHO)
"""
