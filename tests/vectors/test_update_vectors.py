"""updates.json holds what programs send to update a zone; here the room that applies it gives each what it wants.

`tests/system/test_replayed_updates.py` sends the same messages, signed, to servers.
"""

from pathlib import Path

import dns.name
import dns.rdata
import dns.rdatatype
import pytest

from replaykit import PROGRAMS, SIGNED, Replayed
from repokit import parsed
from updatedkit import zone_text
from updatekit import KEY
from zonegit.dns.update.message import read_update
from zonegit.model.names import parse_apex, to_text
from zonegit.ops.update_rules import parse_rule
from zonegit.repo import Repository
from zonegit.repo.results import Position
from zonegit.repo.updating.apply import apply_updates
from zonegit.repo.updating.values import Asked, UpdatePolicy

POLICY = UpdatePolicy((parse_rule("key:tester ** *"),))


@pytest.mark.parametrize("program", SIGNED, ids=lambda program: program.name)
def test_each_program_gets_what_it_wants(program: Replayed, tmp_path: Path) -> None:
    with Repository.init(tmp_path / "repo") as repository:
        repository.import_zone(parsed(zone_text(program.setup.zone)), source="test.zone")
        for step in program.steps:
            asked = Asked(read_update(step.packet), KEY, 1_767_225_600)
            (done,) = apply_updates(repository._context, Position(program.setup.zone, "main"), POLICY, [asked])
            assert done.rcode == step.rcode, done.why
            assert records(repository, program.setup.zone) == step.after


def test_every_program_is_there() -> None:
    assert [each.name for each in PROGRAMS if each not in SIGNED] == ["Windows"]


def records(repository: Repository, zone: str) -> list[str]:
    """All records but the SOA, as dig prints them, with one blank."""
    apex = parse_apex(zone)
    found = []
    for rrset in repository.rrsets():
        rtype, owner = dns.rdatatype.to_text(rrset.rtype), to_text(rrset.owner + apex)
        for rdata in rrset.rdatas:
            text = dns.rdata.from_wire(1, rrset.rtype, rdata, 0, len(rdata)).to_text()
            found.append(f"{owner} {rrset.ttl} {rtype} {text}")
    return sorted(each for each in found if " SOA " not in each)
