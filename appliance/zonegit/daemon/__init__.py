"""The `zonegitd` command: its processes, and how they start, reload and stop."""
