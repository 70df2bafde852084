"""What hgref.fast.cuda does on this machine's GPU: checks first, then times."""
