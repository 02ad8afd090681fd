"""Whatever BIND, NSD and Knot DNS agree on, zonegitd answers, too: made zones, all names of a few labels.

`ZONEGIT_DIFFER` is how many worlds of zones are made (1), `ZONEGIT_DIFFER_SEED` the seed of the first,
`ZONEGIT_DIFFER_MODES` how their zones are signed. `make differ` makes many.
"""

import os
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from differkit import differences, hashed_questions, home, leads_out, questions, read, serving, table, write_zones
from differzones import make_world
from peerkit import PEERS, UDP_SIZE, ask_all
from zonegit.model.names import from_text, lower

WORLDS = int(os.environ.get("ZONEGIT_DIFFER", "1"))
FIRST = int(os.environ.get("ZONEGIT_DIFFER_SEED", "1"))
MODES = tuple(os.environ.get("ZONEGIT_DIFFER_MODES", "plain nsec nsec3 optout").split())
_SHOWN = 5


def _belongs(apexes: set[bytes], apex: bytes | None, room: bool, name: bytes) -> bool:
    """Whether additional records of this name need peers that send them, too. Without room only ours may fit."""
    return room and home(name, apexes) == apex


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(FIRST, FIRST + WORLDS))
def test_answers_as_all_peers_do(seed: int, tmp_path: Path, needs_program: Callable[[str], str]) -> None:
    programs = {peer: needs_program(peer) for peer in PEERS}
    world = make_world(seed, MODES)
    files = write_zones(world, tmp_path / "zones", needs_program("dnssec-signzone"), needs_program("dnssec-keygen"))
    with serving(tmp_path, files, programs) as ports:
        asked = [question for zone in world for question in questions(zone, seed, per_name=2)]
        asked += [question for path in files.values() for question in hashed_questions(path)]
        answers = ask_all([*ports, ports[0], ports[0]], [question.packet() for question in asked])
    apexes = {bytes(from_text(apex)) for apex in files}
    failures = Counter[str]()
    reports = []
    for question, ours, *rest in zip(asked, *answers, strict=True):
        theirs = [read(packet) for packet in rest[: len(programs)]]
        for again in rest[len(programs) :]:
            assert ours[2:] == again[2:], f"{question}: another answer from the cache"
        mine = read(ours)
        named = [("zonegitd", mine), *zip(programs, theirs, strict=True)]
        name = lower(from_text(question.name))
        apex = home(name, apexes)
        if leads_out(mine, apex, apexes, question.rtype):
            common = frozenset.intersection(*(peer.answer for peer in theirs))
            assert common <= mine.answer, f"{question}\n{table(named)}"
            continue
        for point in differences(mine, theirs, name, partial(_belongs, apexes, apex, question.size == UDP_SIZE)):
            failures[point] += 1
            if failures[point] <= _SHOWN:
                reports.append(f"{point} of {question}\n{table(named)}")
    assert not failures, f"{dict(failures)} of {len(asked)}\n\n" + "\n\n".join(reports)
