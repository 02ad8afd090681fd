"""What a validator would say of a signed zone: signatures, their times and keys, and the chain that denies names.

No I/O, and no clock: the time is an argument.
"""
