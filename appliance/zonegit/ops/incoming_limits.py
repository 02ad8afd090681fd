"""The bounds of transfers from primaries in zonegitd's configuration, as the `zonegit` command reads them."""

from pathlib import Path

from zonegit.dns.incoming.bounds import BOUNDS, Bounds
from zonegit.errors import ConfigError
from zonegit.ops import bounds
from zonegit.ops.own_config import settings_for


def configured(repo: Path, service: Path) -> Bounds:
    """The bounds for a repository. `ConfigError` if the setting is invalid."""
    path, data = settings_for(repo, service, b"incoming_limits")
    dns = data.get("dns", {})
    value = dns.get("incoming_limits") if isinstance(dns, dict) else None
    if value is None:
        return BOUNDS
    try:
        found = bounds.incoming(value)
    except ConfigError as error:
        raise ConfigError(f"{path}: [dns.incoming_limits]: {error}") from None
    return found if isinstance(found, Bounds) else BOUNDS
