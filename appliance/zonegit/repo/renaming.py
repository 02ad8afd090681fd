"""`rename`: renames a name and all names below it, and updates the records that point to them.

Records point to a name by the names in their RDATA (`model.rdata`). Names inside text (`include:` in an SPF record)
or in RDATA of an unknown type are reported, but not changed. DNSSEC records move with their owners and are
otherwise unchanged, since nobody here can sign them again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from zonegit.errors import Conflict, InvalidName, NotFound, OutOfZone, Refused, UsageError
from zonegit.model.names import (
    MAX_NAME,
    WireName,
    from_text,
    is_within,
    join,
    labels,
    lower,
    owner_key,
    parse_apex,
    relative,
    to_text,
)
from zonegit.model.rdata import AAAA, NS, TXT, A, name_spans
from zonegit.model.rrset import RRKey, RRset, key_parts
from zonegit.repo.content import Content
from zonegit.repo.context import Context
from zonegit.repo.joint import Branches, Joint, JointOptions, Mention, every, one, single
from zonegit.repo.joint_commit import Tips, commit_together
from zonegit.repo.listing import enclosing, zone_names
from zonegit.repo.records import Changes
from zonegit.repo.references import may_name, others, search
from zonegit.repo.signed import DNSSEC_TYPES, is_dnssec
from zonegit.repo.writing import Intent, check_writable, intent_of
from zonegit.tree import walk

_TEXTS: Final = frozenset((TXT, 99, 256, 257))  # SPF, URI, CAA
"""Types whose RDATA may contain names as text."""


class _Move(NamedTuple):
    """A rename, after it was checked."""

    home: str
    """The zone that contains the old name."""
    target: str
    """The zone that will contain the new name."""
    old: WireName
    new: WireName

    def renamed(self, name: bytes) -> bytes:
        """A wire name after the rename. `InvalidName` if it becomes too long."""
        if not is_within(name, self.old):
            return name
        moved = name[: len(name) - len(self.old)] + self.new
        if len(moved) > MAX_NAME:
            raise InvalidName(f"{to_text(name)} would have {len(moved)} bytes; a name has at most {MAX_NAME}")
        return moved


def rename(context: Context, old: str, new: str, options: JointOptions, *, all_zones: bool) -> Joint:
    """See `Repository.rename`."""
    branches = every(context, options) if all_zones else one(context, options)
    move = _agreed(context, old, new, options, branches)
    keep_signatures = options.get("signatures", "keep") != "unsign"
    left: list[str] = []
    mentions: list[Mention] = []

    def changes(tips: Tips) -> Mapping[str, Changes]:
        left.clear()
        mentions.clear()
        if next(_within(tips[move.home], move.old), None) is None:
            raise NotFound(f"nothing to rename: {move.home} has no records at or below {to_text(move.old)}")
        _refuse_clash(tips[move.target], move)
        wanted: dict[str, dict[RRKey, bytes | None]] = {}
        # The home zone is read last, so that its records replace the glue for the same names in other zones.
        for zone in sorted(tips, key=lambda zone: zone == move.home):
            found = _read(tips[zone], move)
            mentions.extend(found.mentions)
            if zone in branches.mirrored:
                left.extend([zone] if found.changes else ())
                continue
            if found.changes:
                wanted[zone] = {**found.changes, **wanted.get(zone, {})}
            if found.moved:
                if zone != move.home:
                    _refuse_clash(tips[zone], move)
                come = {
                    key: payload for key, payload in found.moved.items() if keep_signatures or not is_dnssec(key)
                }
                target = move.target if zone == move.home else zone
                wanted[target] = {**wanted.get(target, {}), **come}
        return {zone: wanted[zone] for zone in tips if zone in wanted}

    def intent(zone: str) -> Intent:
        message = f"rename {to_text(move.old)} to {to_text(move.new)}"
        return intent_of(single(options, zone), message, None, operation="rename")

    done = commit_together(context, branches.places, changes, intent)
    unchanged = branches.lacking if all_zones else others(context, branches.places[move.home])
    return Joint(done, tuple(left), tuple(mentions), search(context, unchanged, move.old))


def _agreed(context: Context, old: str, new: str, options: JointOptions, branches: Branches) -> _Move:
    """The move of a rename. `Refused`, `OutOfZone` or `UsageError` if it isn't possible."""
    home = context.target(options.get("zone"), options.get("branch")).zone
    apex = parse_apex(home)
    was, becomes = WireName(lower(from_text(old, apex))), WireName(lower(from_text(new, apex)))
    relative(was, apex)
    if was == apex:
        raise Refused(
            f"{home} is the zone itself, which can't be renamed: 'export' it, and 'import' it as the new one"
        )
    if was == becomes:
        raise UsageError(f"{to_text(was)} already has this name")
    if (inner := enclosing(context, was, None)) and inner != home:
        raise Refused(
            f"{to_text(was)} is in the zone {inner}, which this repository has too; --zone {inner} renames it there"
        )
    for zone in zone_names(context):
        if zone != home and is_within(parse_apex(zone), was):
            raise Refused(f"the zone {zone} is at or below {to_text(was)}, and a zone can't be renamed")
    target = enclosing(context, becomes, None)
    if is_within(becomes, apex) and (target is None or len(parse_apex(target)) < len(apex)):
        target = home
    if target is None:
        raise OutOfZone(
            f"{to_text(becomes)} is outside of {home}; a name can only move to a zone of this repository"
        )
    if target != home and target not in branches.places:
        raise Refused(f"{to_text(becomes)} is in the zone {target}, not in {home}; --all-zones moves it there")
    if home not in branches.places:
        raise NotFound(f"{home} has no branch {options.get('branch')}")
    for zone in (home, target):
        check_writable(context, branches.places[zone])
    return _Move(home, target, was, becomes)


def _refuse_clash(content: Content, move: _Move) -> None:
    """`Conflict` if the new name, or a name below it, has records that don't move away."""
    for key, _ in _within(content, move.new):
        owner, _ = key_parts(key)
        if not is_within(owner + content.apex, move.old):
            name = to_text(WireName(owner + content.apex))
            raise Conflict(f"{name} has records already; delete them, or choose another name")


@dataclass(slots=True)
class _ZoneEdit:
    """What a rename changes in one zone."""

    changes: dict[RRKey, bytes | None] = field(default_factory=dict)
    moved: dict[RRKey, bytes] = field(default_factory=dict)
    """The RRsets that move to another owner, under their new keys."""
    mentions: list[Mention] = field(default_factory=list)


def _read(content: Content, move: _Move) -> _ZoneEdit:
    """Search a whole zone. In other zones than the home zone, glue moves too, or is deleted if NEW is outside."""
    found = _ZoneEdit()
    zone = content.revision.commit.zone
    apex = parse_apex(move.target) if zone == move.home else content.apex
    here = is_within(move.old, content.apex) and is_within(move.new, apex)
    at_old = owner_key(relative(move.old, content.apex)) if is_within(move.old, content.apex) else None
    glue = not here and at_old is not None and _delegates(content, parse_apex(move.home))
    text = to_text(move.old)[:-1].encode()
    for key, payload in walk.entries(content.tree.nodes, content.tree.root):
        inside = at_old is not None and key.startswith(at_old)
        moves = here and inside
        rtype = int.from_bytes(key[-2:], "big")
        points = may_name(rtype, payload, move.old)
        if glue and inside and rtype in (A, AAAA):
            found.changes[key] = None
            continue
        if not inside and not points and not (rtype in _TEXTS and text in lower(payload)):
            continue
        rrset = RRset.decode(payload)
        rdatas = rrset.rdatas
        if rtype not in DNSSEC_TYPES:
            rdatas = tuple(_redirected(rtype, rdata, move) for rdata in rdatas)
        if moves:
            owner = relative(move.renamed(rrset.owner + content.apex), apex)
            renamed = RRset.of(owner, rtype, rrset.ttl, rdatas)
            found.changes.setdefault(key, None)
            found.moved[renamed.key] = renamed.encode()
        elif rdatas != rrset.rdatas:
            found.changes[key] = RRset.of(rrset.owner, rtype, rrset.ttl, rdatas).encode()
        elif inside or rtype not in DNSSEC_TYPES:
            found.mentions.append(Mention(zone, rrset.owner, rtype))
    return found


def _delegates(content: Content, apex: WireName) -> bool:
    """Whether a zone delegates this name or an ancestor of it, so that its addresses at or below it are glue."""
    parts = labels(relative(apex, content.apex))
    return any(content.rrset(join(parts[at:]), NS) for at in range(len(parts)))


def _redirected(rtype: int, rdata: bytes, move: _Move) -> bytes:
    """RDATA in which each name is renamed."""
    for start, end in reversed(list(name_spans(rtype, rdata))):
        rdata = rdata[:start] + move.renamed(rdata[start:end]) + rdata[end:]
    return rdata


def _within(content: Content, name: WireName) -> Iterator[tuple[RRKey, bytes]]:
    """The RRsets at a name and below it."""
    key = owner_key(relative(name, content.apex))
    for found, payload in walk.entries(content.tree.nodes, content.tree.root, RRKey(key + b"\0")):
        if not found.startswith(key):
            return
        yield found, payload
