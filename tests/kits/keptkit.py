"""Reviews and proposals, made by hand."""

from sshkit import private_key
from synckit import ORG, WHO
from zonegit.model.commit import Stamp, Tag
from zonegit.model.ids import ObjectId, object_id
from zonegit.model.refs import Ref, RefName, parse
from zonegit.repo.review_refs import APPROVE, ref_of
from zonegit.repo.signing import with_signature
from zonegit.ssh.signing import sign
from zonegit.store.port import RefUpdate, Store
from zonegit.sync.arrival import Offer

BOB = "Bob <bob@example.org>"
WHEN = int(WHO.time)
"""The time of reviews and proposals, unless a test says otherwise."""


def review(commit: ObjectId, opinion: str = APPROVE, *, who: str = BOB, key: int = 1, time: int = WHEN) -> Tag:
    """A review, signed with one of any number of keys."""
    tag = Tag(commit, ORG, opinion, Stamp(who, time), f"{opinion}\n")
    return with_signature(tag, sign(private_key(number=key), tag.encode()))


def proposal(commit: ObjectId, number: int = 1, *, who: str = BOB, time: int = WHEN, message: str = "") -> Tag:
    """A proposal to merge the branch `move`."""
    headers = (("number", str(number)), ("from", "move"), ("into", "main"))
    return Tag(commit, ORG, "propose", Stamp(who, time), message, headers)


def put(store: Store, tag: Tag, name: RefName | None = None, reason: str = "review: test") -> ObjectId:
    """Keep a review or a proposal as if it had been made here, under any name. Its commit has to be here."""
    place, data = name or ref_of(tag), tag.encode()
    with store.write() as writer:
        writer.insert([data])
        writer.move_refs([RefUpdate(place, writer.ref(place), object_id(data))], tag.tagger, reason)
    return object_id(data)


def kept_in(store: Store) -> dict[RefName, ObjectId]:
    """All reviews and proposals of a store."""
    with store.read() as reader:
        return {name: oid for kind in ("reviews", "proposals") for name, oid in reader.refs(f"refs/{kind}/")}


def offer_of(tag: Tag, name: RefName | None = None) -> Offer:
    return Offer(ref_at(tag, name), object_id(tag.encode()))


def ref_at(tag: Tag, name: RefName | None = None) -> Ref:
    return parse(name or ref_of(tag))
