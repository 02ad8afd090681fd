"""What dig and kdig print around the records of a transfer (RFC 5936), so that their output reads as a zone file.

Each message of a signed transfer (RFC 8945) leaves a TSIG record among those of the zone. An incomplete transfer
looks like a smaller zone. So a transfer is recognised by a comment of the client or by such a TSIG record, and
must be complete: it ends with the SOA, or with dig's count of records, which is all that `dig +onesoa` prints.
Output without comments (`dig +noall +answer`) can't be told from a zone file.
"""

import re
from collections.abc import Callable
from typing import Final

from zonegit.errors import ZoneFileError

MESSAGE_SIGNATURE: Final = re.compile(
    r"(?:[0-9][0-9A-Za-z]*+[ \t]+)?+(?:ANY[ \t]+)?+TSIG[ \t]", re.ASCII | re.IGNORECASE
).match
"""Matches what follows an owner if it is a message's TSIG record, which is no data of the zone."""
_SIGN: Final = re.compile(
    # dig's first line
    r"; <<>> (?P<dig>DiG \S+) <<>> (?:.* )?(?:-t)?(?P<type>AXFR|TYPE252|IXFR=[0-9]+)(?: .*)?\Z"
    r"|;; (?:AXFR|IXFR) for \S+\.\Z"  # kdig's first line; its errors go to stderr
    r"|;; (?:communications error|Connection) to \S+#[0-9]+"
    r"|;; no servers could be reached\Z"
    r"|; Transfer failed\.\Z",
    re.IGNORECASE,
).match
_ERROR: Final = re.compile(r";; ERROR: (server replied with error '[A-Z0-9]+')\Z").match  # kdig's, on stderr
_WHOLE: Final = re.compile(r";; XFR size: [0-9]+ records \(messages [0-9]+, bytes [0-9]+\)\Z").match


class Transfer:
    """Recognises the output of a transfer, and whether it is complete."""

    def __init__(self) -> None:
        self._sign = ""
        self._error = ""
        self._whole = False
        self._soas = 0
        self._records = 0

    def comment(self, line: str) -> None:
        """A line that is a comment."""
        if not line.startswith(";"):
            return
        text = line.rstrip()
        if sign := _SIGN(text):
            # never dig's whole command line, which may hold the secret of a key
            self._sign = f"{sign['dig']} {sign['type']}" if sign["dig"] else text.strip("; ")
            self._whole = False
        elif error := _ERROR(text):
            self._error = error[1]
        elif _WHOLE(text):
            self._whole = True

    def signature(self) -> None:
        """A TSIG record, which only a transfer has."""
        self._sign = self._sign or "it has TSIG records"

    def soa(self, records: Callable[[], int]) -> None:
        """A SOA at the apex; `records` counts what was taken before it."""
        self._soas += 1
        if self._soas == 2:  # its last record, in a transfer
            self._records = records() + 1

    def check(self, name: str, records: Callable[[], int]) -> None:
        """`ZoneFileError` if this is a transfer that failed or is incomplete."""
        if not self._sign or self._whole or (self._soas == 2 and self._records == records()):
            return
        said = (self._error or self._sign)[:80]
        if not self._soas:
            raise ZoneFileError(f"{name}: the transfer failed ({said}): no SOA came; the client's messages say why")
        raise ZoneFileError(
            f"{name}: the transfer is incomplete ({said}): it doesn't end with its SOA; repeat it, "
            "or delete what shows that it is a transfer if the file is whole"
        )
