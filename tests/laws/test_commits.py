"""Whatever commits lead to is a zone: `export | import` takes it, and finds nothing to change.

Zones are nasty on purpose: few names, of which most are under delegations, DNAMEs and wildcards, or are hashes. And
no names below a delegation are looked at for warnings, so that errors are found without them.
"""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from unittest.mock import patch

from hypothesis import example, given
from hypothesis import strategies as st

from zonegit.errors import InvalidZone, NotFound
from zonegit.model.names import from_text, parse_apex, relative
from zonegit.model.rrset import RRKey, RRset, key_parts
from zonegit.repo import Repository, judging
from zonegit.store.memory import MemoryStore
from zonegit.zonefile.check import check_entries
from zonegit.zonefile.findings import Severity
from zonegit.zonefile.rdata.presentation import parse
from zonegit.zonefile.reader import ParsedZone, read_zone
from zonegit.zonefile.types import parse_type
from zonegit.zonefile.writer import write_zone

APEX = parse_apex("example.org.")
BEGIN = "@ 60 SOA ns.example.net. h 1 2 3 4 5\n@ 60 NS ns.example.net.\n"
HASH = "trha2c09rcsja7i003mf3tnnp6368j4b"
OWNERS = ("@", "a", "b.a", "c.b.a", "d.c.b.a", "*.a", "x.*.a", "*", HASH, f"b.{HASH}", "n")
RDATAS = {
    "A": ("192.0.2.1", "192.0.2.2"),
    "TXT": ("x", r"\000\;\"\200"),
    "NS": ("ns.example.net.", "b.a", "n", HASH),
    "CNAME": ("a", "n"),
    "DNAME": ("n", "example.net."),
    "MX": ("10 b.a", "10 n", "0 ."),
    "SOA": ("ns.example.net. h 9 2 3 4 5", "n h 1 2 3 4 5"),
    "DS": ("1 8 2 " + "ab" * 32,),
    "KEY": ("256 3 8 AQAB",),
    "NSEC": ("a A",),
    "NSEC3": (f"1 0 0 - {HASH} A", f"1 0 1 aa {HASH}"),
    "RRSIG": tuple(f"{covered} 20300101000000 20200101000000 1 @ AQAB" for covered in ("A 8 2 9", "NSEC3 8 2 60")),
    "TYPE65280": (r"\# 0", r"\# 1 00"),
}  # fmt: skip
Entries = dict[RRKey, bytes]
Step = tuple[str, str, str, tuple[str, ...], int]
"""What is done, owner, type, RDATAs, and a TTL (for `reset`: how far back)."""


@st.composite
def steps(draw: st.DrawFn) -> Step:
    rtype = draw(st.sampled_from(sorted(RDATAS)))
    what = draw(st.sampled_from(("set", "set", "add", "delete", "delete", "clear", "reset")))
    rdatas = draw(st.lists(st.sampled_from(RDATAS[rtype]), min_size=1, max_size=2, unique=True))
    return what, draw(st.sampled_from(OWNERS)), rtype, tuple(rdatas), draw(st.sampled_from((0, 1, 60)))


def changed(repository: Repository, step: Step) -> None:
    what, owner, mnemonic, texts, number = step
    rtype = parse_type(mnemonic)
    rdatas = [parse(rtype, text, APEX) for text in texts]
    change: dict[str, Callable[[], object]] = {
        "set": lambda: repository.set(owner, rtype, number, rdatas, signatures="break"),
        "add": lambda: repository.add(owner, rtype, number, rdatas, signatures="break"),
        "delete": lambda: repository.delete(owner, rtype, rdatas if number else (), signatures="break"),
        "clear": lambda: repository.delete(owner, signatures="break"),
        "reset": lambda: repository.reset(f"HEAD~{number % 2}", signatures="break"),
    }
    change[what]()


def exported(repository: Repository) -> ParsedZone:
    """The zone as its export reads."""
    text = "\n".join(write_zone(APEX, repository.rrsets()))
    return read_zone(BytesIO(text.encode()), name="export", origin=APEX)


def begun() -> Repository:
    repository = Repository(Path("nowhere"), MemoryStore())
    repository.import_zone(read_zone(BytesIO(BEGIN.encode()), name="begin", origin=APEX), source="begin")
    return repository


def expected(entries: Entries, step: Step) -> Entries | None:
    """The entries that a step asks for; None where the law doesn't say."""
    what, name, mnemonic, texts, number = step
    owner = relative(from_text(name, APEX), APEX)
    rtype = parse_type(mnemonic)
    if what == "set":
        rrset = RRset.of(owner, rtype, number, [parse(rtype, text, APEX) for text in texts])
        return entries | {rrset.key: rrset.encode()}
    if what == "clear":
        return {key: payload for key, payload in entries.items() if key_parts(key)[0] != owner}
    if what == "delete" and not number:
        return {key: payload for key, payload in entries.items() if key_parts(key) != (owner, rtype)}
    return None


def is_zone(entries: Entries) -> bool:
    found = check_entries(APEX, sorted(entries.items()))
    return all(each.severity is Severity.WARNING for each in found)


@patch.object(judging, "WARNED_BELOW", 0)
@given(st.lists(steps(), max_size=14))
@example(
    [
        ("set", "x.*.a", "TXT", ("x",), 60),
        ("set", "a", "NS", ("n",), 60),
        ("set", "*.a", "DNAME", ("n",), 60),
        ("delete", "a", "NS", (), 0),
    ]
)
@example([("set", "a", "NS", ("n",), 60), ("set", "b.a", "SOA", ("n h 1 2 3 4 5",), 60)])
@example(
    [
        ("set", "*.a", "CNAME", ("n",), 60),
        ("set", "b.a", "A", ("192.0.2.1",), 60),
        ("set", "n", "MX", ("10 b.a",), 60),
        ("clear", "b.a", "A", (), 0),
    ]
)
@example(
    [
        ("set", HASH, "NSEC3", (f"1 0 0 - {HASH} A",), 60),
        ("set", f"b.{HASH}", "A", ("192.0.2.1",), 60),
        ("set", "@", "DNAME", ("example.net.",), 60),
    ]
)
@example([("set", HASH, "NSEC3", (f"1 0 0 - {HASH} A",), 60), ("set", "@", "DNAME", ("example.net.",), 60)])
@example([("set", "a", "TYPE65280", (rf"\# {size} {'00' * size}",), 60) for size in (65480, 65535)])
def test_what_commits_lead_to_is_imported_as_it_is(done: list[Step]) -> None:
    repository = begun()
    for step in done:
        before = repository.resolve().id
        try:
            changed(repository, step)
        except (InvalidZone, NotFound):
            assert repository.resolve().id == before
    parsed = exported(repository)
    assert parsed.warnings == []
    again = repository.import_zone(parsed, source="export", replace=True)
    assert again.new == again.old


@patch.object(judging, "WARNED_BELOW", 0)
@given(st.lists(steps(), max_size=14))
def test_a_change_is_refused_exactly_if_the_whole_zone_would_be(done: list[Step]) -> None:
    repository = begun()
    for step in done:
        after = expected(dict(exported(repository).entries), step)
        try:
            changed(repository, step)
        except NotFound:
            continue
        except InvalidZone:
            assert after is None or not is_zone(after)
        else:
            assert after is None or is_zone(after)
