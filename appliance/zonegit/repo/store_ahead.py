"""Stores the objects of a large version before the transaction that moves its ref."""

from typing import Final

from zonegit.repo.context import Context
from zonegit.zonefile.progress import Report, silent

_GROUP: Final = 10_000
"""The most objects that are stored in one transaction."""


def store_ahead(context: Context, objects: list[bytes], report: Report = silent) -> list[bytes]:
    """Store a large draft's objects in groups, so that others can write in between; returns the last group."""
    at = 0
    while len(objects) - at > _GROUP:
        with context.store.write() as writer:
            writer.insert(objects[at : at + _GROUP])
        at += _GROUP
        report(at / len(objects))
    return objects[at:]
