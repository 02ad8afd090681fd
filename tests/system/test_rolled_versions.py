"""Every version that is published during every process with a zone's keys, before the validators of Debian.

They know no time but the real one, so the processes began some days ago.
"""

import time
from collections.abc import Collection
from pathlib import Path

import pytest

from signedkit import ORG, SignedNode
from validators import ZONE_FILE_VALIDATORS, Find, judge_file
from zonegit.dnssec.policy import DAY, Algorithm, Denial, DnssecPolicy, KeyLayout
from zonegit.repo.dnssec.requests import Wanted
from zonegit.zonefile.writer import write_zone

AGO = 8 * DAY
CSK = DnssecPolicy(Algorithm.ECDSAP256SHA256, KeyLayout.CSK, Denial.NSEC)
SPLIT = DnssecPolicy(Algorithm.ED25519, KeyLayout.SPLIT, Denial.NSEC3)
BY_TWO_CSKS = ("csk", "layout")
"""Processes with two keys that sign everything. Of these, kzonecheck 3.2.6 refuses single signatures that the other
programs and dnspython accept, and that it accepts itself once the other key is gone.
"""
STEPS = {"csk": 3, "ksk": 3, "zsk": 3, "algorithm": 4, "layout": 4, "disable": 1}
"""Processes, and how many versions each publishes at least that are signed."""


class Judged(SignedNode):
    """A zone whose versions are all judged, after its first DS."""

    def __init__(self, path: Path, policy: DnssecPolicy, find: Find, programs: Collection[str]) -> None:
        super().__init__(path, policy)
        self._programs = programs
        self.clock.now = time.time() - AGO
        self.versions: dict[bytes, list[str]] = {}
        """What the programs have against each version."""
        self._find = find
        self.restart()

    def judge(self) -> None:
        """Have what is served now judged, if it hasn't been and is signed."""
        content = self.served()
        revision = content.revision
        if revision.id in self.versions or revision.commit.expires is None:
            return
        file = self.path / "zone"
        file.write_text("".join(f"{line}\n" for line in write_zone(content.apex, content.rrsets())))
        found = [judge_file(self._find, program, file, ORG) for program in self._programs]
        self.versions[revision.id] = [complaint for complaint in found if complaint]

    def live(self) -> None:
        """Until no process is under way, have the parent follow, and judge what is published every half an hour."""
        for _ in range(150):
            status = self.settle(1800)
            self.judge()
            self.delegate()
            if not status.under_way:
                return
        raise AssertionError(status)


@pytest.mark.parametrize("process", STEPS)
def test_each_version_is_accepted(process: str, needs_program: Find, tmp_path: Path) -> None:
    programs = ZONE_FILE_VALIDATORS.keys() - ({"kzonecheck"} if process in BY_TWO_CSKS else ())
    policy = SPLIT if process in ("ksk", "zsk", "algorithm") else CSK
    node = Judged(tmp_path, policy, needs_program, programs)
    node.publish()
    node.live()
    enabled = len(node.versions)
    assert enabled >= 2
    match process:
        case "algorithm":
            node.with_policy(algorithm=Algorithm.ECDSAP384SHA384)
        case "layout":
            node.with_policy(keys=KeyLayout.SPLIT)
        case _:
            wanted = {"ksk": Wanted.KSK, "zsk": Wanted.ZSK, "csk": Wanted.KSK, "disable": Wanted.DISABLE}
            node.repository.request_dnssec(wanted[process], ORG)
    node.settle()
    node.judge()
    node.live()

    assert node.clock.now < time.time()
    assert len(node.versions) - enabled >= STEPS[process]
    assert [complaints for complaints in node.versions.values() if complaints] == []
