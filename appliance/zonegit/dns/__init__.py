"""Answering, sans-IO: query bytes, transport, client and zone versions in; response bytes out."""
