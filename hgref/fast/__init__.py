"""The fast layers: each has functions of hgref, under the same names, with the same results."""
