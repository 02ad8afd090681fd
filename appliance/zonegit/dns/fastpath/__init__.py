"""Answers common UDP queries from the packet's bytes to the response's bytes, without a draft.

The parts of an answer are computed once for each zone version, query shape and type. The bytes are those that the
slow path (`lookup` and `wire.encode`) would make. Everything that isn't simple is left to that.
"""
