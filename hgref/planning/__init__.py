"""What a hypergradient costs before it is computed: memory and work of each way to it.

| file   | contents                                                      |
|--------|---------------------------------------------------------------|
| sizes  | a problem in numbers, of a Problem or on paper                |
| memory | bytes that hgref.fast.cpu allocates                           |
| tape   | memory and steps of a way back with and without checkpoints   |
| timed  | seconds of a few steps, multiplied up                         |
| way    | one way; the Plan with all of them                            |
| plan   | `hgref.plan`                                                  |

Planning reports on hgref.fast.cpu and stands above it.
"""
