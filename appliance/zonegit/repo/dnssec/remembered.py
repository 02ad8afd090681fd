"""The policies by which zones were signed last, as the repository has them.

A zone whose table is taken out of the configuration mustn't become unsigned while its parent has a DS. So whoever
publishes goes on by the last policy, until signing has been ended in the safe way.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from zonegit.dnssec.policy import Algorithm, Denial, DnssecPolicy, KeyLayout
from zonegit.repo.results import Position
from zonegit.store.port import Reader, Store

_EVERY: Final = "dnssec-policy/"
"""In front of zone and branch."""


def remembered(reader: Reader) -> Iterator[tuple[Position, DnssecPolicy]]:
    """The branches that are signed, and the policy of each. What can't be read is left out."""
    for _, value in reader.settings(_EVERY):
        found = _decoded(value)
        if found is not None:
            yield found


def remember(store: Store, place: Position, policy: DnssecPolicy | None) -> None:
    """Note the policy that a branch is signed by; None: it isn't signed any more."""
    name = f"{_EVERY}{place.zone}/{place.branch}"
    value = None if policy is None else _encoded(place, policy)
    with store.read() as reader:
        if reader.setting(name) == value:
            return
    with store.write() as writer:
        writer.set_setting(name, value)


def _encoded(place: Position, policy: DnssecPolicy) -> bytes:
    table = {**place._asdict(), "policy": {**policy._asdict(), "directory": str(policy.directory)}}
    return json.dumps(table, sort_keys=True).encode()


def _decoded(value: bytes) -> tuple[Position, DnssecPolicy] | None:
    try:
        table = json.loads(value)
        fields = table["policy"]
        policy = DnssecPolicy(**{name: fields[name] for name in DnssecPolicy._fields if name in fields})
        read = policy._replace(
            algorithm=Algorithm(policy.algorithm),
            keys=KeyLayout(policy.keys),
            denial=Denial(policy.denial),
            parent=tuple(policy.parent),
            directory=Path(policy.directory),
        )
        return Position(table["zone"], table["branch"]), read
    except (ValueError, KeyError, TypeError):  # a later zonegit's
        return None
