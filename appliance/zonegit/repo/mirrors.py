"""Which zones are mirrored, and from which peer. The repository has one setting for each of them."""

from typing import Final

from zonegit.model.refs import RefKind, RefName, parse
from zonegit.store.port import Reader

PULLED: Final = "pull: "
"""How the reasons of a pull's moves begin in the reflog."""


def mirror_setting(zone: str) -> str:
    """The name of the setting that records which peer a zone is mirrored from."""
    return f"mirror/{zone}"


def own_policy_setting(zone: str) -> str:
    """The name of the setting that says that a zone is published by this node's own policy."""
    return f"own-policy/{zone}"


def publisher_setting(zone: str) -> str:
    """The name of the setting that records which peer publishes a zone that this node writes, too."""
    return f"publisher/{zone}"


def made_setting(zone: str) -> str:
    """The name of the setting that says that a zone is a catalog that zonegitd makes (`repo.catalog`)."""
    return f"catalog-made/{zone}"


def made_here(reader: Reader, zone: str) -> str | None:
    """Why nobody may commit to a catalog that zonegitd makes; None for any other zone."""
    if reader.setting(made_setting(zone)) is None:
        return None
    return f"{zone} is a catalog that zonegitd makes: it follows the zones here and their settings"


def has_own_policy(reader: Reader, zone: str) -> bool:
    """Whether a zone's published versions are this node's, even if its branches are a peer's."""
    return reader.setting(own_policy_setting(zone)) is not None


def follows_versions(reader: Reader, zone: str) -> bool:
    """Whether a zone's published versions are a peer's: that from which it is mirrored, or that publishes it."""
    if has_own_policy(reader, zone):
        return False
    settings = mirror_setting(zone), publisher_setting(zone)
    return any(reader.setting(setting) is not None for setting in settings)


def zones_with_own_policy(reader: Reader) -> frozenset[str]:
    """All such zones."""
    every = own_policy_setting("")
    return frozenset(name.removeprefix(every) for name, _ in reader.settings(every))


def is_gone_at_peer(reader: Reader, name: RefName) -> bool:
    """Whether a ref isn't here because the peer that it came from doesn't have it any more."""
    last = next(iter(reader.reflog(name)), None)
    return last is not None and last.new is None and last.reason.startswith(PULLED)


def mirrored_from(reader: Reader, peer: str) -> list[str]:
    """The zones that are mirrored from a peer."""
    every = mirror_setting("")
    zones = sorted(name.removeprefix(every) for name, value in reader.settings(every) if value == peer.encode())
    return [zone for zone in zones if _has_branches(reader, zone)]


def _has_branches(reader: Reader, zone: str) -> bool:
    return any(parse(name).zone == zone for name, _ in reader.refs(f"refs/{RefKind.HEAD}/{zone}/"))
