"""Entries of a whole zone that are known to be canonical: what is built of them is stored without another look."""

from collections.abc import Sequence
from itertools import islice
from operator import ge

from zonegit.errors import InvalidObject
from zonegit.model.rrset import RRKey, check_stored, payload_key


class CanonicalEntries(tuple[tuple[RRKey, bytes], ...]):
    """Keys and stored RRsets in canonical order and form, unique, the SOA with serial 0.

    Readers make these, which bring records into this form one by one; others call `checked`.
    """

    __slots__ = ()

    @classmethod
    def checked(cls, entries: Sequence[tuple[RRKey, bytes]]) -> "CanonicalEntries":
        """These entries, looked at one by one unless that is known of them. `InvalidObject`."""
        if isinstance(entries, cls):
            return entries
        keys = [key for key, _ in entries]
        if any(map(ge, keys, islice(keys, 1, None))):
            raise InvalidObject("a zone's entries are not in canonical order")
        for key, payload in entries:
            check_stored(payload)
            if payload_key(payload) != key:
                raise InvalidObject("an entry of a zone has another key than its records")
        return cls(entries)
