"""The question after a push's objects, and its answer: the JSON of `POST /v0/push`.

Decoders refuse anything of the wrong type, refs that aren't canonical, ids that aren't 64 lowercase hex digits,
unknown outcomes, and more refs or ids than `sync.limits` permits. Unknown members are ignored.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple, TypeVar, cast, get_args

from zonegit.errors import InvalidData, InvalidName, LimitExceeded, RevisionError
from zonegit.model.foreign import cut, one_line
from zonegit.model.ids import ObjectId, parse_id
from zonegit.model.refs import Ref, parse
from zonegit.sync.arrival import OFFERED, Offer, Outcome, Result
from zonegit.sync.json_members import members
from zonegit.sync.limits import MAX_PRESENT, MAX_UPDATES
from zonegit.sync.wire import as_list, as_text

PATH: Final = "/v0/push"
T = TypeVar("T")
_OUTCOMES: Final = get_args(Outcome)
_KINDS: Final = {kind.value: kind for kind in OFFERED}
ANSWER: Final = 4 << 20
"""The most bytes of an answer."""
_SENTENCE: Final = 400
"""The most characters of a peer's message that are shown."""


class Ask(NamedTuple):
    """The question after a push's objects."""

    present: tuple[ObjectId, ...] = ()
    """Ids to ask about: the answer says which of them the peer lacks."""
    updates: tuple[Offer, ...] = ()
    atomic: bool = False
    """Whether to make all of the updates, or none."""

    def encode(self) -> bytes:
        present = [oid.hex() for oid in self.present]
        updates = [*map(written, self.updates)]
        return _json({"present": present, "updates": updates, "atomic": self.atomic})

    @classmethod
    def decode(cls, data: bytes) -> "Ask":
        present: tuple[ObjectId, ...] = ()
        updates: tuple[Offer, ...] = ()
        atomic: object = False
        for name, value in members(data, 2 * (MAX_PRESENT + MAX_UPDATES)):
            if name == "present":
                present = tuple(_at_most(MAX_PRESENT, name, map(_id, as_list(name, value))))
            elif name == "updates":
                updates = tuple(_at_most(MAX_UPDATES, name, map(_update, as_list(name, value))))
            elif name == "atomic":
                atomic = value
        if not isinstance(atomic, bool):
            raise InvalidData("`atomic` is neither true nor false")
        if len({update.ref for update in updates}) < len(updates):
            raise InvalidData("`updates` name a ref twice")
        return cls(present, updates, atomic)


class Answer(NamedTuple):
    """The answer to a push."""

    stored: int
    """Objects of the request: all of them are there now."""
    missing: tuple[ObjectId, ...] = ()
    """Those of `present` that aren't there."""
    results: tuple[Result, ...] = ()
    """In the order of the updates."""

    def encode(self) -> bytes:
        missing = [oid.hex() for oid in self.missing]
        return _json({"stored": self.stored, "missing": missing, "results": [*map(_result_table, self.results)]})

    @classmethod
    def decode(cls, data: bytes) -> "Answer":
        stored: object = 0
        missing: tuple[ObjectId, ...] = ()
        results: tuple[Result, ...] = ()
        for name, value in members(data, 2 * (MAX_PRESENT + MAX_UPDATES)):
            if name == "missing":
                missing = tuple(map(_id, as_list(name, value)))
            elif name == "results":
                results = tuple(map(_result, as_list(name, value)))
            elif name == "stored":
                stored = value
        if not isinstance(stored, int) or isinstance(stored, bool) or stored < 0:
            raise InvalidData("the answer to a push doesn't say how many objects were stored")
        return cls(stored, missing, results)


def _at_most(most: int, name: str, items: Iterable[T]) -> Iterator[T]:
    for number, item in enumerate(items):
        if number == most:
            raise LimitExceeded(f"`{name}` has more than {most} elements")
        yield item


def written(update: Offer) -> list[str]:
    """An update as JSON has it."""
    ref = update.ref
    return [ref.kind.value, ref.zone, ref.name, update.old.hex() if update.old else "", update.new.hex()]


def _update(item: object) -> Offer:
    if not isinstance(item, list) or len(item) != 5 or not all(isinstance(part, str) for part in item):
        raise InvalidData("an element of `updates` isn't [kind, zone, name, old, new]")
    kind, zone, name, old, new = item
    return Offer(_ref(kind, zone, name), _id(new), _id(old) if old else None)


def _result_table(result: Result) -> dict[str, object]:
    return {
        "kind": result.ref.kind.value,
        "zone": result.ref.zone,
        "name": result.ref.name,
        "outcome": result.outcome,
        "tip": result.tip.hex() if result.tip else "",
        "reason": result.reason,
        "told": cut(result.message, _SENTENCE),
        "rules": result.rules,
    }


def _result(item: object) -> Result:
    if not isinstance(item, dict):
        raise InvalidData("an element of `results` is not an object")
    outcome, tip = as_text(item, "outcome"), as_text(item, "tip")
    if outcome not in _OUTCOMES:
        raise InvalidData(f"the peer says that a ref is {outcome[:40]!r}, which this version doesn't know")
    ref = _ref(as_text(item, "kind"), as_text(item, "zone"), as_text(item, "name"))
    reason, message = one_line(as_text(item, "reason"), 64), one_line(as_text(item, "told"), _SENTENCE)
    rules = item.get("rules", 0)
    if not isinstance(rules, int) or isinstance(rules, bool) or rules < 0:
        raise InvalidData("an element of `results` doesn't count its rules")
    return Result(ref, cast("Outcome", outcome), _id(tip) if tip else None, reason, message, rules)


def _ref(kind: str, zone: str, name: str) -> Ref:
    if kind not in _KINDS:
        raise InvalidData(f"{kind[:40]!r} is no kind of ref that a push moves")
    try:
        return parse(Ref(_KINDS[kind], zone, name).full)
    except InvalidName as error:
        raise InvalidData(str(error)) from None


def _id(value: object) -> ObjectId:
    try:
        return parse_id(value if isinstance(value, str) else "")
    except RevisionError as error:
        raise InvalidData(str(error)) from None


def _json(table: dict[str, object]) -> bytes:
    return json.dumps(table, separators=(",", ":")).encode()
