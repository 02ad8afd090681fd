"""Zones of a peer's that are not taken up as the peer has them now, and why, for whoever reports on it."""

import json
from collections.abc import Mapping
from typing import Final

from zonegit.store.port import Reader, Writer

_SETTING: Final = "left-out"


def zones_left_out(reader: Reader) -> dict[str, dict[str, str]]:
    """By peer and zone, the reasons."""
    value = reader.setting(_SETTING)
    table: dict[str, dict[str, str]] = json.loads(value) if value else {}
    return table


def set_left_out(writer: Writer, peer: str, zones: Mapping[str, str]) -> None:
    """Note those of one peer."""
    known = zones_left_out(writer)
    if known.get(peer, {}) == zones:
        return
    table = {name: dict(sorted(noted.items())) for name, noted in sorted({**known, peer: zones}.items()) if noted}
    writer.set_setting(_SETTING, json.dumps(table).encode() if table else None)
