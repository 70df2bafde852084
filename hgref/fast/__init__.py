"""The same numbers, fast. Each layer here has the functions of hgref itself, under their names."""
