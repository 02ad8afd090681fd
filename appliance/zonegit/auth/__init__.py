"""Authentication for `/v0`: keys, the HMAC scheme, replay window, failure budget. Sans-IO; the clock is given."""
