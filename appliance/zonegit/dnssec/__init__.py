"""A validator's verdict on a signed zone: its signatures, their times and keys, and the chain of denial.

No I/O, and no clock: the time is an argument.
"""
