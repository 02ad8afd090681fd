"""Authenticates and authorises the requests of `/v0`. The checks run in this order:

    header syntax -> key -> time -> (body size) -> body digest -> MAC
    -> key validity, and its client certificate -> time's verdict -> nonce -> scope

`begin` runs those up to the body, `finish` the rest. An unknown key id costs the same work as a known one, and no
state is kept of a request before its MAC has passed. A caller gets the same 401 for every reason or, once the MAC
has passed, a signed answer. A source that fails too often gets 429 instead of 401; a valid request still passes, so
that nobody can lock out others who share an address.
"""

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

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
"""Seconds that a request's body may take; the request may be that much older when its MAC is checked."""
MAX_OFFSET: Final = 86_400
"""Largest difference in seconds between the clocks of client and server that a client corrects."""
_AGREED: Final = TIME_WINDOW / 2
"""A client whose clock is within this many seconds of the server's drops its correction."""
_BEHIND_THE_MAC: Final = frozenset({"key_not_valid", "client_cert", "clock_skew", "replayed", "forbidden"})
_DECOY: Final = Key.derive("unknown", b"\0" * 32, state=State.RETIRED)


class Grant(NamedTuple):
    """A request whose MAC has passed: what is needed to sign its response."""

    key: Key
    request_mac: str
    nonce: str = ""
    until: int = 0
    """When the request expires, in Unix seconds."""


class Pending(NamedTuple):
    """A request whose body is still to be read."""

    call: Call
    credentials: Credentials
    key: Key
    known: bool
    in_time: bool
    source: str
    client_cert: str
    """SHA-256 of the TLS client certificate's DER, lowercase hex; empty without one."""


class Refusal(NamedTuple):
    """A refused request, and how it is refused."""

    status: int
    error: str
    """The error code in the answer."""
    result: str
    """The result in the metrics."""
    kid: str = ""
    """The key's id, if it is a known one."""
    grant: Grant | None = None
    """Set when the answer is to be signed."""
    retry_after: int = 0
    server_time: int | None = None
    named: str = ""
    """The id that the caller named, known or not; empty if the header can't be parsed."""

    @property
    def proven(self) -> bool:
        """Whether the request's MAC was valid."""
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
        """Run the checks before the body. `address` is the client's IP address, `client_cert` as in `Pending`."""
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
        """The answer to a body larger than the route accepts: charged, and not signed."""
        kid = pending.key.kid if pending.known else ""
        found = self._failed(pending.source, "too_large", kid, status=413, error="body_too_large")
        return found._replace(named=pending.credentials.kid)

    def finish(self, pending: Pending, digest: bytes, verb: str) -> Grant | Refusal:
        """Check the MAC over the body's BLAKE3 digest, and what may only be checked after it."""
        found = self._checked(pending, digest, verb)
        return found if isinstance(found, Grant) else found._replace(named=pending.credentials.kid)

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
        until = pending.credentials.ts + TIME_WINDOW + BODY_SECONDS
        grant = Grant(key, pending.credentials.mac, pending.credentials.nonce, until)
        if not (pending.in_time and now <= until):
            self._budget.fail(pending.source, now)
            return Refusal(401, "clock_skew", "clock_skew", kid, grant, server_time=int(now))
        seen = self._replay.remember(kid, pending.credentials.nonce, now, until)
        if seen is Seen.REPLAYED:
            return self._failed(pending.source, "replayed", kid)
        if not key.allows(verb):
            return Refusal(403, "forbidden", "forbidden", kid, grant)
        return grant

    def replayed(self, kid: str, address: str) -> Refusal:
        """The answer to a request that passed all checks here, but was already accepted by another process."""
        return self._failed(source_of(address), "replayed", kid)

    def _failed(
        self, source: str, result: str, kid: str = "", *, status: int = 401, error: str = "unauthorized"
    ) -> Refusal:
        """Charge the source; one whose budget is used up gets only the time when to retry, and no reason."""
        now = self._clock()
        wait = self._budget.wait(source, now)
        if wait:
            return Refusal(429, "too_many_failures", "throttled", kid, retry_after=wait)
        self._budget.fail(source, now)
        return Refusal(status, error, result, kid)


class Signer:
    """The client's side: signs requests to the server named `aud`, by a clock that can be corrected.

    A correction is dropped when it no longer helps: with new keys, once a signed answer shows that the client's own
    clock is right, and if no key would be valid with it.
    """

    def __init__(
        self, aud: str, keys: Key | Iterable[Key], clock: Callable[[], float], random: Callable[[int], bytes]
    ) -> None:
        """`keys`: the one key to sign with, or those to choose from (`auth.choice`)."""
        self.aud = aud
        self.offset = 0.0
        """Seconds added to the clock."""
        self._clock = clock
        self._random = random
        self.use_keys(keys)

    def use_keys(self, keys: Key | Iterable[Key]) -> None:
        """Sign with these keys from now on, by the client's own clock."""
        self._choice = Choice([keys] if isinstance(keys, Key) else keys)
        self.offset = 0.0

    @property
    def key(self) -> Key:
        """The key to sign the next request with. `NotAuthorised` if none is valid now.

        If none is valid by the corrected clock, the correction is dropped: the clock may have been set since.
        """
        key = self._choice.best(self._now())
        if key is None and self.offset:
            self.offset = 0.0
            key = self._choice.best(self._now())
        if key is None:
            raise NotAuthorised(
                "no key to sign with is valid now; check this machine's clock, or write a new key with "
                "`zonegit key new KID --keys DIR`"
            )
        return key

    def sign(self, call: Call, digest: bytes, key: Key | None = None) -> tuple[str, str]:
        """`(Authorization header, mac)` for a body with this BLAKE3 digest; the nonce is new each time."""
        ts = int(self._now())
        return sign_request(key or self.key, call, aud=self.aud, ts=ts, nonce=self._random(16), digest=digest)

    def refused(self, key: Key) -> Key | None:
        """The server refused this key: another one to retry the request with once; None if there is none."""
        return self._choice.after(key, self._now())

    def accepted(self, key: Key) -> None:
        """The server accepted this key."""
        self._choice.accepted(key)

    def correct(self, server_time: int) -> None:
        """Sign by the server's clock from now on. `NotAuthorised` if it differs too much from the client's own."""
        offset = server_time - self._clock()
        if abs(offset) > MAX_OFFSET:
            raise NotAuthorised(
                f"the clocks of {self.aud} and this machine differ by {abs(offset) / 86_400:.1f} days: "
                "correct the wrong one"
            )
        self.offset = offset

    def heard(self, server_time: int) -> None:
        """Take the server's time from a signed answer: drop the correction if the client's own clock agrees."""
        if abs(server_time - self._clock()) <= _AGREED:
            self.offset = 0.0

    def _now(self) -> float:
        return self._clock() + self.offset
