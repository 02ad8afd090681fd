"""What dig and kdig print round the records of a transfer (RFC 5936), so that their output reads as a zone file.

Each message of a signed transfer (RFC 8945) leaves a TSIG record between those of the zone. A transfer that broke
off looks like a smaller zone; what shows it is a comment, and that the SOA doesn't stand at its end again.
"""

import re
from collections.abc import Callable
from typing import Final

from zonegit.errors import ZoneFileError

MESSAGE_SIGNATURE: Final = re.compile(
    r"(?:[0-9][0-9A-Za-z]*+[ \t]+)?+(?:ANY[ \t]+)?+TSIG[ \t]", re.ASCII | re.IGNORECASE
).match
"""Whether what stands behind an owner is the signature of a message, which is no data of the zone."""
_SIGN: Final = re.compile(
    r";; AXFR for \S+\.\Z"  # kdig's first line; its errors go to stderr
    r"|;; (?:communications error|Connection) to \S+#[0-9]+"
    r"|;; no servers could be reached\Z"
    r"|; Transfer failed\.\Z"
).match


class Transfer:
    """Notices that a file is the output of a transfer, and whether that came to its end."""

    def __init__(self) -> None:
        self._sign = ""
        self._soas = 0
        self._records = 0

    def comment(self, line: str) -> None:
        """A line that is a comment."""
        if line.startswith(";") and _SIGN(line.rstrip()):
            self._sign = line.strip("; \n")

    def soa(self, records: Callable[[], int]) -> None:
        """A SOA at the apex; `records` counts what was taken before it."""
        self._soas += 1
        if self._soas == 2:  # its last record, in a transfer
            self._records = records() + 1

    def check(self, name: str, records: Callable[[], int]) -> None:
        """`ZoneFileError` if this is a transfer that failed or broke off."""
        if not self._sign or (self._soas == 2 and self._records == records()):
            return
        if not self._soas:
            raise ZoneFileError(f"{name}: the transfer failed ({self._sign[:80]})")
        raise ZoneFileError(
            f"{name}: the transfer broke off ({self._sign[:80]}): it doesn't end with its SOA; repeat it, "
            "or delete that comment if the file is whole"
        )
