"""The rules of `routes`: which branch of a zone a client is answered from.

    client.subnet in ["192.0.2.0/24", "2001:db8::/32"] and not (time.hour >= 8 and time.hour < 18)

A text is split into tokens (`lexer`), read as a tree (`parser`), given types (`checker`) and made a function of
facts (`evaluate`). The language is total: an expression has no loop, does no I/O, and its cost is bounded by its
size. Logic is three-valued: a test of a missing fact is missing, so is its `not`, and a rule matches only if its
expression is true.
"""
