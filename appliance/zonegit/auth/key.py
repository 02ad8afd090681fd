"""A shared secret of `/v0` and what it permits. Its `repr` never shows the secret."""

import hashlib
import hmac
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from zonegit.auth.scope import Scope
from zonegit.model.refs import RefKind

MIN_SECRET: Final = 32
"""Bytes."""


class State(StrEnum):
    """`accept`: servers accept it. `sign`: clients sign with it too. `retired`: known, but refused."""

    ACCEPT = "accept"
    SIGN = "sign"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class Key:
    """One key. Requests and responses are signed with two keys derived from the secret, so that neither can be
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
    """SHA-256 of the DER of the required TLS client certificate, lowercase hex; empty: any or none."""

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
        """Whether it permits this verb for any zone at all."""
        return any(scope.verb == verb for scope in self.scopes)

    def allows_all(self, verb: str) -> bool:
        """Whether it permits this verb for every branch and tag of every zone."""
        return any(scope.verb == verb and scope.covers(".") for scope in self.scopes)

    def allows_ref(self, verb: str, kind: str, zone: str, name: str) -> bool:
        """Whether it permits this verb for a branch or tag (`kind` as in `RefKind`) of the zone with this name."""
        branch = name if kind in (RefKind.HEAD, RefKind.PUBLISHED) else None
        return any(scope.verb == verb and scope.covers(zone, branch) for scope in self.scopes)
