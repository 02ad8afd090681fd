"""The types that an NSEC or NSEC3 record says are at its name (RFC 4034 §4.1.2)."""

from collections.abc import Collection, Iterable

from zonegit.zonefile.types import type_text


def types_in(bitmap: bytes) -> frozenset[int] | None:
    """The types in a bitmap; None for one that breaks the format."""
    found: set[int] = set()
    at = 0
    last = -1
    while at < len(bitmap):
        if at + 2 > len(bitmap):
            return None
        window, size = bitmap[at], bitmap[at + 1]
        at += 2
        if window <= last or not 0 < size <= 32 or at + size > len(bitmap):
            return None
        for offset, byte in enumerate(bitmap[at : at + size]):
            found.update((window << 8) + 8 * offset + bit for bit in range(8) if byte & 0x80 >> bit)
        at += size
        last = window
    return frozenset(found)


def difference(claimed: frozenset[int] | None, there: Collection[int]) -> str | None:
    """How a record's types differ from those of its name, in words; None where they don't."""
    if claimed is None:
        return "its types can't be read"
    faults = []
    if lacking := set(there) - claimed:
        faults.append(f"denies {_list(lacking)}, which exists")
    if surplus := claimed - set(there):
        faults.append(f"claims {_list(surplus)}, which doesn't exist")
    return " and ".join(faults) or None


def _list(types: Iterable[int]) -> str:
    return ", ".join(type_text(rtype) for rtype in sorted(types))
