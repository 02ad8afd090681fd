"""The way down from a zone's apex to a name, as owner keys."""

from typing import cast

from zonegit.model.names import OwnerKey, WireName


def is_below(name: bytes, apex: bytes) -> bool:
    """Whether a lowercase wire name is `apex` or below it."""
    if not name.endswith(apex):
        return False
    cut = len(name) - len(apex)
    at = 0
    while at < cut:
        at += 1 + name[at]
    return at == cut


def path(name: WireName, apex: WireName) -> list[tuple[OwnerKey, int]]:
    """Each owner from the one below the apex down to `name`: its key, and where it starts in `name`."""
    starts = []
    at = 0
    cut = len(name) - len(apex)
    while at < cut:
        starts.append(at)
        at += 1 + name[at]
    key = b""
    found = []
    for start in reversed(starts):
        label = name[start + 1 : start + 1 + name[start]]
        if 0 in label or 1 in label:  # integers: a byte string is first tried as one, for ten times the time
            label = label.replace(b"\1", b"\1\2").replace(b"\0", b"\1\1")
        key += label + b"\0"
        found.append((key, start))
    return cast(list[tuple[OwnerKey, int]], found)  # a call of `OwnerKey` for each would take a third of the time
