"""The JSON bodies of `/v0`: refs, what to fetch, what to walk, errors.

Decoders check everything: types, canonical names and their order, ids of 64 lowercase hex digits, counts. They need
little memory besides what they return (`sync.json_members`). Unknown members are ignored, so that a later version
can add some.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from zonegit.errors import InvalidData, LimitExceeded, RevisionError
from zonegit.model.foreign import one_line
from zonegit.model.ids import ObjectId, parse_id
from zonegit.model.refs import RefName
from zonegit.sync.json_members import Elements, members
from zonegit.sync.limits import MAX_HAVES, MAX_LIST, MAX_WANTS
from zonegit.sync.ref_lists import LISTS, RefLists, read_list
from zonegit.sync.tips import Tip, Tips
from zonegit.sync.work import Due, Work, finish, never

JSON_TYPE: Final = "application/json"
CROWDED: Final = "too_many_connections"
"""The error of a server that has the most connections of a key from one address that it accepts."""
_ERROR: Final = 64
"""The most characters of a peer's error code that are shown."""
_MESSAGE: Final = 400
"""The most characters of its message that are shown."""
_UNKNOWN: Final = 1_024
"""The most list elements that a request may have besides its ids."""
IDS_TYPE: Final = "application/octet-stream"
ALWAYS: Final = ("branches", "tags")
"""The lists of refs that an answer always has; others are omitted if they are empty."""
quoted: Final = json.encoder.encode_basestring_ascii
"""A string as JSON."""


class Accepts(NamedTuple):
    """The refs that a client accepts, besides existing branches and tags with plain names."""

    all_names: bool = False
    """Every name of a branch or tag, also with capitals and slashes."""
    tombstones: bool = False
    """Branches at tombstones; other clients don't see these."""
    published: bool = False
    """Published versions; other clients don't see their branches."""
    reviews: bool = False
    """Reviews and proposals."""

    @classmethod
    def said(cls, value: Callable[[str], object]) -> "Accepts":
        """What a client says it accepts, by the values of its preferences, or of members of its question."""
        return cls(*(value(name) == accepting for name, accepting in _PREFERENCES.items()))

    @property
    def preferences(self) -> dict[str, str]:
        """How a client says so."""
        said = zip(_PREFERENCES.items(), self, strict=True)
        return {name: accepting for (name, accepting), accepted in said if accepted}

    @classmethod
    def of_flags(cls, flags: int) -> "Accepts":
        """The same as a number: bit 0 is `all_names`, and so on."""
        return cls(*(bool(flags >> bit & 1) for bit in range(len(_PREFERENCES))))

    @property
    def flags(self) -> int:
        return sum(accepted << bit for bit, accepted in enumerate(self))


_PREFERENCES: Final = {"names": "all", "tombstones": "yes", "published": "yes", "reviews": "yes"}
"""By what names and values a client says what it accepts."""
ALL_REFS: Final = Accepts(all_names=True, tombstones=True, published=True, reviews=True)
"""What this version accepts: every ref."""


class PeerRefs(NamedTuple):
    """The refs of a peer that its caller may see: all of them, or the differences from what the caller has."""

    epoch: str
    """Random id of the repository, 32 hex digits."""
    seq: int
    root: str
    """The root of the peer's ref index, 64 hex digits; the ETag, without quotes."""
    lists: RefLists = RefLists()
    workers: int = 1
    """How many processes serve at the peer: as many connections speed up a long transfer."""
    left_out: int = 0
    """How many refs were left out because the caller doesn't accept such names."""
    gone: tuple[RefName, ...] | None = None
    """None: the lists are complete. Otherwise they are differences, and these refs (as the peer names them) are
    gone.
    """
    removed: int = 0
    """How many branches at tombstones were left out because the caller doesn't accept them."""

    @property
    def branches(self) -> Tips:
        return self.lists.branches

    @property
    def tags(self) -> Tips:
        return self.lists.tags

    @property
    def published(self) -> Tips:
        return self.lists.published

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
        if self.removed:
            table["removed"] = self.removed
        lists = self.lists.written(_written, ALWAYS)
        return write_lists(table, {"zones": map(quoted, _zones(self.branches)), **lists}, due)

    @classmethod
    def decode(cls, data: bytes) -> "PeerRefs":
        """`InvalidData` also if some refs were left out: the header that asks for all of them isn't signed, so
        somebody has changed it.
        """
        table: dict[str, object] = {}
        lists: dict[str, Tips] = {}
        for name, value in members(data):
            if name in LISTS:
                lists[name] = read_list(name, as_list(name, value), _tip_of)
            else:
                table[name] = value
        if table.get("left_out") or table.get("removed"):
            raise InvalidData("the peer left out refs that were asked for: the request was changed in transit")
        if not lists.keys() >= set(ALWAYS):
            raise InvalidData("the peer's refs have no list of branches or of tags")
        return cls(*check_state(table), RefLists(**lists), _workers(table))

    def encode_brief(self) -> bytes:
        """Only the state of the refs, for a client that then asks for the differences (`sync.ref_diff`)."""
        return json.dumps({"epoch": self.epoch, "seq": self.seq, "root": self.root}, separators=(",", ":")).encode()


def decode_root(data: bytes) -> str:
    """The root in a peer's answer about its refs, whether it lists them or not."""
    return check_state(as_table(data))[2]


class FetchRequest(NamedTuple):
    """What to fetch, or to walk: what is reachable from `want` but not from `have`, after the cursor if any."""

    want: tuple[ObjectId, ...]
    have: tuple[ObjectId, ...] = ()
    cursor: bytes = b""
    compress: bool = False
    """Whether frames may be compressed."""
    sealed: bool = False
    """Whether checkpoints should have MACs."""

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
        """`want` and `have` are the names of the members: for a walk `roots` and `known`."""
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
                yield from _skip(value, due)
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


def _skip(value: object, due: Due) -> Work[None]:
    """Skip a member that may be unknown; a list element by element."""
    for _ in value if isinstance(value, Elements) else (value,):
        if due():
            yield


class WalkAnswer(NamedTuple):
    """One answer to a walk."""

    objects: int
    size: int
    """The bytes of these objects; 0 from a peer that doesn't say."""
    cursor: bytes
    """Where the walk continues; empty at its end."""

    @classmethod
    def decode(cls, data: bytes) -> "WalkAnswer":
        """Counts the ids without keeping them."""
        count = 0
        table: dict[str, object] = {}
        for name, value in members(data):
            if name == "missing":
                count = sum(1 for _ in as_list(name, value))
            else:
                table[name] = value
        size = table.get("bytes", 0)
        if not isinstance(size, int) or isinstance(size, bool) or size < 0:
            raise InvalidData("the answer to a walk has no number of bytes")
        return cls(count, size, _cursor(table) if table.get("more") is True else b"")


def encode_walk(missing: Sequence[bytes], size: int, cursor: bytes) -> bytes:
    """The answer to a walk: the ids, and the bytes of their objects. A cursor means that there is more."""
    ids = '"' + '","'.join(map(bytes.hex, missing)) + '"' if missing else ""
    rest = f',"more":true,"cursor":"{cursor.hex()}"' if cursor else ""
    return f'{{"missing":[{ids}],"bytes":{size}{rest}}}'.encode()


def decode_ids(data: bytes) -> tuple[ObjectId, ...]:
    """The body of `/v0/objects/fetch`: concatenated ids of 32 bytes."""
    if not data or len(data) % 32:
        raise InvalidData("the list of ids is empty or truncated")
    if len(data) > 32 * MAX_LIST:
        raise LimitExceeded(f"at most {MAX_LIST} ids can be requested at once")
    return tuple(ObjectId(data[at : at + 32]) for at in range(0, len(data), 32))


def encode_error(error: str, server_time: int | None = None, message: str = "") -> bytes:
    """The body of an error: its code, and `message`, a sentence for people."""
    table: dict[str, object] = {"error": error}
    if message:
        table["told"] = message
    if server_time is not None:
        table["server_time"] = server_time
    return json.dumps(table, separators=(",", ":")).encode()


def decode_error(data: bytes) -> tuple[str, int | None]:
    """`(error, server_time)` of an error's body; the error is empty for any other body."""
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


def decode_message(data: bytes) -> str:
    """The message in an error's body; empty if there is none."""
    try:
        message = as_table(data).get("told")
    except InvalidData:
        return ""
    return one_line(message, _MESSAGE) if isinstance(message, str) else ""


def check_state(table: dict[str, object]) -> tuple[str, int, str]:
    """`(epoch, seq, root)` of an answer about refs."""
    epoch = as_text(table, "epoch")
    root = as_text(table, "root")
    seq = table.get("seq")
    if len(epoch) != 32 or len(root) != 64 or (epoch + root).strip("0123456789abcdef"):
        raise InvalidData("the peer's refs have an invalid epoch or root")
    if not isinstance(seq, int) or isinstance(seq, bool) or not 0 <= seq < 1 << 63:
        raise InvalidData("the peer's refs have no valid sequence number")
    return epoch, seq, root


def _workers(table: dict[str, object]) -> int:
    """The declared number of processes; 1 if it is invalid, since it only affects speed."""
    found = table.get("workers")
    return found if isinstance(found, int) and found > 1 else 1


def as_table(data: bytes) -> dict[str, object]:
    """The members of a body that aren't lists."""
    return {name: value for name, value in members(data) if not isinstance(value, Elements)}


def as_list(name: str, value: object) -> Elements:
    """The value of a member that must be a list. `InvalidData`."""
    if not isinstance(value, Elements):
        raise InvalidData(f"`{name}` is not a list")
    return value


def as_text(table: dict[str, object], name: str) -> str:
    """A member that must be a string. `InvalidData`."""
    found = table.get(name)
    if not isinstance(found, str):
        raise InvalidData(f"`{name}` is missing or not a string")
    return found


def write_lists(table: dict[str, object], lists: Mapping[str, Iterable[str]], due: Due) -> Work[bytes]:
    """A body with a table's members and with lists, whose elements are already JSON."""
    body = bytearray(json.dumps(table, separators=(",", ":")).encode()[:-1])
    for name, elements in lists.items():
        body += f',"{name}":['.encode()
        separator = b""
        for element in elements:
            body += separator + element.encode()
            separator = b","
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
