"""A report card of public libraries: each of them runs hgref's test vectors."""
