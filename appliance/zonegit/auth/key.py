"""A shared secret of `/v0` and what may be done with it. Refuses to be printed: `repr` holds no secret."""

import hashlib
import hmac
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from zonegit.auth.scope import Scope

MIN_SECRET: Final = 32
"""Bytes."""


class State(StrEnum):
    """`accept`: servers take it. `sign`: clients sign with it too. `retired`: known, and refused."""

    ACCEPT = "accept"
    SIGN = "sign"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class Key:
    """One key. Requests and responses are signed by two keys derived from the secret, so that none can be
    reflected as the other."""

    kid: str
    request: bytes = field(repr=False)
    response: bytes = field(repr=False)
    state: State = State.ACCEPT
    scopes: tuple[Scope, ...] = ()
    not_before: float | None = None
    """Unix seconds."""
    not_after: float | None = None
    client_cert: str = ""
    """SHA-256 of the DER of the only TLS client certificate that it may come with, lowercase hex; empty: any."""

    @classmethod
    def derive(
        cls,
        kid: str,
        secret: bytes,
        *,
        state: State = State.ACCEPT,
        scopes: tuple[Scope, ...] = (),
        not_before: float | None = None,
        not_after: float | None = None,
        client_cert: str = "",
    ) -> "Key":
        """The key of a shared secret."""
        return cls(
            kid,
            hmac.digest(secret, b"zonegit/v0 request", hashlib.sha256),
            hmac.digest(secret, b"zonegit/v0 response", hashlib.sha256),
            state,
            scopes,
            not_before,
            not_after,
            client_cert,
        )

    def valid(self, now: float) -> bool:
        """Whether it may be used at this time."""
        return (
            self.state is not State.RETIRED
            and (self.not_before is None or self.not_before <= now)
            and (self.not_after is None or now < self.not_after)
        )

    def allows(self, verb: str) -> bool:
        """Whether it may do this at all, to some zone."""
        return any(scope.verb == verb for scope in self.scopes)

    def allows_zone(self, verb: str, zone: str) -> bool:
        """Whether it may do this to the zone with this canonical name."""
        return any(scope.verb == verb and scope.covers(zone) for scope in self.scopes)
