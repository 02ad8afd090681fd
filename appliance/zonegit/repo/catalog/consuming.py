"""Carries out what followed catalogs change here (`following`): in one transaction, or not at all."""

from collections.abc import Collection, Iterable, Mapping
from os import uname
from typing import Final

from zonegit.model import refs
from zonegit.model.refs import RefKind
from zonegit.repo.catalog.following import Decided
from zonegit.repo.catalog.membership import CatalogState, Members, keep_members, keep_states
from zonegit.repo.context import Context
from zonegit.repo.incoming.state import Asked, request_transfer, transfer_state
from zonegit.repo.publishing.versions import close_absent
from zonegit.repo.results import Position
from zonegit.store.port import Reader, RefUpdate

_WHO: Final = "zonegitd"
_TOGETHER: Final = 500
"""Branches that get their first published version in one transaction: others wait for it some 0.1 s."""


def zones_here(reader: Reader) -> frozenset[str]:
    """The names of all zones."""
    prefix = f"refs/{RefKind.HEAD}/"
    return frozenset(refs.parse(name).zone for name, _ in reader.live_refs(prefix))


def carry_out(
    context: Context,
    before: Members,
    decided: Decided,
    states: Mapping[str, CatalogState],
    guarded: Collection[Position],
) -> None:
    """Remove the zones that go, and record the members and what became of the catalogs.

    `guarded`: branches of new members that have a policy. Of these nothing is served until something passes it.
    """
    places = list(guarded)
    for at in range(0, len(places), _TOGETHER):
        close_absent(context, places[at : at + _TOGETHER])
    stamp = context.stamp(f"{_WHO} <{_WHO}@{uname().nodename}>")
    with context.store.write() as writer:
        updates = list(_removals(writer, decided.removed))
        if updates:
            writer.move_refs(updates, stamp, "zone: removed by its catalog")
        keep_members(writer, before, decided.members)
        begun = (decided.members.keys() - before.keys()) | (decided.removed & decided.members.keys())
        for zone in begun:
            if transfer_state(writer, zone) is not None:  # the process that transfers doesn't know that it is gone
                request_transfer(writer, zone, Asked.WHOLE)
        keep_states(writer, states)


def _removals(reader: Reader, zones: Iterable[str]) -> Iterable[RefUpdate]:
    """What deletes all branches and tags of zones."""
    for zone in zones:
        for kind in (RefKind.HEAD, RefKind.TAG):
            for name, oid in reader.live_refs(f"refs/{kind}/{zone}/"):
                if refs.parse(name).zone == zone:
                    yield RefUpdate(name, oid, None)
