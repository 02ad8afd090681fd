"""Where the zones are written that are only served here: UPDATE messages for them go there (RFC 2136 §6.1)."""

from typing import NamedTuple

from zonegit.ops.config import Config
from zonegit.ops.primaries import Primary
from zonegit.repo.mirrors import mirror_setting
from zonegit.store.port import Reader


class Origin(NamedTuple):
    """Either of the two is set."""

    peer: str = ""
    """The name of the zonegit node that the zone is mirrored from."""
    primaries: tuple[Primary, ...] = ()
    """The servers that the zone is transferred from."""


def origin_of(reader: Reader, config: Config, zone: str) -> Origin | None:
    """Where a zone (canonical name) comes from; None if it is written here, or not served."""
    if not config.serves(zone):
        return None
    primaries = config.zone(zone).primaries
    if primaries:
        return Origin(primaries=primaries)
    peer = reader.setting(mirror_setting(zone))
    return None if peer is None else Origin(peer.decode(errors="replace"))
