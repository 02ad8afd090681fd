"""The door of `/v0`: every check of a request's authority, in their one order.

    header syntax -> key -> time -> (body size) -> body digest -> MAC
    -> key validity, and its client certificate -> time's verdict -> nonce -> scope

`begin` is everything up to the body, `finish` the rest. An unknown key id costs the same work as a known one, and
nothing is remembered of a request before its MAC has passed. What a caller is told is either the same 401 for every
reason, or, once the MAC has passed, a signed answer. A source that fails too often is told so in place of the 401;
a request that nothing is wrong with passes all the same, or whoever shares an address could lock its others out.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final

from zonegit.auth.budget import FailureBudget, source_of
from zonegit.auth.choice import Choice
from zonegit.auth.key import Key, State
from zonegit.auth.keyring import Keyring
from zonegit.auth.replay import ReplayWindow, Seen
from zonegit.auth.scheme import (
    Call,
    Credentials,
    check_request,
    good_call,
    parse_authorization,
    sign_request,
)
from zonegit.errors import NotAuthorised

TIME_WINDOW: Final = 300
"""Seconds that a request's time may be off, either way."""
BODY_SECONDS: Final = 30
"""Seconds that a request's body may take: so much older it may be when its MAC is checked."""
MAX_OFFSET: Final = 86_400
"""Seconds that a client's clock and its server's may differ for the client to correct its own."""
_AGREED: Final = TIME_WINDOW / 2
"""Seconds; a client whose own clock is this close to the server's needs no correction any more."""
_BEHIND_THE_MAC: Final = frozenset({"key_not_valid", "client_cert", "clock_skew", "replayed", "forbidden"})
_DECOY: Final = Key.derive("unknown", b"\0" * 32, state=State.RETIRED)


@dataclass(frozen=True, slots=True)
class Grant:
    """A request whose MAC has passed: what its response is signed with."""

    key: Key
    request_mac: str


@dataclass(frozen=True, slots=True)
class Pending:
    """A request whose body is still to be read."""

    call: Call
    credentials: Credentials
    key: Key
    known: bool
    in_time: bool
    source: str
    client_cert: str
    """SHA-256 of the TLS client certificate's DER, lowercase hex; empty without one."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that is turned down, and how."""

    status: int
    error: str
    """What the caller is told."""
    result: str
    """What the metrics are told."""
    kid: str = ""
    """The key's id, if it is a known one."""
    grant: Grant | None = None
    """Set when the answer is to be signed."""
    retry_after: int = 0
    server_time: int | None = None
    named: str = ""
    """The id that the caller named, known or not; empty where the header can't be read."""

    @property
    def proven(self) -> bool:
        """Whether the request's MAC was right."""
        return self.result in _BEHIND_THE_MAC


class Gate:
    """Checks requests to a server named `aud`. `keyring` may be replaced at any time, as a whole."""

    def __init__(
        self,
        aud: str,
        keyring: Keyring,
        clock: Callable[[], float],
        *,
        replay: ReplayWindow | None = None,
        budget: FailureBudget | None = None,
    ) -> None:
        self.aud = aud
        self.keyring = keyring
        self._clock = clock
        self._replay = ReplayWindow() if replay is None else replay
        self._budget = FailureBudget() if budget is None else budget

    def begin(
        self, call: Call, authorization: list[bytes], address: str, client_cert: str = ""
    ) -> Pending | Refusal:
        """Check what comes before the body. `address` is the client's IP address, `client_cert` as in `Pending`."""
        source = source_of(address)
        try:
            credentials = parse_authorization(authorization)
        except NotAuthorised:
            return self._failed(source, "syntax")
        if not good_call(call):
            return self._failed(source, "syntax")
        key = self.keyring.get(credentials.kid)
        in_time = abs(credentials.ts - self._clock()) <= TIME_WINDOW
        return Pending(call, credentials, key or _DECOY, key is not None, in_time, source, client_cert)

    def too_large(self, pending: Pending) -> Refusal:
        """The answer when the body is larger than the route takes: charged, and not signed."""
        kid = pending.key.kid if pending.known else ""
        found = self._failed(pending.source, "too_large", kid, status=413, error="body_too_large")
        return replace(found, named=pending.credentials.kid)

    def finish(self, pending: Pending, digest: bytes, verb: str) -> Grant | Refusal:
        """Check the MAC over the body's BLAKE3 digest and what may only be looked at after it."""
        found = self._checked(pending, digest, verb)
        return found if isinstance(found, Grant) else replace(found, named=pending.credentials.kid)

    def _checked(self, pending: Pending, digest: bytes, verb: str) -> Grant | Refusal:
        key = pending.key
        kid = key.kid if pending.known else ""
        right = check_request(key, pending.call, pending.credentials, aud=self.aud, digest=digest)
        if not (right and pending.known):
            return self._failed(pending.source, "mac" if pending.known else "unknown_key", kid)
        now = self._clock()
        if not key.valid(now):
            return self._failed(pending.source, "key_not_valid", kid)
        if key.client_cert and key.client_cert != pending.client_cert:
            return self._failed(pending.source, "client_cert", kid)
        grant = Grant(key, pending.credentials.mac)
        until = pending.credentials.ts + TIME_WINDOW + BODY_SECONDS
        if not (pending.in_time and now <= until):
            self._budget.fail(pending.source, now)
            return Refusal(401, "clock_skew", "clock_skew", kid, grant, server_time=int(now))
        seen = self._replay.take(kid, pending.credentials.nonce, now, until)
        if seen is Seen.REPLAYED:
            return self._failed(pending.source, "replayed", kid)
        if not key.allows(verb):
            return Refusal(403, "forbidden", "forbidden", kid, grant)
        return grant

    def _failed(
        self, source: str, result: str, kid: str = "", *, status: int = 401, error: str = "unauthorized"
    ) -> Refusal:
        """Charge the source; one that has nothing left is told when to come again, and not what for."""
        now = self._clock()
        wait = self._budget.wait(source, now)
        if wait:
            return Refusal(429, "too_many_failures", "throttled", kid, retry_after=wait)
        self._budget.fail(source, now)
        return Refusal(status, error, result, kid)


class Signer:
    """The client's half: signs requests to the server named `aud`, by a clock that can be corrected.

    A correction is kept only as long as it helps: it ends with new keys, once a signed answer shows that the
    client's own clock is right, and where it would leave no key valid.
    """

    def __init__(
        self, aud: str, keys: Key | Iterable[Key], clock: Callable[[], float], random: Callable[[int], bytes]
    ) -> None:
        """`keys`: the one key to sign with, or those to choose from (`auth.choice`)."""
        self.aud = aud
        self.offset = 0.0
        """Seconds that are added to the clock."""
        self._clock = clock
        self._random = random
        self.take(keys)

    def take(self, keys: Key | Iterable[Key]) -> None:
        """Sign with these from now on, by the client's own clock."""
        self._choice = Choice([keys] if isinstance(keys, Key) else keys)
        self.offset = 0.0

    @property
    def key(self) -> Key:
        """The key to sign the next request with. `NotAuthorised` when none is valid now.

        Where none is valid by the corrected clock, the correction is dropped: the clock may have been set since.
        """
        key = self._choice.best(self._now())
        if key is None and self.offset:
            self.offset = 0.0
            key = self._choice.best(self._now())
        if key is None:
            raise NotAuthorised(
                "no key to sign with is valid now; check this machine's clock, or write one with "
                "`zonegit key new KID --keys DIR`"
            )
        return key

    def sign(self, call: Call, digest: bytes, key: Key | None = None) -> tuple[str, str]:
        """`(Authorization header, mac)` for a body with this BLAKE3 digest; the nonce is new each time."""
        ts = int(self._now())
        return sign_request(key or self.key, call, aud=self.aud, ts=ts, nonce=self._random(16), digest=digest)

    def refused(self, key: Key) -> Key | None:
        """The server refused this key: another one to try once with the same request, if there is one."""
        return self._choice.after(key, self._now())

    def taken(self, key: Key) -> None:
        """The server took this key."""
        self._choice.taken(key)

    def correct(self, server_time: int) -> None:
        """Sign by the server's clock from now on. `NotAuthorised` when that is too far from the client's own."""
        offset = server_time - self._clock()
        if abs(offset) > MAX_OFFSET:
            raise NotAuthorised(
                f"{self.aud}'s clock and this machine's differ by {abs(offset) / 86_400:.1f} days: "
                "set the one that is wrong"
            )
        self.offset = offset

    def heard(self, server_time: int) -> None:
        """A signed answer told the server's time: drop the correction if the client's own clock agrees with it."""
        if abs(server_time - self._clock()) <= _AGREED:
            self.offset = 0.0

    def _now(self) -> float:
        return self._clock() + self.offset
