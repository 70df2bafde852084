"""One file for each library: the vector, posed as the library's own documentation shows."""
