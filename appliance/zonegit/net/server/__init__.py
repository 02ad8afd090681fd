"""The HTTP servers: `/v0` for peers, `/metrics` for Prometheus, and the bounds on everybody who connects."""
