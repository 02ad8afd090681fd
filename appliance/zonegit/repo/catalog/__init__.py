"""Catalog zones (RFC 9432): a zone that lists the zones which its secondaries are to serve.

`reading` finds the members of a catalog and what breaks it, `making` makes the records of one, `listing` decides
what a catalog that this node makes lists, and `following` what the catalogs that it follows change here. None of
these does I/O. `membership` keeps in the repository which zone came from which catalog, and `producing` and
`consuming` carry out what was decided.
"""
