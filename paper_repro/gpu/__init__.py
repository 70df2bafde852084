"""Check hgref.fast.cuda on this machine's GPU, then time it."""
