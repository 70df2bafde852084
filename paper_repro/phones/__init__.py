"""Section 5.3: classify phone states with a secondary task; hyperparameters change in real time."""
