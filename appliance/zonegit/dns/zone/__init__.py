"""The zones that are served, one version of a zone as a query reads it, and what reading it may cost."""
