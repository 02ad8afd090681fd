"""Sockets: UDP and TCP for DNS, HTTP for replication and metrics. Nothing is decided here."""
