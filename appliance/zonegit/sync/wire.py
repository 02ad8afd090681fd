"""The JSON bodies of `/v0`: refs, what to fetch, what to walk, errors.

Readers check everything: types, canonical names and their order, ids of 64 lowercase hex digits, counts. They hold
what they return and little beside it (`sync.members`). Unknown members are ignored, so that a later version can add
some.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from zonegit.errors import InvalidData, InvalidName, LimitExceeded, RevisionError
from zonegit.model.foreign import one_line
from zonegit.model.ids import ObjectId, parse_id
from zonegit.model.names import canonical_apex, to_text
from zonegit.model.refs import RefName, check_name
from zonegit.sync.limits import MAX_HAVES, MAX_LIST, MAX_WANTS
from zonegit.sync.members import Elements, members
from zonegit.sync.tips import Tip, Tips
from zonegit.sync.work import Due, Work, finish, never

JSON_TYPE: Final = "application/json"
ALL_NAMES: Final = "all"
"""How a client says that it takes every name of a branch or tag, also with capitals and slashes."""
CROWDED: Final = "too_many_connections"
"""The error of a server that has as many connections of a key from an address as it takes."""
_ERROR: Final = 64
"""Characters of a peer's error that are told."""
_UNKNOWN: Final = 1_024
"""Elements of lists that a request may have beside its ids."""
IDS_TYPE: Final = "application/octet-stream"
quoted: Final = json.encoder.encode_basestring_ascii
"""A text as JSON."""


@dataclass(frozen=True, slots=True)
class PeerRefs:
    """What a peer lets its caller see of its refs: all of it, or what differs from what the caller holds."""

    epoch: str
    """Random id of the repository, 32 hex digits."""
    seq: int
    root: str
    """Root of the peer's ref index, 64 hex digits; the ETag, without quotes."""
    branches: Tips
    tags: Tips
    workers: int = 1
    """Processes that answer at the peer: so many connections are worth it for a long transfer."""
    left_out: int = 0
    """Refs whose names the caller didn't say it could take."""
    gone: tuple[RefName, ...] | None = None
    """None: the lists are complete. Else they hold differences, and these refs are gone (by the peer's names)."""

    @property
    def zones(self) -> list[str]:
        return sorted({tip.zone for tip in self.branches})

    def encode(self) -> bytes:
        return finish(self.writing(never))

    def writing(self, due: Due) -> Work[bytes]:
        """The same in slices."""
        table: dict[str, object] = {
            "epoch": self.epoch,
            "seq": self.seq,
            "root": self.root,
            "workers": self.workers,
        }
        if self.left_out:
            table["left_out"] = self.left_out
        lists = {
            "zones": map(quoted, _zones(self.branches)),
            "branches": map(_written, self.branches),
            "tags": map(_written, self.tags),
        }
        return write_lists(table, lists, due)

    @classmethod
    def decode(cls, data: bytes) -> "PeerRefs":
        """`InvalidData` also where some are left out: what asks for all of them isn't signed."""
        table: dict[str, object] = {}
        lists: dict[str, Tips] = {}
        for name, value in members(data):
            if name in ("branches", "tags"):
                lists[name] = Tips(rising(name, as_list(name, value), _tip_of))
            else:
                table[name] = value
        if table.get("left_out"):
            raise InvalidData("the peer left out refs that were asked for: the request was changed on its way")
        if len(lists) < 2:
            raise InvalidData("the peer's refs hold no list of branches or of tags")
        return cls(*check_state(table), lists["branches"], lists["tags"], _workers(table))

    def encode_brief(self) -> bytes:
        """Their state only, for a client that will ask what differs (`sync.ref_diff`)."""
        return json.dumps({"epoch": self.epoch, "seq": self.seq, "root": self.root}, separators=(",", ":")).encode()


def decode_root(data: bytes) -> str:
    """The root in the state of a peer's refs, whether it lists them or not."""
    return check_state(as_table(data))[2]


@dataclass(frozen=True, slots=True)
class FetchRequest:
    """What to fetch, or to walk: all that `want` reaches and `have` doesn't, behind the cursor if there is one."""

    want: tuple[ObjectId, ...]
    have: tuple[ObjectId, ...] = ()
    cursor: bytes = b""
    compress: bool = False
    """Whether frames may come compressed."""
    sealed: bool = False
    """Whether checkpoints are to carry MACs."""

    def encode(self, want: str = "want", have: str = "have") -> bytes:
        table: dict[str, object] = {want: [oid.hex() for oid in self.want], have: [oid.hex() for oid in self.have]}
        if self.cursor:
            table["cursor"] = self.cursor.hex()
        if self.compress:
            table["compress"] = "zlib"
        if self.sealed:
            table["checkpoints"] = "sealed"
        return json.dumps(table, separators=(",", ":")).encode()

    @classmethod
    def decode(cls, data: bytes, want: str = "want", have: str = "have") -> "FetchRequest":
        """`want` and `have` name the members: a walk calls them `roots` and `known`."""
        return finish(cls.reading(data, never, want, have))

    @classmethod
    def reading(cls, data: bytes, due: Due, want: str = "want", have: str = "have") -> Work["FetchRequest"]:
        """The same in slices."""
        most = {want: MAX_WANTS, have: MAX_HAVES}
        ids: dict[str, list[ObjectId]] = {want: [], have: []}
        table: dict[str, object] = {}
        for name, value in members(data, MAX_WANTS + MAX_HAVES + _UNKNOWN):
            if name in ids:
                yield from _take_ids(name, as_list(name, value), ids[name], most[name], due)
            else:
                table[name] = value
                yield from _pass_over(value, due)
        if not ids[want]:
            raise InvalidData(f"`{want}` names no object")
        compress, sealed = table.get("compress") == "zlib", table.get("checkpoints") == "sealed"
        return cls(tuple(ids[want]), tuple(ids[have]), _cursor(table), compress, sealed)


def _take_ids(name: str, items: Elements, ids: list[ObjectId], most: int, due: Due) -> Work[None]:
    for item in items:
        if len(ids) == most:
            raise LimitExceeded(f"`{name}` has more than {most} ids")
        ids.append(_id(item))
        if due():
            yield


def _pass_over(value: object, due: Due) -> Work[None]:
    """Go past a member that may be unknown: where it is a list, element by element."""
    for _ in value if isinstance(value, Elements) else (value,):
        if due():
            yield


def encode_walk(missing: Sequence[bytes], cursor: bytes) -> bytes:
    """The answer to a walk, by the ids; a cursor says that there is more."""
    ids = '"' + '","'.join(map(bytes.hex, missing)) + '"' if missing else ""
    rest = f',"more":true,"cursor":"{cursor.hex()}"' if cursor else ""
    return f'{{"missing":[{ids}]{rest}}}'.encode()


def decode_ids(data: bytes) -> tuple[ObjectId, ...]:
    """The body of `/v0/objects/fetch`: ids of 32 bytes, one behind the other."""
    if not data or len(data) % 32:
        raise InvalidData("the list of ids is empty or cut short")
    if len(data) > 32 * MAX_LIST:
        raise LimitExceeded(f"at most {MAX_LIST} ids can be asked for at once")
    return tuple(ObjectId(data[at : at + 32]) for at in range(0, len(data), 32))


def encode_error(error: str, server_time: int | None = None) -> bytes:
    table: dict[str, object] = {"error": error}
    if server_time is not None:
        table["server_time"] = server_time
    return json.dumps(table, separators=(",", ":")).encode()


def decode_error(data: bytes) -> tuple[str, int | None]:
    """`(error, server_time)` of an error's body; of anything else the error is empty."""
    try:
        table = as_table(data)
    except InvalidData:
        return "", None
    error = table.get("error")
    now = table.get("server_time")
    return (
        one_line(error, _ERROR) if isinstance(error, str) else "",
        now if isinstance(now, int) and not isinstance(now, bool) and 0 <= now < 1 << 40 else None,
    )


def check_state(table: dict[str, object]) -> tuple[str, int, str]:
    """`(epoch, seq, root)` of an answer about refs."""
    epoch = as_text(table, "epoch")
    root = as_text(table, "root")
    seq = table.get("seq")
    if len(epoch) != 32 or len(root) != 64 or (epoch + root).strip("0123456789abcdef"):
        raise InvalidData("the peer's refs hold an epoch or a root that isn't hex")
    if not isinstance(seq, int) or isinstance(seq, bool) or not 0 <= seq < 1 << 63:
        raise InvalidData("the peer's refs hold no sequence number")
    return epoch, seq, root


def _workers(table: dict[str, object]) -> int:
    """How many there are said to be; 1 when that can't be read, since it decides about speed only."""
    found = table.get("workers")
    return found if isinstance(found, int) and found > 1 else 1


def as_table(data: bytes) -> dict[str, object]:
    """The members of a body that aren't lists."""
    return {name: value for name, value in members(data) if not isinstance(value, Elements)}


def as_list(name: str, value: object) -> Elements:
    """A member's value that is a list."""
    if not isinstance(value, Elements):
        raise InvalidData(f"`{name}` is not a list")
    return value


def as_text(table: dict[str, object], name: str) -> str:
    """A member that is a text."""
    found = table.get(name)
    if not isinstance(found, str):
        raise InvalidData(f"`{name}` is missing or not a text")
    return found


def write_lists(table: dict[str, object], lists: Mapping[str, Iterable[str]], due: Due) -> Work[bytes]:
    """A body of a table's members and of lists, whose elements are JSON already."""
    body = bytearray(json.dumps(table, separators=(",", ":")).encode()[:-1])
    for name, elements in lists.items():
        body += f',"{name}":['.encode()
        mark = b""
        for element in elements:
            body += mark + element.encode()
            mark = b","
            if due():
                yield
        body += b"]"
    return bytes(body + b"}")


def _zones(branches: Tips) -> Iterator[str]:
    seen: set[str] = set()
    for tip in branches:
        if tip.zone not in seen:
            seen.add(tip.zone)
            yield tip.zone


def _written(tip: Tip) -> str:
    return f'{{"zone":{quoted(tip.zone)},"name":{quoted(tip.name)},"hash":"{tip.oid.hex()}"}}'


def rising(kind: str, items: Iterable[object], tip_of: Callable[[object], Tip | None]) -> Iterator[Tip]:
    """The tips of a list of the peer's, each with a canonical name and behind the one before it."""
    last = ""
    for item in items:
        tip = tip_of(item)
        if tip is None:
            raise InvalidData(f"the peer's `{kind}` can't be read")
        label = tip.label
        try:
            check_name(tip.name, "branch" if kind == "branches" else "tag")
            canonical = to_text(canonical_apex(tip.zone)) == tip.zone
        except InvalidName as error:
            raise InvalidData(f"the peer's `{kind}`: {error}") from None
        if not canonical:
            raise InvalidData(f"the peer's `{kind}` names {tip.zone[:120]!r}, which is not in canonical form")
        if label <= last:
            raise InvalidData(f"the peer's `{kind}` names {label[:120]!r} twice or behind {last[:120]!r}")
        last = label
        yield tip


def _tip_of(item: object) -> Tip | None:
    if not isinstance(item, dict):
        return None
    return Tip(as_text(item, "zone"), as_text(item, "name"), _id(as_text(item, "hash")))


def _id(value: object) -> ObjectId:
    try:
        return parse_id(value if isinstance(value, str) else "")
    except RevisionError as error:
        raise InvalidData(str(error)) from None


def _cursor(table: dict[str, object]) -> bytes:
    text = table.get("cursor", "")
    try:
        return bytes.fromhex(text if isinstance(text, str) else "-")
    except ValueError:
        raise InvalidData("`cursor` is not hex") from None
