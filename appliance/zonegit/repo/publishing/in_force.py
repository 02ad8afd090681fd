"""The policies by which a process that commits may publish, as the repository has them.

The configuration belongs to zonegitd. Its publisher notes here which policies it has loaded, as far as they are
quick to judge by; so whoever commits goes by the same ones, and only by these.
"""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from zonegit.repo.results import Position
from zonegit.store.port import Reader, Store

if TYPE_CHECKING:
    from zonegit.repo.publishing.policy import PublishPolicy

_EVERY: Final = "publish-at-once/"
"""In front of zone and branch: the setting that has the limits of a policy."""
_LIMITS: Final = ("max_deletes", "max_change_percent")
"""What it may hold: with anything else, only the publisher knows what it means."""


def policy_in_force(reader: Reader, place: Position) -> "PublishPolicy | None":
    """The policy that commits to a branch may be judged by at once; None if the publisher has to judge them."""
    value = reader.setting(_setting(place))
    if value is None:
        return None
    from zonegit.repo.publishing.policy import PublishPolicy  # most commits need none

    try:
        table = json.loads(value)
        limits = [table[name] for name in _LIMITS]
    except (ValueError, KeyError, TypeError):  # a later zonegit's
        return None
    is_known = table.keys() == set(_LIMITS) and all(limit is None or type(limit) is int for limit in limits)
    return PublishPolicy(**dict(zip(_LIMITS, limits, strict=True))) if is_known else None


def note_policies(store: Store, policies: "Mapping[Position, PublishPolicy]") -> None:
    """Put these policies into force, and no others. Writes only what changes."""
    wanted = {_setting(place): _encoded(policy) for place, policy in policies.items() if policy.is_quick}
    with store.read() as reader:
        noted = dict(reader.settings(_EVERY))
    if noted == wanted:
        return
    with store.write() as writer:
        for name in noted.keys() | wanted.keys():
            if noted.get(name) != wanted.get(name):
                writer.set_setting(name, wanted.get(name))


def _setting(place: Position) -> str:
    return f"{_EVERY}{place.zone}/{place.branch}"


def _encoded(policy: "PublishPolicy") -> bytes:
    limits = {"max_deletes": policy.max_deletes, "max_change_percent": policy.max_change_percent}
    return json.dumps(limits, sort_keys=True).encode()
