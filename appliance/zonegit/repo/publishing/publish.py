"""Publish a branch: let the gate judge its tip, and serve the newest commit that passes."""

import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from enum import Enum
from functools import partial
from typing import Final, Protocol

from zonegit.dnssec.policy import DnssecPolicy
from zonegit.errors import Conflict, DnssecError, ZonegitError
from zonegit.model import refs
from zonegit.repo.context import Context
from zonegit.repo.dnssec.look import Look
from zonegit.repo.mirrors import (
    has_own_policy,
    is_gone_at_peer,
    mirror_setting,
    own_policy_setting,
    publisher_setting,
)
from zonegit.repo.publishing.gate import Gate, Verdict
from zonegit.repo.publishing.policy import Held, Published, PublishPolicy, Reason, Validate
from zonegit.repo.publishing.reading import Publication, held_setting, published_at
from zonegit.repo.publishing.versions import begin, close, release, tip_of, withdraw
from zonegit.repo.results import Position, Revision

_TRIES: Final = 3
_TOGETHER: Final = 100
"""Branches whose first versions are made in one transaction: others wait for it some 0.1 s."""


class Sign(Protocol):
    """Signs what is published (`repo.dnssec.stage`)."""

    def look(self, place: Position, policy: DnssecPolicy, old: Published, commit: Revision | None) -> Look:
        """Publish a commit that passed the gate; without one, what the version `old` needs now."""
        ...


def publish(
    context: Context,
    place: Position,
    policy: PublishPolicy,
    validate: Validate,
    *,
    dry_run: bool = False,
    sign: Sign | None = None,
) -> Publication:
    """Publish the newest commit of a branch that passes the policy's gate, and keep what holds the others.

    The first version of a branch is its tip, unchecked: it was served until then, and whoever sets the policy
    accepts it. A branch that doesn't exist yet begins with a version that shows nothing. `DnssecError` if the zone
    is to be signed, and its keys can't be read or there is nothing to `sign` with.
    """
    for _ in range(_TRIES - 1):
        with suppress(Conflict):  # another process published meanwhile
            return _publish(context, place, policy, validate, sign, dry_run=dry_run)
    return _publish(context, place, policy, validate, sign, dry_run=dry_run)


def begin_publishing(context: Context, places: Iterable[Position]) -> list[Position]:
    """Publish branches as they are that have no version yet; returns those. What can't be read is left out.

    That is what `publish` does first, too. But here it is done for many at a time: a branch that still waits for it
    is served from its tip, whatever is committed to it meanwhile.
    """
    with context.store.read() as reader:
        lacking = [place for place in places if reader.ref(refs.published(place.zone, place.branch)) is None]
    for at in range(0, len(lacking), _TOGETHER):
        with suppress(ZonegitError):  # `publish` reports it
            begin(context, lacking[at : at + _TOGETHER])
    return lacking


class Stopped(Enum):
    """What a branch is served from once its policy is gone."""

    SERVES_TIP = "serves-tip"
    FOLLOWS_PEER = "follows-peer"
    """What its peer publishes, or its tip. Until that is known, the last version stays."""


def stop_publishing(context: Context, place: Position) -> Stopped:
    """Serve a branch from its tip again, or a mirrored one as its peer does: it has no policy any more."""
    with context.store.read() as reader:
        old = published_at(reader, place)
        mirrored = reader.setting(mirror_setting(place.zone)) is not None
    with context.store.write() as writer:
        writer.set_setting(held_setting(place), None)
        writer.set_setting(own_policy_setting(place.zone), None)
        writer.set_setting(publisher_setting(place.zone), None)  # set again once its version arrives
    if old is not None and not mirrored:  # last: as long as the version is there, this is done again after a crash
        withdraw(context, place, old)
    return Stopped.FOLLOWS_PEER if mirrored else Stopped.SERVES_TIP


def _publish(
    context: Context,
    place: Position,
    policy: PublishPolicy,
    validate: Validate,
    sign: Sign | None,
    *,
    dry_run: bool,
) -> Publication:
    with context.store.read() as reader:
        old, noted = published_at(reader, place), reader.setting(held_setting(place))
        noted_policy = has_own_policy(reader, place.zone)
    if old is not None and not noted_policy and not dry_run:  # the versions until now were a peer's
        with context.store.write() as writer:
            writer.set_setting(own_policy_setting(place.zone), b"1")
    tip = tip_of(context, place)
    gate = Gate(context.store.read, context.nodes, place, policy, validate, int(context.now()))
    if tip is None:
        return _without_tip(context, place, gate, old, noted, dry_run=dry_run)
    if old is not None and policy.dnssec is not None and not dry_run:
        if sign is None:
            raise DnssecError(f"{place.zone} is signed by zonegitd or 'zonegit publish', and by nothing else")
        return _publish_signed(context, place, gate, partial(sign.look, place, policy.dnssec), old, tip, noted)
    verdict = gate.judge(old, tip) if old else Verdict(tip, None)
    released = verdict.release
    while verdict.release is not None and not dry_run:
        old = release(context, place, old, verdict.release)
        released = verdict.release
        verdict = gate.judge(old, tip)  # again, since limits are relative to what is served now
    if not dry_run:
        _note(context, place, verdict.held, noted)
    if released is not None and sign is not None and policy.dnssec is not None and not dry_run:  # the first version
        return _publish(context, place, policy, validate, sign, dry_run=False)._replace(released=released)
    return Publication(place.zone, place.branch, old, verdict.held, released)


def _publish_signed(
    context: Context,
    place: Position,
    gate: Gate,
    look: Callable[[Published, Revision | None], Look],
    old: Published,
    tip: Revision,
    noted: bytes | None,
) -> Publication:
    """The same for a zone that is signed. Also if nothing passes, signatures are renewed, and keys rolled."""
    released = None
    while True:
        verdict = gate.judge(old, tip)
        done = look(old, verdict.release)
        old = done.published
        if verdict.release is None or done.problem is not None:
            break
        released = verdict.release
        if verdict.held is None:  # all of the branch is published
            break
    held = verdict.held
    if verdict.release is not None and done.problem is not None:
        held = Held(verdict.release.id, Reason.DNSSEC, done.problem, "repair that, then run 'zonegit publish'")
    _note(context, place, held, noted)
    return Publication(place.zone, place.branch, old, held, released, done.again, done.status)


def _without_tip(
    context: Context, place: Position, gate: Gate, old: Published | None, noted: bytes | None, *, dry_run: bool
) -> Publication:
    """A branch that doesn't exist, or no longer: nothing of it is served.

    Who removes a branch here ends it. A peer may be compromised, so it only does so as far as the policy lets it.
    """
    with context.store.read() as reader:
        gone_at_peer = is_gone_at_peer(reader, refs.head(place.zone, place.branch))
    serves = old is not None and not old.version.commit.is_tombstone
    held = gate.judge_end(old) if old is not None and serves and gone_at_peer else None
    if not dry_run:
        if held is None and (old is None or serves):
            old = close(context, place, old)
        _note(context, place, held, noted)
    return Publication(place.zone, place.branch, old, held)


def _note(context: Context, place: Position, held: Held | None, noted: bytes | None) -> None:
    """Note what holds a branch, unless that is noted already."""
    if _encoded(held) != noted:
        with context.store.write() as writer:
            writer.set_setting(held_setting(place), _encoded(held))


def _encoded(held: Held | None) -> bytes | None:
    """The note on what holds a branch. Notes are compared as such: an old one may not be readable any more."""
    return None if held is None else json.dumps({**held._asdict(), "commit": held.commit.hex()}).encode()
