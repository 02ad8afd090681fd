"""Sign a zone: signatures, the chain of denial, the zone's digest (RFC 4034, 4035, 5155, 8976, 9077).

No I/O, and no clock: keys, times and the serial are arguments. It shares nothing with the code of `zonegit.dnssec`
that verifies signed zones.
"""
