"""One log line for each finished request of `/v0`, if the configuration asks for it.

    request kid=k2026a method=GET route=refs status=200 bytes=812 ms=1.4 source=192.0.2.7

`kid` is the key that the request named, if it exists here; `bytes` the size of the response body; `ms` the time
until its end. Nothing else that a client sends is repeated: no path, no header, no signature.
"""

import logging
from typing import Final

from zonegit.ops import log

NOBODY: Final = "-"

_logger: Final = logging.getLogger(__name__)


def log_request(*, kid: str, method: str, route: str, status: int, size: int, seconds: float, source: str) -> None:
    """Log a request. `kid` is empty for an unknown key; `method` and `route` come from bounded sets."""
    log.event(
        _logger,
        "request",
        kid=kid or NOBODY,
        method=method,
        route=route,
        status=status,
        bytes=size,
        ms=f"{seconds * 1000:.1f}",
        source=source,
    )
