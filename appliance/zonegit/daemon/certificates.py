"""When the daemon's own certificates expire: a metric for each, and a daily log line from 14 days before.

Files are read again at each reload, and once a day. An unreadable file is reported by the reload that refuses it,
not here.
"""

import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from zonegit.ops import log
from zonegit.ops.config import Config
from zonegit.ops.samples import Samples

WARN: Final = 14 * 86_400
"""Seconds before expiry."""
AGAIN: Final = 86_400.0
"""Seconds between two checks."""

_NEVER: Final = float("inf")
_logger: Final = logging.getLogger(__name__)


def certificates(config: Config) -> Mapping[str, Path]:
    """The daemon's own certificates by their role."""
    shown = {
        "dns": config.dns.tls_cert,
        "replication": config.replication.tls_cert if config.replication else None,
        "primary": config.primary.client_cert if config.primary else None,
    }
    shown |= {f"peer {peer.name}": peer.link.client_cert for peer in config.peers if peer.link is not None}
    return {role: path for role, path in shown.items() if path is not None}


class CertificateEnds:
    """`tls_certificate_not_after_timestamp_seconds` of each; +Inf for one that is no longer configured."""

    def __init__(self, samples: Samples, clock: Callable[[], float] = time.time) -> None:
        self._samples = samples
        self._clock = clock
        self._files: Mapping[str, Path] = {}
        self._next = _NEVER

    def publish(self, config: Config) -> None:
        """Report these now, and once a day from now on."""
        gone = self._files.keys() - certificates(config).keys()
        for role in gone:
            self._samples.set("tls_certificate_not_after_timestamp_seconds", _NEVER, role=role)
        self._files = certificates(config)
        self._look()

    @property
    def wait(self) -> float | None:
        """Seconds until `turn` has something to do; None: never."""
        return max(0.0, self._next - self._clock()) if self._files else None

    def turn(self) -> None:
        """Check again, if it is time to, or the clock was set back."""
        if self._files and not 0 < self._next - self._clock() <= AGAIN:
            self._look()

    def _look(self) -> None:
        now = self._clock()
        self._next = now + AGAIN
        for role, path in self._files.items():
            end = _end(path)
            if end is None:
                continue
            self._samples.set("tls_certificate_not_after_timestamp_seconds", end, role=role)
            if end - now < WARN:
                left = f"{(end - now) / 86_400:.1f}"
                event = "a certificate expires soon" if end > now else "a certificate has expired"
                log.event(_logger, event, logging.WARNING, role=role, file=path, days=left)


def _end(path: Path) -> float | None:
    """When the first certificate of a PEM file expires, in Unix seconds; None if it can't be read."""
    from cryptography.x509 import load_pem_x509_certificates

    try:
        return load_pem_x509_certificates(path.read_bytes())[0].not_valid_after_utc.timestamp()
    except (OSError, ValueError):
        return None
