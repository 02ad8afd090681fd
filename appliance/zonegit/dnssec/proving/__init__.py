"""The parts of `zonegit.dnssec.proof`: what may differ between two versions of a signed zone, judged one by one.

It shares code with the verifier of this room, and none with `zonegit.dnssec.signing`: a mistake there must not be
repeated here. Faults are lines of text, made one at a time, so that whoever asks can stop at any.
"""
