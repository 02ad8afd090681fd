"""The items of the table `views` (`store.views`), made of a tree's entries in groups: a large zone has millions."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Final

from zonegit.model.rrset import RRKey
from zonegit.store.layout import seal
from zonegit.store.tables import Item
from zonegit.tree.version import BLOCK_ITEM, block_item, block_items

_AT_ONCE: Final = 1_000
_LARGE: Final = 4096
"""Bytes of a block beyond which it stays in the tree."""


def row_groups(
    held: Iterable[tuple[RRKey, bytes]],
    prefix: bytes,
    serial: int,
    counted: Callable[[int], None] = lambda rrsets: None,
    at_once: int = _AT_ONCE,
) -> Iterator[list[Item]]:
    """The items that show a tree's entries, in key order. `prefix` is that of their view; the SOA gets `serial`.

    A group is made of about `at_once` entries, 1,000 at most: no owner's are torn apart. `counted` gets the number
    of entries in each.
    """
    following = iter(held)
    at_once = min(at_once, _AT_ONCE)
    rest: list[tuple[RRKey, bytes]] = []
    while part := rest + list(islice(following, at_once)):
        at = _last_owner(part) if len(part) > len(rest) else len(part)
        rest = part[at:]
        if at:
            counted(at)
            yield _rows(part[:at], prefix, serial)


def shortened(block: bytes) -> bytes:
    """A block as the view holds it: a large one is replaced by an item with its numbers of records and bytes."""
    if len(block) <= _LARGE:
        return block
    return BLOCK_ITEM.pack(0, sum(records for _, records, _ in block_items(block)), len(block))


def _last_owner(part: list[tuple[RRKey, bytes]]) -> int:
    """Where the entries of the last owner begin."""
    at = len(part) - 1
    owner = part[at][0][:-3]
    while at and part[at - 1][0][:-3] == owner:
        at -= 1
    return at


def _rows(entries: list[tuple[RRKey, bytes]], prefix: bytes, serial: int) -> list[Item]:
    """The items of whole owners, at least one."""
    found: list[Item] = []
    here = entries[0][0][:-3]
    block = b""
    for key, payload in entries:
        owner = key[:-3]
        if owner == here:
            block += block_item(payload, serial)
            continue
        found.append(_row(prefix + here, block))
        here, block = owner, block_item(payload, serial)
    found.append(_row(prefix + here, block))
    return found


def _row(key: bytes, block: bytes) -> Item:
    return key, seal(key, shortened(block))
