"""A report card of public libraries: hgref's test vectors, posed to each of them."""
