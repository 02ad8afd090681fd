"""What a repository remembers of a peer: the highest (epoch, seq) that it has seen, and cursors of open transfers.

An older state is refused, because it may be a replay by an attacker on the path. So is one that is further ahead
than transactions can have moved it. A new epoch means that the peer's repository was created again or restored; an
operator has to accept it. The first contact is accepted.
"""

import json
from functools import lru_cache
from typing import Final, NamedTuple

from zonegit.errors import InvalidData, Refused
from zonegit.model.refs import check_label
from zonegit.repo.peer_status import FAILING, REFUSED, STORED
from zonegit.repo.transfers import resume_setting
from zonegit.store.port import Reader, Writer
from zonegit.sync.wire import PeerRefs

MAX_RESUME: Final = 64
MOST_MOVED: Final = 1 << 32
"""The most transactions that can have moved refs between two states of a peer: 1,000 a second for 50 days. Without
this bound a hijacked primary could show a huge number once, and every later state of the honest one would count as
older."""


class Highest(NamedTuple):
    epoch: str
    seq: int
    root: str


def highest(reader: Reader, peer: str) -> Highest | None:
    """The newest state that was accepted from a peer."""
    value = reader.setting(_highest_name(peer))
    if value is None:
        return None
    epoch, seq, root = value.decode().split(" ")
    return Highest(epoch, int(seq), root)


def check_refs(known: Highest | None, refs: PeerRefs, peer: str) -> None:
    """`Refused` if a peer shows an older state than before or one too far ahead, or is another repository."""
    if known is None:
        return
    if refs.epoch != known.epoch:
        raise Refused(
            f"{peer} is another repository than before (epoch {refs.epoch[:12]}, was {known.epoch[:12]}); "
            f"if it was restored or created again, run: zonegit peer accept-epoch {peer}"
        )
    if refs.seq < known.seq:
        wrong = f"shows an older state (seq {refs.seq}) than before (seq {known.seq})"
    elif refs.seq == known.seq and refs.root != known.root:
        wrong = f"shows two different states with the same seq {refs.seq}"
    elif refs.seq > known.seq + MOST_MOVED:
        wrong = f"shows a state (seq {refs.seq}) impossibly far ahead of the last one (seq {known.seq})"
    else:
        return
    raise Refused(
        f"{peer} {wrong}; nothing was changed. If you are sure that its state is right, "
        f"run: zonegit peer accept-epoch {peer}"
    )


def is_overtaken(reader: Reader, peer: str, refs: PeerRefs) -> bool:
    """Whether another pull has already recorded a newer state, so that this one must do nothing."""
    known = highest(reader, peer)
    return known is not None and known.epoch == refs.epoch and known.seq > refs.seq


def remember(writer: Writer, peer: str, refs: PeerRefs) -> None:
    """Record a state as the highest, and delete the cursors of transfers, since everything is here now."""
    value = f"{refs.epoch} {refs.seq} {refs.root}".encode()
    if writer.setting(_highest_name(peer)) != value:
        writer.set_setting(_highest_name(peer), value)
    if writer.setting(resume_setting(peer)) is not None:
        writer.set_setting(resume_setting(peer), None)


def accept_epoch(writer: Writer, peer: str) -> None:
    """Treat the next contact as a first one."""
    writer.set_setting(_highest_name(peer), None)


def succeeded(writer: Writer, peer: str, when: float) -> None:
    """Record that everything of the peer was here at `when` (Unix seconds): no mirrored zone has expired."""
    writer.set_setting(_success_name(peer), str(int(when)).encode())
    set_expired(writer, peer, frozenset())


def set_undecided(writer: Writer, peer: str, undecided: bool) -> None:
    """Record whether some remote-tracking ref hasn't been decided about yet: a fetch or a push has moved it.

    A later pull that gets only differences wouldn't see it (`sync.policy_pull`).
    """
    if is_undecided(writer, peer) != undecided:
        writer.set_setting(_undecided_name(peer), b"1" if undecided else None)


def is_undecided(reader: Reader, peer: str) -> bool:
    """Whether a pull has to decide about all refs that track the peer."""
    return reader.setting(_undecided_name(peer)) is not None


def last_success(reader: Reader, peer: str) -> float | None:
    """The time of the last success in Unix seconds; None if none is recorded."""
    value = reader.setting(_success_name(peer))
    return float(value) if value is not None else None


def set_expired(writer: Writer, peer: str, zones: frozenset[str]) -> None:
    """Record the zones that are mirrored from a peer and past their SOA expire."""
    value = "\n".join(sorted(zones)).encode() if zones else None
    if writer.setting(_expired_name(peer)) != value:
        writer.set_setting(_expired_name(peer), value)


def expired_zones(reader: Reader, peer: str) -> frozenset[str]:
    """The zones recorded by `set_expired`."""
    return _zones_in(reader.setting(_expired_name(peer)))


@lru_cache(maxsize=4)
def _zones_in(value: bytes | None) -> frozenset[str]:
    """Cached, because it is needed at each commit and may contain all zones."""
    return frozenset(value.decode().split("\n")) if value else frozenset()


def least_expire(reader: Reader, peer: str) -> int | None:
    """A lower bound, in seconds, of the SOA expire of all zones mirrored from this peer; None if unknown."""
    value = reader.setting(_least_name(peer))
    return None if value is None else int(value)


def set_least_expire(writer: Writer, peer: str, seconds: int) -> None:
    writer.set_setting(_least_name(peer), str(seconds).encode())


def forget(writer: Writer, peer: str) -> None:
    """Delete everything that is recorded about a peer."""
    REFUSED.set(writer, peer, frozenset())
    STORED.set(writer, peer, None)
    FAILING.set(writer, peer, None)
    for name in (_highest_name, resume_setting, _success_name, _expired_name, _least_name, _undecided_name):
        writer.set_setting(name(peer), None)


def cursors(reader: Reader, peer: str) -> dict[str, bytes]:
    """The cursors of unfinished transfers, by their labels, each after what has arrived."""
    value = reader.setting(resume_setting(peer))
    if value is None:
        return {}
    table: dict[str, str] = json.loads(value)
    return {label: bytes.fromhex(cursor) for label, cursor in table.items()}


def keep_cursors(writer: Writer, peer: str, found: dict[str, bytes]) -> None:
    """Replace the cursors. The newest come last, and at most `MAX_RESUME` are kept."""
    newest = list(found.items())[-MAX_RESUME:]
    value = json.dumps({label: cursor.hex() for label, cursor in newest}).encode() if newest else None
    writer.set_setting(resume_setting(peer), value)


def check_peer(name: str) -> str:
    """Return a peer's name; `InvalidData` if it can't be part of a ref's name."""
    try:
        return check_label(name, "peer")
    except InvalidData as error:
        raise InvalidData(f"the primary's name can't be used: {error}") from None


def _highest_name(peer: str) -> str:
    return f"peer/{peer}/highest"


def _success_name(peer: str) -> str:
    return f"peer/{peer}/success"


def _expired_name(peer: str) -> str:
    return f"peer/{peer}/expired"


def _least_name(peer: str) -> str:
    return f"peer/{peer}/least-expire"


def _undecided_name(peer: str) -> str:
    return f"peer/{peer}/undecided"
