"""Replication without I/O: frames, what is missing, the server's answers, the client's session."""
