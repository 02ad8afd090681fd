"""Which keys a zone has, and how one replaces another without a validator noticing (RFC 6781, 7583, 8078).

No I/O, and no clock: what was published and what the parent says are arguments.
"""
