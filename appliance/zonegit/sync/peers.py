"""What a repository remembers of a peer: the highest (epoch, seq) it was shown, and where open transfers stand.

Going back behind the highest is refused: it may be an old state played back by somebody in between. So is going
ahead further than transactions can. A new epoch means that the peer's repository was made again or restored; an
operator has to accept it. First contact is accepted.
"""

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from zonegit.errors import InvalidData, Refused
from zonegit.model.refs import check_label
from zonegit.repo.failing import clear_failing
from zonegit.repo.refused import set_refused
from zonegit.repo.stored import set_stored
from zonegit.repo.transfers import resume_setting
from zonegit.store.port import Reader, Writer
from zonegit.sync.wire import PeerRefs

MAX_RESUME: Final = 64
MOST_MOVED: Final = 1 << 32
"""Transactions that moved refs between two states of a peer: 1,000 a second for 50 days. Whoever could show any
number once, a restored or hijacked primary, would make every later state of the honest one an older one."""


@dataclass(frozen=True, slots=True)
class Highest:
    epoch: str
    seq: int
    root: str


def highest(reader: Reader, peer: str) -> Highest | None:
    """The newest state that was taken from a peer."""
    value = reader.setting(_highest_name(peer))
    if value is None:
        return None
    epoch, seq, root = value.decode().split(" ")
    return Highest(epoch, int(seq), root)


def check_refs(known: Highest | None, refs: PeerRefs, peer: str) -> None:
    """`Refused` when a peer shows an older state than before, one too far ahead, or is another repository."""
    if known is None:
        return
    if refs.epoch != known.epoch:
        raise Refused(
            f"{peer} is another repository than before (epoch {refs.epoch[:12]}, was {known.epoch[:12]}); "
            f"if it was restored or made again, run: zonegit peer accept-epoch {peer}"
        )
    if refs.seq < known.seq:
        wrong = f"shows an older state (seq {refs.seq}) than before (seq {known.seq})"
    elif refs.seq == known.seq and refs.root != known.root:
        wrong = f"shows two states under one number (seq {refs.seq})"
    elif refs.seq > known.seq + MOST_MOVED:
        wrong = f"shows a state (seq {refs.seq}) further ahead of the last (seq {known.seq}) than any can be"
    else:
        return
    raise Refused(
        f"{peer} {wrong}; nothing was taken. If you are sure that what it shows is right, "
        f"run: zonegit peer accept-epoch {peer}"
    )


def remember(writer: Writer, peer: str, refs: PeerRefs) -> None:
    """Keep a state as the highest, and forget open transfers: nothing of it is missing any more."""
    value = f"{refs.epoch} {refs.seq} {refs.root}".encode()
    if writer.setting(_highest_name(peer)) != value:
        writer.set_setting(_highest_name(peer), value)
    if writer.setting(resume_setting(peer)) is not None:
        writer.set_setting(resume_setting(peer), None)


def accept_epoch(writer: Writer, peer: str) -> None:
    """Make the next contact a first one."""
    writer.set_setting(_highest_name(peer), None)


def succeeded(writer: Writer, peer: str, when: float) -> None:
    """All that the peer has is here as of `when` (Unix seconds): nothing that is mirrored from it is too old."""
    writer.set_setting(_success_name(peer), str(int(when)).encode())
    set_expired(writer, peer, frozenset())


def last_success(reader: Reader, peer: str) -> float | None:
    """When that was, as far as it was written down."""
    value = reader.setting(_success_name(peer))
    return float(value) if value is not None else None


def set_expired(writer: Writer, peer: str, zones: frozenset[str]) -> None:
    """Note the zones that are mirrored from a peer and past their SOA expire."""
    value = "\n".join(sorted(zones)).encode() if zones else None
    if writer.setting(_expired_name(peer)) != value:
        writer.set_setting(_expired_name(peer), value)


def expired_zones(reader: Reader, peer: str) -> frozenset[str]:
    """The zones that were noted."""
    return _zones_in(reader.setting(_expired_name(peer)))


@lru_cache(maxsize=4)
def _zones_in(value: bytes | None) -> frozenset[str]:
    """Remembered, because it is asked for at each commit and may hold all zones."""
    return frozenset(value.decode().split("\n")) if value else frozenset()


def least_expire(reader: Reader, peer: str) -> int | None:
    """Seconds that no SOA expire of a zone that is mirrored from this peer is below; None if that isn't known."""
    value = reader.setting(_least_name(peer))
    return None if value is None else int(value)


def set_least_expire(writer: Writer, peer: str, seconds: int) -> None:
    writer.set_setting(_least_name(peer), str(seconds).encode())


def forget(writer: Writer, peer: str) -> None:
    """Remember nothing of a peer."""
    set_refused(writer, peer, frozenset())
    set_stored(writer, peer, None)
    clear_failing(writer, peer)
    for name in (_highest_name, resume_setting, _success_name, _expired_name, _least_name):
        writer.set_setting(name(peer), None)


def cursors(reader: Reader, peer: str) -> dict[str, bytes]:
    """Positions behind what has arrived of transfers that didn't end, by their labels."""
    value = reader.setting(resume_setting(peer))
    if value is None:
        return {}
    table: dict[str, str] = json.loads(value)
    return {label: bytes.fromhex(cursor) for label, cursor in table.items()}


def keep_cursors(writer: Writer, peer: str, found: dict[str, bytes]) -> None:
    """Replace them. The newest stand last; only so many are kept."""
    newest = list(found.items())[-MAX_RESUME:]
    value = json.dumps({label: cursor.hex() for label, cursor in newest}).encode() if newest else None
    writer.set_setting(resume_setting(peer), value)


def check_peer(name: str) -> str:
    """A peer's name; `InvalidData` unless it can stand in a ref."""
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
