"""A signed request on its way to another node, and what that one's door says to it."""

from simulation.laws import LawBroken
from simulation.network import Exchange, Way
from zonegit.auth.gate import Grant
from zonegit.auth.scheme import Call
from zonegit.errors import NotAuthorised

LATE = frozenset(("clock_skew", "throttled"))
"""Why a request may be refused that is on its way for long, or that a wrong clock signed."""


def granted(way: Way, call: Call, body: bytes, verb: str = "read") -> Exchange[Grant | None]:
    """Send it; what was granted. A wrong clock is corrected once, by the server's."""
    here, there = way.here.door, way.there.door
    for _ in range(2):
        signed = here.sign(way.there.name, call, body)
        if not (yield way.asking):
            return None
        verdict = there.check(call, signed, body, verb)
        if isinstance(verdict, Grant):
            if way.rng.random() < 0.1 and isinstance(there.check(call, signed, body, verb), Grant):
                raise LawBroken(f"{way.there.name} took a request of {way.here.name} twice")
            return verdict
        if verdict.result not in LATE and abs(signed.stage - there.stage) <= 1:
            raise LawBroken(f"{way.there.name} refused {way.here.name} at its door: {verdict.result}")
        if not (yield way.answer) or verdict.server_time is None:
            return None
        try:
            here.signer(way.there.name).correct(verdict.server_time)
        except NotAuthorised:
            return None
    return None
