"""Where reviews and proposals are kept, and which of two under one ref stays."""

from pathlib import Path

import pytest

from publishkit import ADA, BOB, EVE, ORG, Node
from sshkit import private_key, write_key
from zonegit.errors import InvalidObject
from zonegit.model import refs
from zonegit.model.commit import Stamp, Tag
from zonegit.model.ids import ObjectId, object_id
from zonegit.model.refs import RefKind
from zonegit.repo.review_refs import AHEAD, Kept, check_kept, number_of, ref_of
from zonegit.repo.reviews import Opinion, Review

TIP = ObjectId(bytes(range(32)))


def proposal(who: str = ADA, *, time: int = 1_000, message: str = "", **headers: str) -> Tag:
    found = {"number": "7", "from": "move", "into": "main"} | headers
    return Tag(TIP, ORG, "propose", Stamp(who, time), message, tuple(found.items()))


def kept(tag: Tag) -> Kept:
    return Kept(object_id(tag.encode()), tag)


def reviewed(node: Node, directory: Path, who: str, number: int, opinion: Opinion = Opinion.APPROVE) -> Review:
    key = directory / f"key{number}"
    if not key.exists():
        write_key(key, private_key(number=number))
    node.repository.configure("user.signingkey", str(key))
    return node.repository.review(node.repository.resolve("main", zone=ORG), opinion, who=who)


def test_a_proposal_is_kept_by_its_number_who_made_it_and_its_branches() -> None:
    first = ref_of(proposal())
    assert first.startswith(f"refs/proposals/{ORG}/7/")
    assert refs.parse(first).kind is RefKind.PROPOSAL
    assert ref_of(proposal(time=2_000, message="again", withdrawn="1")) == first
    others = [proposal(BOB), proposal(number="8"), proposal(into="next"), proposal(**{"from": "moved"})]
    assert len({first, *map(ref_of, others)}) == 5


@pytest.mark.parametrize("number", ["0", "07", "-1", "1000000", "", "x", "٣"])
def test_numbers_that_proposals_cannot_have(number: str) -> None:
    with pytest.raises(InvalidObject, match="not the number of a proposal"):
        number_of(proposal(number=number))


def test_a_tag_needs_each_header_once() -> None:
    tag = proposal()
    for wrong in (tag.extra[1:], (*tag.extra, ("number", "8"))):
        with pytest.raises(InvalidObject, match="headers 'number'; expected one"):
            ref_of(tag._replace(extra=wrong))
    with pytest.raises(InvalidObject, match="neither a review nor a proposal"):
        ref_of(tag._replace(name="v1"))


def test_a_review_can_only_be_replaced_with_the_same_key(node: Node, tmp_path: Path) -> None:
    names = {ref_of(reviewed(node, tmp_path, who, number).tag) for who, number in ((BOB, 1), (BOB, 2), (EVE, 1))}
    assert len(names) == 3
    again = reviewed(node, tmp_path, BOB, 1, Opinion.REJECT)
    assert ref_of(again.tag) in names


def test_a_review_has_to_be_signed(node: Node, tmp_path: Path) -> None:
    tag = reviewed(node, tmp_path, BOB, 1).tag
    for wrong in (tag._replace(extra=()), tag._replace(tagger=Stamp(EVE, tag.tagger.time))):
        with pytest.raises(InvalidObject, match="signature"):
            ref_of(wrong)


def test_a_second_review_is_newer_though_the_clock_stands(node: Node, tmp_path: Path) -> None:
    first, second = (reviewed(node, tmp_path, BOB, 1, opinion).tag for opinion in (Opinion.APPROVE, Opinion.REJECT))
    assert kept(second).replaces(kept(first))
    assert not kept(first).replaces(kept(second))


def test_of_two_with_one_time_the_greater_id_stays() -> None:
    one, other = kept(proposal(message="a")), kept(proposal(message="b"))
    assert one.replaces(other) is not other.replaces(one)
    assert one.replaces(other) is (one.id > other.id)


def test_what_a_peer_has_must_be_in_its_place_and_not_be_from_the_future() -> None:
    found = kept(proposal(time=1_000 + AHEAD))
    check_kept(ref_of(found.tag), found, 1_000)
    with pytest.raises(InvalidObject, match="a day ahead"):
        check_kept(ref_of(found.tag), found, 999)
    with pytest.raises(InvalidObject, match="belongs under"):
        check_kept(refs.proposal(ORG, "8/0123456789abcdef"), found, 1_000)
