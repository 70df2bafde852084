"""Many seeds: each (experiment, method, seed, R) is a task, run on as many workers as there are.

A task's result is a file, named by a key of all that it depends on. What exists is not run again.
"""
