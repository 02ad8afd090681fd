"""What operators read: what is waited for, what is wrong, and the timetable."""

import pytest

from rolloverkit import APEX, HOUR, START, World, is_steady, key
from zonegit.dnssec.policy import DAY, Algorithm, DnssecPolicy, KeyLayout
from zonegit.dnssec.private_key import tag_of
from zonegit.dnssec.rollover.counting import Count
from zonegit.dnssec.rollover.machine import imported_state
from zonegit.dnssec.rollover.requests import requested
from zonegit.dnssec.rollover.state import State
from zonegit.dnssec.rollover.table import TABLES, Kind
from zonegit.dnssec.rollover.timetable import timetable
from zonegit.dnssec.rollover.values import Parent, Role
from zonegit.dnssec.rollover.words import Label, Waiting, problems, waiting

SPLIT = DnssecPolicy(keys=KeyLayout.SPLIT, algorithm=Algorithm.ED25519)


def waits(world: World) -> Waiting | None:
    return waiting(world.state, world.facts(world.state), world.policy)


def steady() -> World:
    world = World(SPLIT, 2 * HOUR, DAY)
    world.run()
    return world


def at(world: World, step: str) -> None:
    world.run(lambda state: state.process is not None and state.process.step == step)


def problem(world: World) -> dict[str, str]:
    return dict(problems(world.state, world.facts(world.state)))


def test_a_steady_zone_waits_for_nothing() -> None:
    world = steady()
    assert waits(world) is None
    assert problem(world) == {}


def test_each_kind_of_waiting_has_its_label_and_its_words() -> None:
    world = World(SPLIT, 2 * HOUR, DAY, slice_gap=HOUR)
    seen: dict[Label, Waiting] = {}

    def note(state: State) -> bool:
        found = waits(world)
        if found is not None:
            seen.setdefault(found.label, found)
        return is_steady(state)

    found = waits(world)
    assert found is not None
    assert (found.label, found.words) == (Label.KEYS, "a ksk and a zsk to be generated")
    world.run(note)
    world.state = requested(world.state, Kind.KSK, SPLIT, world.clock)
    world.look("publish")
    note(world.state)
    world.run(note, lag=HOUR)
    assert set(seen) == set(Label) - {Label.KEYS}
    assert seen[Label.PUBLICATION].words == "a version with these keys to be published"
    assert seen[Label.SIGNATURES].words == "all records to be signed by the keys of this step, and by no other"
    assert seen[Label.DNSKEY_TTL].words == "caches to drop the DNSKEY records from before this step"
    assert seen[Label.DNSKEY_TTL].until is not None
    assert seen[Label.DS_TTL].until is not None


def test_the_parent_is_named_with_what_its_servers_say() -> None:
    world = steady()
    world.state = requested(world.state, Kind.KSK, SPLIT, world.clock)
    at(world, "ds")
    world.servers = 0
    world.silent = {1}
    new = tag_of(world.state.having(*{held.part for held in world.state.keys if held.part == "new"})[0].dnskey)
    found = waits(world)
    assert found is not None
    assert found.words == (
        f"all servers of the parent to have exactly the DS of key {new}: "
        "ns0 has others or none, not answered by ns1 (timed out)"
    )
    facts = world.facts(world.state)._replace(parent=Parent(world.clock, (), "no name server of org. is known"))
    found = waiting(world.state, facts, SPLIT)
    assert found is not None
    assert found.words.endswith(": no name server of org. is known")


def test_the_end_that_is_told_is_when_the_next_step_begins() -> None:
    world = steady()
    world.state = requested(world.state, Kind.ZSK, SPLIT, world.clock)
    world.look()
    world.pass_time(600)
    world.look()
    found = waits(world)
    assert found is not None
    assert found.until is not None
    at(world, "sign")
    assert found.until <= world.clock <= found.until + 600


def test_the_end_that_is_told_changes_only_when_time_is_counted() -> None:
    """What is noted of a zone would change with each commit otherwise."""
    world = steady()
    world.state = requested(world.state, Kind.ZSK, SPLIT, world.clock)
    world.look()
    world.pass_time(600)
    world.look()
    first = waits(world)
    world.pass_time(30)
    world.look()
    assert waits(world) == first
    world.pass_time(600)
    world.look()
    assert waits(world) == first


@pytest.mark.parametrize(
    ("count", "now", "end"),
    [
        (Count(), 5000, 5500),
        (Count(0, 5000), 5030, 5500),
        (Count(400, 5000), 5030, 5100),
        (Count(480, 5000), 5010, 5060),
        (Count(400, 5000), 5200, 5300),
        (Count(400, 5000), 4000, 4100),
        (Count(500, 5000), 5030, 5030),
    ],
    ids=["not-begun", "begun", "counts", "counts-after-a-minute", "unanswered", "clock-went-back", "over"],
)
def test_the_end_of_a_count_is_not_before_a_look_that_reaches_it(count: Count, now: int, end: int) -> None:
    assert count.end(500, now) == end


def test_a_steady_zone_whose_ds_is_missing_is_told() -> None:
    world = steady()
    world.parent = [frozenset(), frozenset()]
    found = waits(world)
    assert found is not None
    assert found.label is Label.PARENT
    assert "ns0, ns1 have others or none" in found.words


def test_a_ds_of_an_unknown_key_is_a_problem_if_it_is_the_only_one() -> None:
    world = steady()
    world.parent = [frozenset({b"\x12\x34\x0d\x02" + bytes(32)})] * 2
    assert "DS records of key 4660 only" in problem(world)["wrong-ds"]


def test_a_missing_private_key_is_told_with_what_to_do() -> None:
    world = steady()
    ksk = next(held.key for held in world.state.keys if held.key.role is Role.KSK)
    del world.private[ksk.dnskey]
    world.look()
    name = f"the private key of KSK {tag_of(ksk.dnskey)} is missing"
    assert problem(world)["key-missing"] == (
        f"{name}: import it ('zonegit dnssec import-key'), or replace it ('zonegit dnssec rollover')"
    )
    world.state = requested(world.state, Kind.KSK, SPLIT, world.clock)
    world.look()
    assert problem(world)["key-missing"].startswith(f"{name}: nothing can be published until the parent has the DS")
    found = waits(world)
    assert found is not None
    assert "beside those of now; have it added there ('zonegit dnssec ds' shows it)" in found.words


def test_a_lost_key_that_is_imported_again_goes_on_signing() -> None:
    world = steady()
    ksk = next(held.key for held in world.state.keys if held.key.role is Role.KSK)
    del world.private[ksk.dnskey]
    world.state = requested(world.look(), Kind.KSK, SPLIT, world.clock)
    world.look()
    assert world.is_frozen(world.state)
    world.private[ksk.dnskey] = ksk
    world.look()
    assert not world.is_frozen(world.state)
    assert world.run().dnskeys.isdisjoint({ksk.dnskey})


def test_a_new_key_that_is_lost_before_it_is_published_is_made_again() -> None:
    world = steady()
    world.state = requested(world.state, Kind.ZSK, SPLIT, world.clock)
    lost = [held.key for held in world.look("publish").keys if held.part == "new"]
    del world.private[lost[0].dnskey]
    again = [held.key for held in world.look().keys if held.part == "new"]
    assert len(again) == 1
    assert again != lost


def test_published_keys_that_the_state_does_not_know_are_told() -> None:
    world = steady()
    old = [key(role, number) for number, role in enumerate((Role.KSK, Role.ZSK))]
    world.private |= {each.dnskey: each for each in old}
    strays = sorted(tag_of(dnskey) for dnskey in world.version.dnskeys)
    world.state = imported_state(APEX, old)
    world.look()
    text = problem(world)["unknown-keys"]
    assert "not in the key state: was a backup restored?" in text
    assert all(str(tag) in text for tag in strays)


@pytest.mark.parametrize("kind", [Kind.KSK, Kind.ZSK, Kind.DISABLE])
def test_a_timetable_has_all_steps_and_is_kept_if_nobody_is_late(kind: Kind) -> None:
    world = steady()
    planned = timetable(world.state, kind, SPLIT, world.facts(world.state))
    assert [each.step for each in planned] == [row.step for row in TABLES[kind]]
    assert planned[0].earliest == world.clock
    world.state = requested(world.state, kind, SPLIT, world.clock)
    for each in planned[1:]:
        at(world, each.step)
        assert world.clock >= each.earliest


def test_a_timetable_says_what_happens_and_why_it_takes_so_long() -> None:
    world = steady()
    first, second, _ = timetable(world.state, Kind.KSK, SPLIT, world.facts(world.state))
    assert first.words == (
        "old keys: published, signing DNSKEY, in CDS; new keys: published, signing DNSKEY; "
        "until it is published, then 2h 15m (TTL 1h, propagation 1h, margin for clocks)"
    )
    assert "all servers of the parent have the DS and it is published, then 25h 15m (TTL 24h" in second.words
    assert second.earliest == START + (first.earliest - START) + 8100
