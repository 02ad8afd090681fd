"""Who may talk to `/v0`: keys, the HMAC scheme, replay window, failure budget. No socket; the clock is given."""
