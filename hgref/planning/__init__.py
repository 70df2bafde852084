"""What a hypergradient costs before it is computed: bytes and seconds of each way to it.

| file      | what it knows                                                            |
|-----------|--------------------------------------------------------------------------|
| sizes     | a problem in numbers, of a Problem or on paper                           |
| passes    | how hgref.fast.cpu divides a pass over the data, and its scratch memory  |
| memory    | bytes of each algorithm                                                  |
| rates     | how quick a machine is                                                   |
| seconds   | how long a step, Z_t and α_t take at those rates                         |
| way, plan | the ways beside each other, and the quickest that fits                   |
"""
