"""Section 5.3: the states of phones, with a secondary task and hyperparameters in real time."""
