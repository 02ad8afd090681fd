"""`POST /v0/refs/diff`: finds which of many refs differ by the buckets of the ref index, without listing all refs.

The client sends the digests of its 256 buckets, and the server answers with the refs in those that differ. Neither
side relies on memory of earlier requests: the digests are computed from the present refs. Refused: anything of the
wrong type or size, refs outside of the buckets that they were sent for, and refs out of order or repeated.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Iterator, Mapping
from heapq import merge
from itertools import islice
from typing import Final, NamedTuple

from zonegit.errors import InvalidData
from zonegit.model.ids import ID_SIZE, ObjectId
from zonegit.model.refs import RefKind, RefName, head, split, tag
from zonegit.model.refs import published as published_name
from zonegit.store.port import Reader
from zonegit.store.refindex import BUCKET_DIGEST, index_key
from zonegit.sync.json_members import members
from zonegit.sync.ref_table import BUCKETS, RefTable
from zonegit.sync.tips import Tip, Tips
from zonegit.sync.wire import (
    ALL_NAMES,
    ALL_REFS,
    PUBLISHED,
    TOMBSTONES,
    Accepts,
    PeerRefs,
    as_list,
    as_table,
    as_text,
    check_state,
    quoted,
    rising,
    write_lists,
)
from zonegit.sync.work import Due, Work, finish, never

PATH: Final = "/v0/refs/diff"
PART: Final = 30_000
"""The most refs in an answer: it stays below `refs_bytes` of a client, however long the names are."""
MANY: Final = 256
"""A client that tracks more refs of a peer than this asks for differences."""
_TEXT: Final = BUCKETS * BUCKET_DIGEST
_NAMES: Final = {"branches": head, "tags": tag, "published": published_name}
"""The name of a ref, by the list that it stands in."""


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
        if self.accepts.all_names:
            table["names"] = ALL_NAMES
        if self.accepts.tombstones:
            table["tombstones"] = TOMBSTONES
        if self.accepts.published:
            table["published"] = PUBLISHED
        return _json(table)

    @classmethod
    def decode(cls, data: bytes) -> "Question":
        table = as_table(data)
        joined = from_base64(as_text(table, "buckets"), _TEXT)
        digests = tuple(joined[at : at + BUCKET_DIGEST] for at in range(0, _TEXT, BUCKET_DIGEST))
        accepts = Accepts(
            table.get("names") == ALL_NAMES,
            table.get("tombstones") == TOMBSTONES,
            table.get("published") == PUBLISHED,
        )
        first, most = _number(table, "first", BUCKETS), _number(table, "most", 1 << 32)
        return cls(as_text(table, "epoch"), as_text(table, "root"), digests, accepts, first, most)


class Change(NamedTuple):
    """The refs in the buckets that differ; any other ref that a client has in these buckets is gone at the peer."""

    epoch: str
    seq: int
    root: str
    prefixes: tuple[int, ...]
    branches: Tips
    tags: Tips
    next: int = 0
    """The first bucket that wasn't compared; 0 if all were."""
    published: Tips = Tips()

    def encode(self) -> bytes:
        return finish(self.writing(never))

    def writing(self, due: Due) -> Work[bytes]:
        """The same in slices."""
        table = {"epoch": self.epoch, "seq": self.seq, "root": self.root, "buckets": self.prefixes}
        if self.next:
            table["next"] = self.next
        lists = {"branches": map(written, self.branches), "tags": map(written, self.tags)}
        if self.published:
            lists["published"] = map(written, self.published)
        return write_lists(table, lists, due)

    @classmethod
    def decode(cls, data: bytes) -> "Change":
        table: dict[str, object] = {}
        prefixes: tuple[int, ...] = ()
        lists = {"branches": Tips(), "tags": Tips(), "published": Tips()}
        named: set[int] = set()
        for name, value in members(data):
            if name == "buckets":
                prefixes = _prefixes(as_list(name, value))
            elif name in lists:
                lists[name] = Tips(_noted(named, name, rising(name, as_list(name, value), tip_of)))
            else:
                table[name] = value
        if not named <= set(prefixes):
            raise InvalidData("the peer's answer has a ref in a bucket that it doesn't list")
        following = _number(table, "next", BUCKETS)
        if following and prefixes and following <= prefixes[-1]:
            raise InvalidData("the peer's answer continues with a bucket that it has already listed")
        state = check_state(table)
        return cls(*state, prefixes, lists["branches"], lists["tags"], following, lists["published"])

    def refs(self) -> Iterator[tuple[RefName, ObjectId]]:
        """The refs by their full names at the peer."""
        return by_name(self.branches, self.tags, self.published)


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
    branches, tags, published = yield from in_order(table.copy(listed), due)
    return Change(state.epoch, state.seq, state.root, tuple(listed), branches, tags, following, published)


def holds_many(reader: Reader, peer: str) -> bool:
    """Whether so many refs of a peer are tracked that sending digests costs less than listing all refs."""
    return sum(1 for _ in islice(reader.refs(f"refs/{RefKind.REMOTE}/{peer}/"), MANY + 1)) > MANY


def supposes_much(reader: Reader, peer: str) -> bool:
    """Whether nothing is tracked of a peer, but this repository has so many branches that it is worth asking how
    the peer's refs differ from those.
    """
    if next(reader.refs(f"refs/{RefKind.REMOTE}/{peer}/"), None) is not None:
        return False
    return sum(1 for _ in islice(reader.refs(f"refs/{RefKind.HEAD}/"), MANY + 1)) > MANY


def by_name(branches: Tips, tags: Tips, published: Tips) -> Iterator[tuple[RefName, ObjectId]]:
    """The refs of these lists by their full names."""
    for name_of, tips in ((head, branches), (tag, tags), (published_name, published)):
        for tip in tips:
            yield name_of(tip.zone, tip.name), tip.oid


def tips(refs: Mapping[RefName, ObjectId]) -> tuple[Tips, Tips, Tips]:
    """`(branches, tags, published)` of stored refs, in the byte order of their names."""
    return finish(in_order([list(refs.items())], never))


def in_order(parts: list[list[tuple[RefName, ObjectId]]], due: Due) -> Work[tuple[Tips, Tips, Tips]]:
    """The same, in slices, for refs in parts of a few thousand."""
    for part in parts:
        part.sort()
        if due():
            yield
    found = {kind: Tips() for kind in (RefKind.HEAD, RefKind.TAG, RefKind.PUBLISHED)}
    for name, oid in merge(*parts):
        found[RefKind(name.split("/", 2)[1])].add(Tip(*split_ref(name), oid))
        if due():
            yield
    return found[RefKind.HEAD], found[RefKind.TAG], found[RefKind.PUBLISHED]


def split_ref(name: RefName) -> tuple[str, str]:
    """`(zone, branch or tag)` of a ref's name, which was checked when it was stored."""
    return split(name.split("/", 2)[2])


def written(tip: Tip) -> str:
    return f'[{quoted(tip.zone)},{quoted(tip.name)},"{base64(tip.oid)}"]'


def tip_of(item: object) -> Tip | None:
    if not isinstance(item, list) or len(item) != 3:
        return None
    zone, name, oid = item
    if not (isinstance(zone, str) and isinstance(name, str) and isinstance(oid, str)):
        return None
    return Tip(zone, name, ObjectId(from_base64(oid, ID_SIZE)))


def _noted(buckets: set[int], kind: str, tips: Iterable[Tip]) -> Iterator[Tip]:
    """Yield the tips, and add their buckets to `buckets`."""
    name_of = _NAMES[kind]
    for tip in tips:
        buckets.add(index_key(name_of(tip.zone, tip.name))[0])
        yield tip


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
