"""Zones that a mirror doesn't follow because they are this repository's own, kept for whoever reports on it."""

import json
from typing import Final

from zonegit.store.port import Reader, Writer

_SETTING: Final = "refused"


def refused_zones(reader: Reader) -> dict[str, frozenset[str]]:
    """By peer, the zones of it that are not followed because they are this repository's own."""
    value = reader.setting(_SETTING)
    table: dict[str, list[str]] = json.loads(value) if value else {}
    return {peer: frozenset(zones) for peer, zones in table.items()}


def set_refused(writer: Writer, peer: str, zones: frozenset[str]) -> None:
    """Note those of one peer."""
    known = refused_zones(writer)
    if known.get(peer, frozenset()) == zones:
        return
    table = {name: sorted(noted) for name, noted in sorted({**known, peer: zones}.items()) if noted}
    writer.set_setting(_SETTING, json.dumps(table).encode() if table else None)
