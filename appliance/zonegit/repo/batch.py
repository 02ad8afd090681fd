"""Many changes to records, as one commit per zone. Each step sees those before it; all are made, or none."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final, Literal, NamedTuple

from zonegit.errors import InvalidZone, UsageError, ZonegitError
from zonegit.model.names import absolute, from_text, is_absolute, is_within, parse_apex
from zonegit.model.rdata import SOA
from zonegit.model.rrset import RRKey
from zonegit.repo import records
from zonegit.repo.context import Context, owner_of
from zonegit.repo.edited import Edited
from zonegit.repo.joint import JointOptions, refuse_mixed, single
from zonegit.repo.joint_commit import Tips, commit_together
from zonegit.repo.listing import enclosing
from zonegit.repo.records import Changes
from zonegit.repo.results import Committed, Position
from zonegit.repo.signed import refuse_change
from zonegit.repo.writing import Intent, check_writable, intent_of

_AT: Final = "batch:"


class Step(NamedTuple):
    """One change, as `Repository.set`, `add` and `delete` take it."""

    verb: Literal["set", "add", "delete"]
    name: str
    rtype: int | None = None
    """None (for `delete` only): all types."""
    ttl: int | None = None
    """None keeps the present TTL."""
    rdatas: Sequence[bytes] = ()
    zone: str | None = None
    """None: the zone of the call, else the one that contains an absolute name, else HEAD's."""
    line: int = 0
    """Its line in the input, for error messages; 0: use its number among the steps."""

    def change(self, edited: Edited) -> Collection[RRKey]:
        """Make the change and return the keys that it changes. Raises what the method of `Repository` raises."""
        owner = owner_of(self.name, edited.apex)
        if self.verb == "delete":
            return edited.delete(owner, self.rtype, self.rdatas)
        if self.rtype is None or not self.rdatas:
            raise UsageError(f"{self.verb} takes a type and at least one record")
        if self.verb == "add":
            return edited.add(owner, self.rtype, self.ttl, self.rdatas)
        if self.rtype == SOA:
            records.one_soa(self.rdatas)
        return edited.put(owner, self.rtype, self.ttl, self.rdatas)


class _Batch:
    """The steps of one batch, read once and applied as often as tips move."""

    def __init__(self, context: Context, steps: Iterable[Step], options: JointOptions) -> None:
        self._context = context
        self._options = options
        self._coming = iter(steps)
        self._read: list[tuple[int, str, Step]] = []
        self._named: dict[str | None, str] = {}
        """Canonical zone names by the names that steps use; None stands for HEAD's zone."""
        self.places: dict[str, Position] = {}

    def apply(self, tips: Tips) -> Mapping[str, Changes]:
        """The changes of all steps, by zone. An error begins with the line of its step."""
        edited: dict[str, Edited] = {}
        for line, zone, step in self._steps():
            try:
                if zone not in edited:
                    edited[zone] = Edited(tips[zone])
                self._apply(step, zone, edited[zone])
            except ZonegitError as error:
                raise at_line(str(line), error) from None
        return {zone: each.changes for zone, each in edited.items()}

    def _apply(self, step: Step, zone: str, edited: Edited) -> None:
        """Make one change. `Refused` if it would invalidate the zone's signatures."""
        keys = step.change(edited)
        if edited.signed and self._options.get("signatures", "keep") == "keep" and edited.differs(keys):
            raise refuse_change(zone)

    def _steps(self) -> Iterator[tuple[int, str, Step]]:
        yield from self._read
        for step in self._coming:
            line = step.line or len(self._read) + 1
            try:
                zone = self._zone_of(step)
            except ZonegitError as error:
                raise at_line(str(line), error) from None
            self._read.append((line, zone, step))
            yield self._read[-1]

    def _zone_of(self, step: Step) -> str:
        """The zone that a step changes. `Refused` if it may not be written to."""
        zone = step.zone or self._options.get("zone")
        if zone is None and is_absolute(step.name):
            zone = enclosing(self._context, from_text(step.name), step.rtype)
        if zone not in self._named:
            place = self._context.target(zone, self._options.get("branch"))
            check_writable(self._context, place)
            self._named[zone] = place.zone
            if not self._options.get("branch") and place.zone not in self.places:
                self._refuse_mixed({*self.places, place.zone})
            self.places[place.zone] = place
        return self._named[zone]

    def _refuse_mixed(self, zones: set[str]) -> None:
        """As `joint.refuse_mixed`, if HEAD's zone is among these; otherwise each step names its zone itself."""
        head = self._context.head_status().head
        if head and head.zone in zones:
            refuse_mixed(self._context, zones)

    def message(self) -> str:
        count = len(self._read)
        return "batch of 1 change" if count == 1 else f"batch of {count:,} changes"

    def serial(self, zone: str) -> int | None:
        """The serial of the last SOA that a step sets in a zone."""
        for _, where, step in reversed(self._read):
            if where == zone and step.verb == "set" and step.rtype == SOA:
                return records.one_soa(step.rdatas)
        return None

    def blame(self, error: InvalidZone) -> ZonegitError:
        """Add to an error about a whole version the line that last changed the owner, or else a name above it.

        If no step did, add all lines that changed the zone.
        """
        if str(error).startswith(_AT):  # the error of a single step, which has its line already
            return error
        for zone, owner in error.places:
            apex = parse_apex(zone)
            steps = [(line, owner_of(step.name, apex)) for line, where, step in self._read if where == zone]
            at = [line for line, changed in steps if changed == owner]
            above = [line for line, changed in steps if is_within(owner + apex, absolute(changed, apex))]
            lines = at[-1:] or above[-1:] or [line for line, _ in steps]
            return at_line(_span(lines), error)
        return at_line(_span([line for line, _, _ in self._read]), error) if self._read else error


def commit_batch(context: Context, steps: Iterable[Step], options: JointOptions) -> list[Committed]:
    """Commit steps, which are read and applied one by one. `UsageError` if there are none."""
    batch = _Batch(context, steps, options)

    def intent(zone: str) -> Intent:
        return intent_of(single(options, zone), batch.message(), batch.serial(zone), operation="batch")

    try:
        done = commit_together(context, batch.places, batch.apply, intent)
    except InvalidZone as error:
        raise batch.blame(error) from None
    if not done:
        raise UsageError("the batch contains no changes; write one per line: set, add or delete, NAME, TYPE, …")
    return done


def _span(lines: Sequence[int]) -> str:
    """The first and the last line: `3`, `3-7`."""
    return "-".join(str(line) for line in dict.fromkeys((lines[0], lines[-1])))


def at_line(lines: str, error: ZonegitError) -> ZonegitError:
    """The same error with the line in front of its message."""
    return type(error)(f"{_AT}{lines}: {error}")
