"""Data hyper-cleaning (section 5.1): a weight for each training example, learned by REVERSE-HG.

Half of the training labels are wrong. Every example i has a hyperparameter λ_i in [0, 1]. The λ
with Σλ_i ≤ R that minimises the error on clean validation data is 0 at the wrong labels.   (PHO)
"""
