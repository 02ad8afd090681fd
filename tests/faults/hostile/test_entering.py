"""Zones that a primary mustn't have: names that no store holds, and versions that are unfit. They stand still.

Each zone of a primary is somebody's; what one of them does to theirs must not hold up those of the others.
"""

from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from synckit import NET, ORG, PEER, Content, Wire, commit, local_refs, move, names, put_tag, soa
from zonegit.errors import InvalidName, InvalidZone
from zonegit.model.commit import Commit, Stamp
from zonegit.model.names import APEX, WireName, join, owner_key, parse_apex, to_text
from zonegit.model.refs import MAX_REF, MAX_ZONE, check_zone, head, remote, tag
from zonegit.model.rrset import RRset
from zonegit.model.zone import Zone
from zonegit.repo.context import Context
from zonegit.repo.draft import draft_changes
from zonegit.repo.importing import commit_records
from zonegit.repo.peer_status import LEFT_OUT
from zonegit.repo.results import Position
from zonegit.repo.writing import Intent
from zonegit.repo.zones import add_zone
from zonegit.store.lmdb import LmdbStore
from zonegit.store.memory import MemoryStore
from zonegit.store.port import Reader
from zonegit.tree.servable import Inspection
from zonegit.tree.source import Nodes
from zonegit.zonefile.canonical_entries import CanonicalEntries
from zonegit.zonefile.rdata.fitting import misfit

LONGEST_ZONE: Final = 337
"""Characters that every new zone's name fits in."""
LARGE: Final = 20_000
"""Bytes of RDATA that stand in an object of their own, and in a view."""
NODES_TO_THE_SOA: Final = 4
"""Of the 700 that a zone of 30,000 owners has."""
LONG = to_text(WireName(join([b"\x01" * 63, b"\x01" * 50]) + b"\0"))
"""115 bytes, written as 454 characters, which do in a store and don't in each of its mirrors."""


def left_out(store: MemoryStore) -> dict[str, str]:
    with store.read() as reader:
        return left_out_of(reader, PEER)


def left_out_of(reader: Reader, peer: str) -> dict[str, str]:
    return LEFT_OUT.read(reader).get(peer, {})


def with_set(content: Content, rrset: RRset) -> Content:
    return dict(sorted({**content, rrset.key: rrset.encode()}.items()))


def two_soas(apex: str) -> RRset:
    one = soa(apex).rdatas[0]
    return RRset.of(APEX, 6, 3600, [one, b"\1x" + one])


DEEP = join([b"d" * 63, b"d" * 63, b"d" * 63, b"d" * 50])
UNFIT = {
    "two SOAs": (two_soas(ORG), "more than one SOA record"),
    "a SOA below the apex": (RRset.of(join([b"sub"]), 6, 60, soa(ORG).rdatas), "a SOA record at sub"),
    "an owner of 256 bytes": (RRset.of(DEEP, 1, 60, [bytes(4)]), "an owner of 256 bytes"),
    "an NSEC3PARAM of 2 bytes": (RRset.of(APEX, 51, 0, [b"\1\0"]), "unreadable data at @: NSEC3PARAM record"),
    "a salt cut short": (RRset.of(APEX, 51, 0, [b"\1\0\0\0\4abc"]), "unreadable data at @: NSEC3PARAM record"),
    "a signature of no bytes": (
        RRset.of(join([b"sub"]), 46, 0, [bytes(18) + b"\0"]),
        "unreadable data at sub: RRSIG record",
    ),
    "a bitmap without types": (RRset.of(join([b"sub"]), 47, 60, [b"\0"]), "unreadable data at sub: NSEC record"),
    "a NAPTR that is no expression": (
        RRset.of(join([b"sub"]), 35, 60, [bytes(4) + b"\0\0\1x\0"]),
        "unreadable data at sub: NAPTR record",
    ),
    "more records than are answered from": (
        RRset.of(join([b"many"]), 16, 60, [b"\4%04x" % n for n in range(1025)]),
        "1,025 records at many; 1,024 are the most",
    ),
    "more bytes than are answered from, at the apex": (
        RRset.of(APEX, 65_300, 60, [bytes(40_000), bytes(26_000)]),
        "66,",
    ),
    "large and below the apex": (
        RRset.of(join([b"sub"]), 51, 0, [b"\1\0\0\0\0" + b"x" * size for size in range(1, 60)]),
        "unreadable data at sub: NSEC3PARAM record",
    ),
}


@pytest.fixture
def primary() -> MemoryStore:
    store = MemoryStore()
    commit(store, NET, names(NET, 3))
    commit(store, ORG, names(ORG, 300))
    return store


@pytest.mark.parametrize("kind", UNFIT)
def test_an_unfit_version_stands_still_and_all_others_go_on(primary: MemoryStore, kind: str) -> None:
    rrset, reason = UNFIT[kind]
    secondary = MemoryStore()
    Wire(primary).pull(secondary)
    held = local_refs(secondary)[head(ORG, "main")]
    bad = commit(primary, ORG, with_set(names(ORG, 300), rrset))
    commit(primary, NET, names(NET, 4))
    assert Wire(primary).pull(secondary).branches == (head(NET, "main"),)
    assert local_refs(secondary)[head(ORG, "main")] == held, "the version held stays answered"
    (told,) = left_out(secondary).values()
    assert told.startswith(f"commit {bad.hex()} holds {reason}")

    commit(primary, ORG, names(ORG, 301))
    Wire(primary).pull(secondary)
    assert list(left_out(secondary)) == [ORG], "its history holds that commit for ever"
    move(primary, ORG, "main", held)
    commit(primary, ORG, names(ORG, 302))
    Wire(primary).pull(secondary)
    assert left_out(secondary) == {}
    assert local_refs(secondary) == local_refs(primary)


@pytest.mark.parametrize("kind", UNFIT)
def test_an_unfit_zone_is_not_begun(primary: MemoryStore, kind: str) -> None:
    rrset, reason = UNFIT[kind]
    move(primary, ORG, "main", None)
    commit(primary, ORG, with_set(names(ORG, 300), rrset), parents=())
    secondary = MemoryStore()
    Wire(primary).pull(secondary)
    assert list(local_refs(secondary)) == [head(NET, "main")]
    assert reason in left_out(secondary)[ORG]


@pytest.mark.parametrize("kind", UNFIT)
def test_no_unfit_version_is_made_here(kind: str) -> None:
    """Whoever embeds the library gives RRsets that no reader of text has seen."""
    rrset, _ = UNFIT[kind]
    context = Context.over(MemoryStore())
    content = with_set(names(ORG, 3), RRset.of(APEX, 2, 60, [parse_apex(NET)]))

    def import_all(content: Content) -> None:
        entries = CanonicalEntries.checked(list(content.items()))
        commit_records(context, parse_apex(ORG), None, entries, Intent("m", "Test", False, serial=1))

    with pytest.raises(InvalidZone):
        import_all(with_set(content, rrset))
    import_all(content)
    with pytest.raises(InvalidZone):
        draft_changes(context.tip(Position(ORG, "main")), {rrset.key: rrset.encode()})


def test_what_no_branch_reached_is_looked_for_in_history_and_tags(primary: MemoryStore) -> None:
    secondary = MemoryStore()
    Wire(primary).pull(secondary)
    good = local_refs(primary)[head(ORG, "main")]
    bad = commit(primary, ORG, with_set(names(ORG, 300), two_soas(ORG)))
    hidden = commit(primary, ORG, names(ORG, 300))
    Wire(primary).pull(secondary)
    assert bad.hex() in left_out(secondary)[ORG], "IXFR answers from the versions before"
    move(primary, ORG, "main", good)
    put_tag(primary, ORG, "v1", hidden)
    Wire(primary).pull(secondary)
    assert bad.hex() in left_out(secondary)[ORG]
    assert tag(ORG, "v1") not in local_refs(secondary)


def test_a_version_without_its_soa_is_unfit(primary: MemoryStore) -> None:
    secondary = MemoryStore()
    Wire(primary).pull(secondary)
    content = names(ORG, 300)
    commit(primary, ORG, {key: payload for key, payload in content.items() if key != soa(ORG).key})
    commit(primary, "new.example.", {key: payload for key, payload in content.items() if key != soa(ORG).key})
    Wire(primary).pull(secondary)
    assert {told.rpartition(" holds ")[2] for told in left_out(secondary).values()} == {"no SOA record at the apex"}
    assert set(left_out(secondary)) == {ORG, "new.example."}


def test_what_came_in_just_now_is_hardly_read_again() -> None:
    """What stands in its leaves was seen when they were checked."""
    store, read = MemoryStore(), []
    oid = commit(store, ORG, names(ORG, 30_000, large=3))
    with store.read() as reader:
        tree = Zone.decode(reader.get(Commit.decode(reader.get(oid)).zone_root)).tree
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(reader, "get", lambda oid: read.append(oid) or type(reader).get(reader, oid))
            assert Inspection(parse_apex(ORG), Nodes(reader), misfit, reader.plain).fault(tree) is None
    assert len(read) <= NODES_TO_THE_SOA


def test_a_verdict_is_not_looked_for_again(primary: MemoryStore) -> None:
    secondary = MemoryStore()
    commit(primary, ORG, with_set(names(ORG, 3000), two_soas(ORG)), parents=())
    Wire(primary).pull(secondary)
    first = left_out(secondary)
    commit(primary, NET, names(NET, 5))
    opened = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("zonegit.repo.admission.Inspection.fault", lambda self, root: opened.append(root))
        patch.setattr("zonegit.repo.admission.change_fault", lambda *tree: opened.append(tree))
        Wire(primary).pull(secondary)
    assert left_out(secondary) == first
    assert not opened, "all that is new of the other zone came in just now, and was seen then"


# -- names --------------------------------------------------------------------------------------------------------


def test_a_new_zone_is_named_so_that_every_mirror_can_track_it() -> None:
    assert MAX_ZONE == LONGEST_ZONE
    longest = remote("p" * 64, "z" * (MAX_ZONE - 1) + ".", "b" * 64)
    assert len(longest) == MAX_REF
    with pytest.raises(InvalidName, match=f"454 characters; at most {LONGEST_ZONE} fit what mirrors it"):
        add_zone(Context.over(MemoryStore()), LONG, (), None, "Test", dry_run=False)
    plain = WireName(join([b"a" * 63, b"a" * 63, b"a" * 63, b"a" * 61]) + b"\0")
    assert check_zone(to_text(plain)), "no name without escapes is too long"


def test_a_name_that_does_not_fit_holds_up_no_other_zone(primary: MemoryStore) -> None:
    commit(primary, LONG, names(LONG, 1))
    put_tag(primary, LONG, "t", local_refs(primary)[head(LONG, "main")])
    secondary = MemoryStore()
    Wire(primary).pull(secondary)
    assert set(local_refs(secondary)) == {head(NET, "main"), head(ORG, "main")}
    assert set(left_out(secondary)) == {LONG}
    commit(primary, NET, names(NET, 9))
    Wire(primary).pull(secondary)
    assert local_refs(secondary)[head(NET, "main")] == local_refs(primary)[head(NET, "main")]


def test_the_longest_of_everything_is_replicated(tmp_path: Path) -> None:
    """Zone, branch, tag, peer, author, message, owner and RDATA, all at once, between stores on disk."""
    zone = to_text(WireName(join([b"\1" * 63, b"\2" * 20 + b"abc"]) + b"\0"))
    assert len(zone) == MAX_ZONE
    who = Stamp("\U0001f600" * 200, 1_767_225_600)
    owner = join([b"\0" * 63, b"\1" * 63, b"\1" * (255 - len(parse_apex(zone)) - 129)])
    deep = join([b"\0" * 63, b"\1" * 63, b"\0" * 63, b"\1" * 61])
    assert (len(owner) + len(parse_apex(zone)), len(deep) + 1) == (255, 255)
    with (
        closing(LmdbStore.create(tmp_path / "a")) as primary,
        closing(LmdbStore.create(tmp_path / "b")) as secondary,
    ):
        for apex, longest in ((zone, owner), (".", deep)):
            content = with_set(names(ORG, 1), RRset.of(longest, 65280, 60, [bytes(LARGE)]))
            tip = commit(primary, apex, content, branch="b" * 64, message="m" * 15_000)
            commit(primary, apex, content)
            put_tag(primary, apex, "t" * 64, tip)
        moved = Wire(primary).pull(secondary, peer="p" * 64, who=who)
        assert len(moved.branches) == 4
        assert local_refs(secondary) == local_refs(primary)
        with secondary.read() as reader:
            assert all(next(reader.reflog(name)).who == who for name in moved.branches)
            for apex, longest in ((zone, owner), (".", deep)):
                view = reader.view(head(apex, "main"))
                assert view is not None
                assert len(view.at(owner_key(longest)) or b"") > LARGE
            assert left_out_of(reader, "p" * 64) == {}
