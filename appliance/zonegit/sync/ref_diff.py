"""`POST /v0/refs/diff`: finds which of many refs differ by the buckets of the ref index, without listing all refs.

The client sends the digests of its 256 buckets, and the server answers with the refs in those that differ. Neither
side relies on memory of earlier requests: the digests are computed from the present refs. Refused: anything of the
wrong type or size, refs outside of the buckets that they were sent for, and refs out of order or repeated.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from itertools import chain, islice
from typing import Final, NamedTuple

from zonegit.errors import InvalidData
from zonegit.model.ids import ID_SIZE, ObjectId
from zonegit.model.refs import RefKind
from zonegit.store.port import Reader
from zonegit.store.refindex import BUCKET_DIGEST, index_key
from zonegit.sync.json_members import members
from zonegit.sync.ref_lists import LISTS, REVIEWS, RefLists, in_order, read_list
from zonegit.sync.ref_table import BUCKETS, RefTable
from zonegit.sync.tips import Tip, Tips
from zonegit.sync.wire import (
    ALL_REFS,
    ALWAYS,
    Accepts,
    PeerRefs,
    as_list,
    as_table,
    as_text,
    check_state,
    quoted,
    write_lists,
)
from zonegit.sync.work import Due, Work, finish, never

PATH: Final = "/v0/refs/diff"
PART: Final = 30_000
"""The most refs in an answer: it stays below `refs_bytes` of a client, however long the names are."""
MANY: Final = 256
"""A client that tracks more refs of a peer than this asks for differences."""
_TEXT: Final = BUCKETS * BUCKET_DIGEST


class Question(NamedTuple):
    """What a client has of a peer's refs."""

    epoch: str
    """The peer's epoch as the client remembers it; empty if it doesn't."""
    root: str
    """The root of the index over the refs that the client has."""
    digests: tuple[bytes, ...]
    """The digests of all buckets, by their prefix."""
    accepts: Accepts = ALL_REFS
    first: int = 0
    """The bucket to begin with."""
    most: int = 0
    """The number of refs after which the answer may end; 0 for unlimited."""

    def encode(self) -> bytes:
        table: dict[str, object] = {
            "epoch": self.epoch,
            "root": self.root,
            "buckets": base64(b"".join(self.digests)),
            "first": self.first,
            "most": self.most,
        }
        return _json({**table, **self.accepts.preferences})

    @classmethod
    def decode(cls, data: bytes) -> "Question":
        table = as_table(data)
        joined = from_base64(as_text(table, "buckets"), _TEXT)
        digests = tuple(joined[at : at + BUCKET_DIGEST] for at in range(0, _TEXT, BUCKET_DIGEST))
        accepts = Accepts.said(table.get)
        first, most = _number(table, "first", BUCKETS), _number(table, "most", 1 << 32)
        return cls(as_text(table, "epoch"), as_text(table, "root"), digests, accepts, first, most)


class Change(NamedTuple):
    """The refs in the buckets that differ; any other ref that a client has in these buckets is gone at the peer."""

    epoch: str
    seq: int
    root: str
    prefixes: tuple[int, ...]
    lists: RefLists = RefLists()
    next: int = 0
    """The first bucket that wasn't compared; 0 if all were."""

    def encode(self) -> bytes:
        return finish(self.writing(never))

    def writing(self, due: Due) -> Work[bytes]:
        """The same in slices."""
        table = {"epoch": self.epoch, "seq": self.seq, "root": self.root, "buckets": self.prefixes}
        if self.next:
            table["next"] = self.next
        return write_lists(table, self.lists.written(written, ALWAYS), due)

    @classmethod
    def decode(cls, data: bytes) -> "Change":
        table: dict[str, object] = {}
        prefixes: tuple[int, ...] = ()
        lists: dict[str, Tips] = {}
        for name, value in members(data):
            if name == "buckets":
                prefixes = _prefixes(as_list(name, value))
            elif name in LISTS:
                lists[name] = read_list(name, as_list(name, value), tip_of)
            else:
                table[name] = value
        found = RefLists(**lists)
        if not {index_key(name)[0] for name, _ in found.refs} <= set(prefixes):
            raise InvalidData("the peer's answer has a ref in a bucket that it doesn't list")
        following = _number(table, "next", BUCKETS)
        if following and prefixes and following <= prefixes[-1]:
            raise InvalidData("the peer's answer continues with a bucket that it has already listed")
        return cls(*check_state(table), prefixes, found, following)


def change_for(question: Question, table: RefTable, state: PeerRefs, due: Due = never) -> Work[Change]:
    """The server's answer, from the present table. A client that remembers another `epoch` gets all refs."""
    differing: list[int] = []
    if question.epoch not in ("", state.epoch):
        differing = list(range(question.first, BUCKETS))
    elif question.root != table.root:
        own = table.digests
        differing = [at for at in range(question.first, BUCKETS) if question.digests[at] != own[at]]
    count = following = 0
    for at in differing:
        if question.most and count >= question.most:
            following = at
            break
        count += table.size(at)
    listed = [at for at in differing if not following or at < following]
    lists = yield from in_order(table.copy(listed), due)
    return Change(state.epoch, state.seq, state.root, tuple(listed), lists, following)


def holds_many(reader: Reader, peer: str) -> bool:
    """Whether a peer has so many refs, as far as is known here, that digests cost less than a list of all refs."""
    tracked = (f"refs/{RefKind.REMOTE}/{peer}/", *REVIEWS)
    return sum(1 for _ in islice(chain.from_iterable(map(reader.refs, tracked)), MANY + 1)) > MANY


def supposes_much(reader: Reader, peer: str) -> bool:
    """Whether nothing is tracked of a peer, but this repository has so many branches that it is worth asking how
    the peer's refs differ from those.
    """
    if next(reader.refs(f"refs/{RefKind.REMOTE}/{peer}/"), None) is not None:
        return False
    return sum(1 for _ in islice(reader.refs(f"refs/{RefKind.HEAD}/"), MANY + 1)) > MANY


def written(tip: Tip) -> str:
    return f'[{quoted(tip.zone)},{quoted(tip.name)},"{base64(tip.oid)}"]'


def tip_of(item: object) -> Tip | None:
    if not isinstance(item, list) or len(item) != 3:
        return None
    zone, name, oid = item
    if not (isinstance(zone, str) and isinstance(name, str) and isinstance(oid, str)):
        return None
    return Tip(zone, name, ObjectId(from_base64(oid, ID_SIZE)))


def _prefixes(items: Iterable[object]) -> tuple[int, ...]:
    found: list[int] = []
    for prefix in items:
        if not isinstance(prefix, int) or not (found[-1] if found else -1) < prefix < BUCKETS:
            raise InvalidData("the peer's answer names a bucket that doesn't exist, or out of order")
        found.append(prefix)
    return tuple(found)


def _number(table: dict[str, object], name: str, below: int) -> int:
    """A number; 0 if the member is absent."""
    found = table.get(name, 0)
    if not isinstance(found, int) or isinstance(found, bool) or not 0 <= found < below:
        raise InvalidData(f"`{name}` is not a number from 0 to {below - 1}")
    return found


def _json(table: dict[str, object]) -> bytes:
    return json.dumps(table, separators=(",", ":")).encode()


def base64(data: bytes) -> str:
    """base64url without padding."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def from_base64(text: str, size: int) -> bytes:
    """`size` bytes from canonical base64url without padding. `InvalidData`."""
    try:
        data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        data = b""
    if len(data) != size or base64(data) != text:
        raise InvalidData(f"a string in the body is not {size} bytes in base64url")
    return data
