"""A plan: a change that is computed but not made yet, as a file that people read and `apply` carries out.

    ; zonegit plan 1
    ; comments: a summary, and the records that are removed (-) and added (+)
    {JSON: the exact change, and the BLAKE3 hash of everything else in it, which is the plan's name}

The comments are derived from the JSON, and a file in which either was changed is refused. The hash identifies the
plan and detects accidental changes; it isn't a signature.
"""

import json
from collections.abc import Iterator
from typing import Final, NamedTuple, cast

from zonegit.errors import InvalidData, InvalidObject, LimitExceeded, ZonegitError
from zonegit.model import refs
from zonegit.model.commit import Stamp
from zonegit.model.foreign import printable
from zonegit.model.ids import ObjectId, object_id, parse_id
from zonegit.model.names import absolute, parse_apex, to_text
from zonegit.model.rdata import SOA
from zonegit.model.rrset import RRKey, RRset, check_stored, key_parts, payload_key, served_soa
from zonegit.repo.messages import checked_message
from zonegit.repo.signed import Signatures
from zonegit.zonefile.text import rrset_lines
from zonegit.zonefile.types import type_text

FORMAT: Final = 1
MAX_SIZE: Final = 64 << 20
"""The most bytes of a plan's file."""
_SIGN: Final = b"; zonegit plan "
_FIRST: Final = _SIGN + b"%d\n" % FORMAT
_SIGNATURES: Final = ("keep", "unsign", "break")

Step = tuple[RRKey, bytes | None, bytes | None]
"""A key, and the stored RRsets before and after; None where there is none."""


class Plan(NamedTuple):
    """A change of a branch's tip."""

    zone: str
    branch: str
    base: ObjectId
    """The tip that the change is based on."""
    serials: tuple[int, int]
    """The serial of the base, and that of the new version."""
    message: str
    author: Stamp
    signatures: Signatures
    steps: tuple[Step, ...]
    """In canonical order."""

    @property
    def hash(self) -> str:
        """The plan's name: 64 hex digits."""
        text = json.dumps(self._data(), sort_keys=True, separators=(",", ":"))
        return object_id(text.encode()).hex()

    def encode(self) -> bytes:
        """The plan as a file. `LimitExceeded` if it would be too large."""
        fields = {"hash": self.hash, **self._data()}
        text = "\n".join([*self._comments(), json.dumps(fields, indent=1)]) + "\n"
        data = _FIRST + text.encode()
        if len(data) > MAX_SIZE:
            raise LimitExceeded(
                f"the plan would exceed {MAX_SIZE:,} bytes; `zonegit apply FILE --dry-run` shows the change"
            )
        return data

    def _data(self) -> dict[str, object]:
        return {
            "format": FORMAT,
            "zone": self.zone,
            "branch": self.branch,
            "base": self.base.hex(),
            "serials": list(self.serials),
            "message": self.message,
            "author": self.author.encode(),
            "signatures": self.signatures,
            "changes": [
                {**_named(key, self.zone), "old": old and old.hex(), "new": new and new.hex()}
                for key, old, new in self.steps
            ],
        }

    def _comments(self) -> Iterator[str]:
        """The comment lines, for people."""
        what = "1 RRset changes" if len(self.steps) == 1 else f"{len(self.steps):,} RRsets change"
        yield f"; {self.zone} {self.branch}: {what}, serial {self.serials[0]} becomes {self.serials[1]}"
        yield f"; {printable(self.message.splitlines()[0])}"
        yield f"; planned by {printable(self.author.name)} on commit {self.base.hex()}"
        yield "; `zonegit apply` with this file does it, unless the branch has moved or the file was changed"
        yield ";"
        apex = parse_apex(self.zone)
        for key, old, new in self.steps:
            removed, added = (
                list(rrset_lines(RRset.decode(_served(key, payload, serial)), apex)) if payload else []
                for payload, serial in zip((old, new), self.serials, strict=True)
            )
            yield from (f"; -{line}" for line in removed if line not in added)
            yield from (f"; +{line}" for line in added if line not in removed)
        yield ""


def is_plan(data: bytes) -> bool:
    """Whether a file with these first bytes is a plan."""
    return data.startswith(_SIGN)


def read_plan(data: bytes) -> Plan:
    """Read a plan from a file. `InvalidData` if it isn't a plan, was changed, or has another format version."""
    if not data.startswith(_FIRST):
        raise InvalidData("this version of zonegit can't read the plan: make a new one")
    try:
        fields = json.loads(data[data.index(b"\n{") :])
        plan = _decode(fields)
        named = fields.get("hash")
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError, ZonegitError):
        raise InvalidData("the plan was changed since it was written, and can't be read: make a new one") from None
    if named != plan.hash:
        raise InvalidData("the plan doesn't match its hash: it was changed since it was written; make a new one")
    if plan.encode() != data:
        raise InvalidData(
            "the plan's text doesn't match its data: it was changed since it was written, or another version of "
            "zonegit wrote it; make a new one"
        )
    return plan


def _decode(fields: dict[str, object]) -> Plan:
    """Decode the JSON. May raise any of the errors that `read_plan` catches."""
    zone, branch, message, author, signatures = (
        _string(fields[name]) for name in ("zone", "branch", "message", "author", "signatures")
    )
    refs.head(zone, branch)
    checked_message(message)
    if signatures not in _SIGNATURES or zone != to_text(parse_apex(zone)):
        raise ValueError(zone)
    old, new = (_serial(each) for each in cast(list[object], fields["serials"]))
    steps = tuple(_step(each) for each in cast(list[dict[str, object]], fields["changes"]))
    keys = [key for key, _, _ in steps]
    if not keys or keys != sorted(set(keys)):
        raise ValueError("order")
    base = parse_id(_string(fields["base"]))
    return Plan(zone, branch, base, (old, new), message, Stamp.decode(author), cast(Signatures, signatures), steps)


def _step(fields: dict[str, object]) -> Step:
    old, new = (None if fields[name] is None else bytes.fromhex(_string(fields[name])) for name in ("old", "new"))
    keys = set()
    for payload in filter(None, (old, new)):
        check_stored(payload)
        keys.add(payload_key(payload))
    if len(keys) != 1 or old == new:
        raise InvalidObject("no change")
    return keys.pop(), old, new


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _serial(value: object) -> int:
    if type(value) is not int or not 0 <= value < 1 << 32:
        raise ValueError(value)
    return value


def _named(key: RRKey, zone: str) -> dict[str, str]:
    owner, rtype = key_parts(key)
    return {"name": to_text(absolute(owner, parse_apex(zone))), "type": type_text(rtype)}


def _served(key: RRKey, payload: bytes, serial: int) -> bytes:
    return served_soa(payload, serial) if key_parts(key)[1] == SOA else payload
