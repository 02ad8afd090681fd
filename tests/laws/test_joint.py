"""Laws of changes of many records: a batch is its verbs, a rename has a way back, a TTL that is set stays."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from zonegit.errors import Conflict, InvalidZone, NotFound, Refused, UsageError, ZonegitError
from zonegit.model.names import parse_apex
from zonegit.model.rrset import RRset
from zonegit.repo import Repository
from zonegit.repo.batch import Step
from zonegit.store.memory import MemoryStore
from zonegit.zonefile.rdata.presentation import parse
from zonegit.zonefile.types import parse_type

ZONES = ("example.org.", "example.net.")
OWNERS = ("a", "b", "b.a", "c.b.a", "*.a", "n", "a.n")
RDATAS = {
    "A": ("192.0.2.1", "192.0.2.2"),
    "TXT": ("x", "y"),
    "CNAME": ("a.example.org.", "n.example.net."),
    "MX": ("10 a.example.org.", "10 c.b.a.example.org.", "5 a.example.net."),
    "SRV": ("0 0 80 b.a.example.org.", "0 0 80 n.example.org."),
    "HTTPS": ("1 B.a.example.org. alpn=h2", "0 n.example.net."),
    "NAPTR": ('1 1 "" "" "" c.b.a.example.org.',),
}
Content = dict[str, list[RRset]]


@st.composite
def steps(draw: st.DrawFn) -> Step:
    mnemonic = draw(st.sampled_from(sorted(RDATAS)))
    rtype = parse_type(mnemonic)
    zone = draw(st.sampled_from(ZONES))
    texts = draw(st.lists(st.sampled_from(RDATAS[mnemonic]), min_size=1, max_size=2, unique=True))
    rdatas = [parse(rtype, text, parse_apex(zone)) for text in texts]
    verb = draw(st.sampled_from(("set", "set", "add", "add", "delete")))
    owner = draw(st.sampled_from(OWNERS))
    ttl = draw(st.sampled_from((0, 60, 300)))
    if verb == "delete":
        chosen = draw(st.sampled_from((None, rtype, rtype)))
        return Step("delete", owner, chosen, None, rdatas if chosen and draw(st.booleans()) else (), zone)
    return Step("set" if verb == "set" else "add", owner, rtype, draw(st.sampled_from((ttl, None))), rdatas, zone)


def begun() -> Repository:
    repository = Repository(Path("nowhere"), MemoryStore())
    for zone in ZONES:
        repository.add_zone(zone)
    return repository


def content(repository: Repository) -> Content:
    """All records but for the SOA's, whose serial rises."""
    return {zone: list(repository.rrsets(zone=zone))[1:] for zone in ZONES}


def one_by_one(repository: Repository, done: list[Step]) -> list[Step]:
    """Make each change by its verb; returns those that weren't refused."""
    taken = []
    for step in done:
        try:
            if step.verb == "delete":
                repository.delete(step.name, step.rtype, step.rdatas, zone=step.zone)
            elif step.rtype is not None:
                verb = repository.set if step.verb == "set" else repository.add
                verb(step.name, step.rtype, step.ttl, step.rdatas, zone=step.zone)
            taken.append(step)
        except (InvalidZone, NotFound):
            continue
    return taken


def filled(done: list[Step]) -> Repository:
    repository = begun()
    one_by_one(repository, done)
    return repository


@given(st.lists(steps(), max_size=12))
def test_a_batch_is_its_verbs_one_after_another(done: list[Step]) -> None:
    singly, together = begun(), begun()
    taken = one_by_one(singly, done)
    if not taken:
        return
    together.batch(taken)
    assert content(together) == content(singly)


@given(st.lists(steps(), min_size=1, max_size=12))
def test_a_batch_is_refused_or_made_as_a_whole(done: list[Step]) -> None:
    repository = begun()
    before = {zone: repository.resolve(zone=zone).id for zone in ZONES}
    try:
        commits = repository.batch(done)
    except ZonegitError as error:
        assert str(error).startswith("batch:")
        assert {zone: repository.resolve(zone=zone).id for zone in ZONES} == before
    else:
        assert {each.zone for each in commits} == {step.zone for step in done}


NEW = ("fresh", "x.fresh", "x.a", "b", "fresh.example.net.", "a.fresh.n")


def points(repository: Repository, name: str) -> bool:
    """Whether any record points to a name, or below it."""
    wire = parse_apex(name)
    return any(
        wire in rdata.lower() for rrsets in content(repository).values() for each in rrsets for rdata in each.rdatas
    )


def caseless(found: dict[str, list[RRset]]) -> dict[str, list[tuple[bytes, int, int, list[bytes]]]]:
    """The same without regard to case."""
    return {
        zone: [
            (each.owner, each.rtype, each.ttl, sorted({rdata.lower() for rdata in each.rdatas})) for each in rrsets
        ]
        for zone, rrsets in found.items()
    }


@given(st.lists(steps(), max_size=14), st.sampled_from(OWNERS), st.sampled_from(NEW))
def test_a_rename_has_a_way_back(done: list[Step], old: str, new: str) -> None:
    repository = filled(done)
    before = content(repository)
    away = new if new.endswith(".") else f"{new}.example.org."
    if not away.endswith(f".{old}.example.org.") and points(repository, away):
        return  # what pointed there before would come back with it
    try:
        repository.rename(old, new, zone=ZONES[0], all_zones=True)
    except (Conflict, InvalidZone, NotFound, Refused, UsageError):
        assert content(repository) == before
        return
    if not away.endswith(f".{old}.example.org."):
        assert not points(repository, f"{old}.example.org.")
    zone = away.removeprefix(new.removesuffix(".example.net.") + ".") if new.endswith(".") else ZONES[0]
    repository.rename(away, f"{old}.example.org.", zone=zone, all_zones=True)
    assert caseless(content(repository)) == caseless(before)  # SVCB's names keep their case where they stay


@given(st.lists(steps(), max_size=10), st.sampled_from(("*", "a", "*.a", "?", "[bn]", "@", "*.example.net.")))
def test_a_ttl_that_is_set_stays(done: list[Step], pattern: str) -> None:
    repository = filled(done)
    before = content(repository)
    try:
        first = repository.set_ttl(pattern, 77, all_zones=True)
    except NotFound:
        assert content(repository) == before
        return
    after = content(repository)
    for zone in ZONES:
        assert [(each.owner, each.rtype, each.rdatas) for each in after[zone]] == [
            (each.owner, each.rtype, each.rdatas) for each in before[zone]
        ]
    moved = sum(each.ttl == 77 for zone in ZONES for each in after[zone])
    assert moved == sum(each.change_count for each in first.commits)
    again = repository.set_ttl(pattern, 77, all_zones=True)
    assert all(each.new == each.old for each in again.commits)
    assert content(repository) == after
