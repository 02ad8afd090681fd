"""The zone tree: build, edit, seek, scan, diff, merge. Pure and iterative, over a `NodeSource`."""
