"""What a zone's keys wait for, and what is wrong with them, in words for operators."""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from zonegit.dnssec.policy import DnssecPolicy
from zonegit.dnssec.private_key import tag_of
from zonegit.dnssec.rollover.counting import NOTHING
from zonegit.dnssec.rollover.delegation import Seen, keys_of, parent_has, server_has
from zonegit.dnssec.rollover.machine import duration, holds, is_shown, needed, wanted_keys
from zonegit.dnssec.rollover.state import HeldKey, Part, Process, State
from zonegit.dnssec.rollover.table import Kind, Row, Until, Use
from zonegit.dnssec.rollover.uses import keys_with, row_of, use_of
from zonegit.dnssec.rollover.values import Facts, ManagedKey

_NAMED: Final = 3
"""Name servers that a message names."""


class Label(StrEnum):
    """The kinds of waiting, as the metric names them."""

    KEYS = "keys"
    PUBLICATION = "publication"
    SIGNATURES = "signatures"
    PARENT = "parent"
    DNSKEY_TTL = "dnskey-ttl"
    ZONE_TTL = "zone-ttl"
    DS_TTL = "ds-ttl"


_TTLS: Final = {
    Until.DNSKEY: (Label.DNSKEY_TTL, "caches to drop the DNSKEY records from before this step"),
    Until.SIGNED: (Label.ZONE_TTL, "caches to drop records with older signatures, or with none"),
    Until.PARENT: (Label.DS_TTL, "caches to drop the DS records from before this step"),
}


class Waiting(NamedTuple):
    """What has to happen before the next step."""

    label: Label
    words: str
    """One line, which goes on after "waits for"; `until` isn't in it."""
    since: int
    """Unix seconds, as `until`."""
    until: int | None
    """None: nobody knows."""


def waiting(state: State, facts: Facts, policy: DnssecPolicy) -> Waiting | None:
    """What the zone's keys wait for; None: for nothing."""
    process, row = state.process, row_of(state)
    if process is None or row is None:
        return _delegation(state, facts) if state.keys else None
    if needs := wanted_keys(state):
        names = " and ".join(f"a {need.role}" for need in needs)
        return Waiting(Label.KEYS, f"{names} to be generated", process.entered, None)
    if not is_shown(state, facts):
        return Waiting(Label.PUBLICATION, "a version with these keys to be published", process.entered, None)
    for until in row.until:
        if holds(state, row, until, facts) is Seen.NO or (
            process.waited == NOTHING and holds(state, row, until, facts) is Seen.UNKNOWN
        ):
            return Waiting(*_unmet(state, until, facts), process.entered, None)
    return _counting(state, process, row, facts, policy)


def problems(state: State, facts: Facts) -> Iterator[tuple[str, str]]:
    """What is wrong: a word for the metric, and one line for the operator that says what to do."""
    row = row_of(state)
    for held in state.keys:
        if held.is_lost and (use_of(held, row) & (Use.ZONE | Use.DNSKEY)):
            yield "key-missing", f"the private key of {_name(held.key)} is missing: {_remedy(held, row)}"
    if state.process is not None and state.process.kind is Kind.RECOVER:
        tags = _tags([key.dnskey for key in state.having(Part.OLD)])
        what = f"keys {tags}, which are" if tags else "an older set of keys, which is"
        yield (
            "unknown-keys",
            f"published: {what} not in the key state: was a backup restored? They stay as long as caches need them",
        )
    if facts.parent is not None:
        yield from _foreign_ds(state, facts)


def _delegation(state: State, facts: Facts) -> Waiting | None:
    """What the parent lacks while no process is under way."""
    if facts.parent is None or parent_has(
        state.apex, facts.parent, keys_with(state, Use.CDS), state.dnskeys
    ) is not (Seen.NO):
        return None
    return Waiting(*_unmet(state, Until.PARENT, facts), facts.parent.asked, None)


def _counting(state: State, process: Process, row: Row, facts: Facts, policy: DnssecPolicy) -> Waiting:
    if not row.until:
        return Waiting(Label.PUBLICATION, "zonegitd to look again", process.entered, facts.now)
    longest = max(row.until, key=lambda until: duration(until, state.ttls))
    label, why = _TTLS[longest]
    return Waiting(label, why, process.entered, process.waited.end(needed(row, state.ttls, policy), facts.now))


def _unmet(state: State, until: Until, facts: Facts) -> tuple[Label, str]:
    if until is Until.SIGNED:
        return Label.SIGNATURES, "all records to be signed by the keys of this step, and by no other"
    named, row = keys_with(state, Use.CDS), row_of(state)
    what = f"exactly the DS of key {_tags(named)}" if named else "no DS record"
    if row is not None and row.adds:
        what = (
            f"the DS of key {_tags(named)} beside those of now; have it added there ('zonegit dnssec ds' shows it)"
        )
    return Label.PARENT, f"all servers of the parent to have {what}{_why(state, named, facts)}"


def _why(state: State, named: Sequence[bytes], facts: Facts) -> str:
    parent = facts.parent
    if parent is None:
        return ""
    if parent.error:
        return f": {parent.error}"
    row = row_of(state)
    adds = row is not None and row.adds
    verdicts = [
        (server_has(state.apex, answer, named, state.dnskeys, adds=adds), answer) for answer in parent.answers
    ]
    wrong = [answer.server for verdict, answer in verdicts if verdict is Seen.NO]
    silent = [
        f"{answer.server} ({answer.error or 'no answer'})" for seen, answer in verdicts if seen is Seen.UNKNOWN
    ]
    parts = []
    if wrong:
        parts.append(f"{_listed(wrong)} {'has' if len(wrong) == 1 else 'have'} others or none")
    if silent:
        parts.append(f"not answered by {_listed(silent)}")
    return f": {', '.join(parts)}" if parts else ""


def _listed(servers: Sequence[str]) -> str:
    more = f" and {len(servers) - _NAMED} more" if len(servers) > _NAMED else ""
    return ", ".join(servers[:_NAMED]) + more


def _foreign_ds(state: State, facts: Facts) -> Iterator[tuple[str, str]]:
    """DS records that no key of the zone belongs to."""
    keys = state.dnskeys | facts.published | facts.foreign
    records = {ds for answer in (facts.parent.answers if facts.parent else ()) for ds in answer.ds or ()}
    unknown = {ds for ds in records if not keys_of(state.apex, [ds], keys)}
    if unknown and not keys_of(state.apex, records, keys):
        tags = ", ".join(str(tag) for tag in sorted({int.from_bytes(ds[:2], "big") for ds in unknown}))
        yield (
            "wrong-ds",
            f"the parent has DS records of key {tags} only, which isn't published: validators refuse the zone; "
            "have the parent replace them by what 'zonegit dnssec ds' shows, or remove them",
        )


def _remedy(held: HeldKey, row: Row | None) -> str:
    if row is not None and row.adds:
        return "nothing can be published until the parent has the DS of the new key, too"
    if held.part is Part.OLD:
        return "the new key signs earlier than planned"
    if row is not None:
        return "import it ('zonegit dnssec import-key')"
    return "import it ('zonegit dnssec import-key'), or replace it ('zonegit dnssec rollover')"


def _name(key: ManagedKey) -> str:
    return f"{key.role.upper()} {tag_of(key.dnskey)}"


def _tags(dnskeys: Sequence[bytes]) -> str:
    return ", ".join(str(tag_of(dnskey)) for dnskey in dnskeys)
