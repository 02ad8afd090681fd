"""The message of an UPDATE's commit: what it changed."""

from collections.abc import Callable
from itertools import islice
from typing import Final

from zonegit.model.names import owner_text
from zonegit.model.rrset import RRKey, key_parts
from zonegit.repo.records import Changes
from zonegit.zonefile.types import type_text

_SHOWN: Final = 3
_LONGEST: Final = 100


def message_of(changes: Changes, before: Callable[[RRKey], bytes | None], updates: int) -> str:
    """`update: add _acme-challenge TXT, delete old A, change www AAAA`, of many changes the first ones.

    `updates`: the number of UPDATEs that the commit is made of; more than one is said in a line of its own.
    """
    parts = [_part(key, before(key), new) for key, new in islice(sorted(changes.items()), _SHOWN)]
    more = len(changes) - _SHOWN
    subject = f"update: {', '.join(parts) or 'SOA serial'}" + (f" and {more:,} more" if more > 0 else "")
    return f"{subject}\n\n{updates:,} UPDATE messages\n" if updates > 1 else f"{subject}\n"


def _part(key: RRKey, old: bytes | None, new: bytes | None) -> str:
    owner, rtype = key_parts(key)
    text = owner_text(owner)
    shown = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
    return f"{'add' if old is None else 'delete' if new is None else 'change'} {shown} {type_text(rtype)}"
