"""Objects verified on insert, refs with compare-and-swap, reflog, ref index, served views, fsck."""
