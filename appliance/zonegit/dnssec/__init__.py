"""Signed zones. The files directly here are a validator's verdict on one: signatures, keys, times, denial.

Inner rooms: `signing/` makes signed versions and shares nothing with the code that verifies; `proving/` judges what
changed between two of them; `rollover/` says which keys a zone has and when one may replace another.

No I/O, and no clock: the time is an argument.
"""
