"""Where the experiments find their data, and the readers of its file formats."""
