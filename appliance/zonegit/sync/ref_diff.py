"""`POST /v0/refs/diff`: which of many refs differ, told by the buckets of the ref index instead of by listing all.

The client tells the digests of its 256 buckets, the server the refs of those that differ. Nothing rests on what
either remembers: the digests are made from the refs that are there. Refused: anything that isn't of its type and
size, tips that stand outside of the buckets they were sent for, and refs that are out of order or named twice.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from typing import Final

from zonegit.errors import InvalidData
from zonegit.model.ids import ID_SIZE, ObjectId
from zonegit.model.refs import RefKind, RefName, head, split, tag
from zonegit.store.port import Reader
from zonegit.store.refindex import BUCKET_DIGEST, index_key
from zonegit.sync.members import members
from zonegit.sync.ref_table import BUCKETS, RefTable
from zonegit.sync.tips import Tip, Tips
from zonegit.sync.wire import (
    ALL_NAMES,
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
MANY: Final = 256
"""A client that holds more refs than this of a peer asks for differences."""
_TEXT: Final = BUCKETS * BUCKET_DIGEST


@dataclass(frozen=True, slots=True)
class Question:
    """What a client holds of a peer's refs."""

    epoch: str
    """Of the peer as the client remembers it; empty if it doesn't."""
    root: str
    """Of the index over the refs that the client holds."""
    digests: tuple[bytes, ...]
    """Of all buckets, by their prefix."""
    all_names: bool = True
    """Whether the client takes every name of a branch or tag (`wire.ALL_NAMES`)."""

    def encode(self) -> bytes:
        table: dict[str, object] = {
            "epoch": self.epoch,
            "root": self.root,
            "buckets": _base64(b"".join(self.digests)),
        }
        return _json({**table, "names": ALL_NAMES} if self.all_names else table)

    @classmethod
    def decode(cls, data: bytes) -> "Question":
        table = as_table(data)
        joined = _bytes(as_text(table, "buckets"), _TEXT)
        digests = tuple(joined[at : at + BUCKET_DIGEST] for at in range(0, _TEXT, BUCKET_DIGEST))
        all_names = table.get("names") == ALL_NAMES
        return cls(as_text(table, "epoch"), as_text(table, "root"), digests, all_names)


@dataclass(frozen=True, slots=True)
class Change:
    """The refs of the buckets that differ; what a client holds in those beside them is gone at the peer."""

    epoch: str
    seq: int
    root: str
    prefixes: tuple[int, ...]
    branches: Tips
    tags: Tips

    def encode(self) -> bytes:
        return finish(self.writing(never))

    def writing(self, due: Due) -> Work[bytes]:
        """The same in slices."""
        table = {"epoch": self.epoch, "seq": self.seq, "root": self.root, "buckets": self.prefixes}
        return write_lists(table, {"branches": map(_written, self.branches), "tags": map(_written, self.tags)}, due)

    @classmethod
    def decode(cls, data: bytes) -> "Change":
        table: dict[str, object] = {}
        prefixes: tuple[int, ...] = ()
        lists = {"branches": Tips(), "tags": Tips()}
        named: set[int] = set()
        for name, value in members(data):
            if name == "buckets":
                prefixes = _prefixes(as_list(name, value))
            elif name in lists:
                lists[name] = Tips(_noted(named, name, rising(name, as_list(name, value), _tip_of)))
            else:
                table[name] = value
        if not named <= set(prefixes):
            raise InvalidData("the peer's answer names a ref in a bucket that it doesn't speak of")
        return cls(*check_state(table), prefixes, lists["branches"], lists["tags"])

    def refs(self) -> Iterator[tuple[RefName, ObjectId]]:
        """By full names, as the peer has them."""
        for tip in self.branches:
            yield head(tip.zone, tip.name), tip.oid
        for tip in self.tags:
            yield tag(tip.zone, tip.name), tip.oid


def change_for(question: Question, table: RefTable, state: PeerRefs, due: Due = never) -> Work[Change]:
    """The server's answer, from the table as it is now. Who knows another repository (`epoch`) is told all."""
    differing: list[int] = []
    if question.epoch not in ("", state.epoch):
        differing = list(range(BUCKETS))
    elif question.root != table.root:
        own = table.digests
        differing = [at for at in range(BUCKETS) if question.digests[at] != own[at]]
    branches, tags = yield from in_order(table.copy(differing), due)
    return Change(state.epoch, state.seq, state.root, tuple(differing), branches, tags)


def holds_many(reader: Reader, peer: str) -> bool:
    """Whether so many refs of a peer are tracked here that a list of all would cost more than their buckets."""
    return sum(1 for _ in islice(reader.refs(f"refs/{RefKind.REMOTE}/{peer}/"), MANY + 1)) > MANY


def tips(refs: Mapping[RefName, ObjectId]) -> tuple[Tips, Tips]:
    """`(branches, tags)` of refs that stand in a store, in the names' byte order."""
    return finish(in_order([list(refs.items())], never))


def in_order(parts: list[list[tuple[RefName, ObjectId]]], due: Due) -> Work[tuple[Tips, Tips]]:
    """The same of refs that come in parts of a few thousand, in slices."""
    for part in parts:
        part.sort()
        if due():
            yield
    branches, tags = Tips(), Tips()
    for name, oid in merge(*parts):
        (tags if name.startswith("refs/tags/") else branches).add(Tip(*split_ref(name), oid))
        if due():
            yield
    return branches, tags


def split_ref(name: RefName) -> tuple[str, str]:
    """`(zone, branch or tag)` of a head's or a tag's name, which was checked when it came in."""
    return split(name.split("/", 2)[2])


def _written(tip: Tip) -> str:
    return f'[{quoted(tip.zone)},{quoted(tip.name)},"{_base64(tip.oid)}"]'


def _tip_of(item: object) -> Tip | None:
    if not isinstance(item, list) or len(item) != 3:
        return None
    zone, name, oid = item
    if not (isinstance(zone, str) and isinstance(name, str) and isinstance(oid, str)):
        return None
    return Tip(zone, name, ObjectId(_bytes(oid, ID_SIZE)))


def _noted(buckets: set[int], kind: str, tips: Iterable[Tip]) -> Iterator[Tip]:
    """Pass tips on, and note their buckets."""
    ref = head if kind == "branches" else tag
    for tip in tips:
        buckets.add(index_key(ref(tip.zone, tip.name))[0])
        yield tip


def _prefixes(items: Iterable[object]) -> tuple[int, ...]:
    found: list[int] = []
    for prefix in items:
        if not isinstance(prefix, int) or not (found[-1] if found else -1) < prefix < BUCKETS:
            raise InvalidData("the peer's answer names a bucket that there isn't, or not in their order")
        found.append(prefix)
    return tuple(found)


def _json(table: dict[str, object]) -> bytes:
    return json.dumps(table, separators=(",", ":")).encode()


def _base64(data: bytes) -> str:
    """base64url without padding."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str, size: int) -> bytes:
    """So many bytes from canonical base64url without padding."""
    try:
        data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        data = b""
    if len(data) != size or _base64(data) != text:
        raise InvalidData(f"a text of the body is not {size} bytes as base64url")
    return data
