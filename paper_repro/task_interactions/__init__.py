"""Section 5.2: learn how tasks are related; the relations are hyperparameters."""
