"""The request that passes an UPDATE message on: `POST /v0/update` (RFC 2136 §6, docs/protocol.md).

The body is the message as its sender signed it, and so is that of the answer.
"""

from typing import Final

PATH: Final = "/v0/update"
DNS_TYPE: Final = "application/dns-message"
"""The type of both bodies (RFC 8484 §6)."""
UPDATE_BODY: Final = 65_535
"""The most bytes of each."""
