"""The `zonegitd` command: what its processes are, and how they start, reload and stop."""
