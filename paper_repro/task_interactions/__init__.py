"""Section 5.2: which tasks are related, learnt as hyperparameters."""
