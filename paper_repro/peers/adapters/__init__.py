"""One adapter for each library; it runs a vector as the library's own documentation shows."""
