"""One line in the log for each request of `/v0` that is over, where the configuration asks for it.

    request kid=k2026a method=GET route=refs status=200 bytes=812 ms=1.4 source=192.0.2.7

`kid` is the key that the request named if there is such a key here, `bytes` the size of the answer's body, `ms` the
time to its end. Nothing else is repeated of what a client sends: no path, no header, no signature.
"""

import logging
from typing import Final

from zonegit.ops import log

NOBODY: Final = "-"

_logger: Final = logging.getLogger(__name__)


def tell(*, kid: str, method: str, route: str, status: int, size: int, seconds: float, source: str) -> None:
    """Log a request. `kid` is empty for a key that isn't known, `method` and `route` are from bounded sets."""
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
