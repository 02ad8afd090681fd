"""The reviews and proposals that two nodes have to exchange.

None is deleted here because the peer lacks it, and each arrives by itself (`sync.arrival`). Those that `gc` deleted
here don't come back.
"""

from collections.abc import Iterable

from zonegit.auth.key import Key
from zonegit.model.refs import MAX_REF, Ref, RefKind
from zonegit.repo.review_refs import is_given_up
from zonegit.store.port import Reader
from zonegit.sync.arrival import Offer, Result
from zonegit.sync.ref_lists import RefLists, ref_name
from zonegit.sync.tips import Tips


def review_offers(reader: Reader, lists: RefLists) -> list[Offer]:
    """Those in a peer's lists that differ from what is here under their names."""
    found = ((Ref(kind, tip.zone, tip.name), tip.oid) for kind, tip in lists.kept_tags)
    return [Offer(ref, oid) for ref, oid in found if len(ref.full) > MAX_REF or reader.ref(ref.full) != oid]


def still_wanted(reader: Reader, lists: RefLists) -> RefLists:
    """A peer's lists without reviews and proposals that `gc` deleted here."""

    def kept(kind: RefKind, tips: Tips) -> Tips:
        return Tips(tip for tip in tips if not is_given_up(reader, ref_name(kind, tip), tip.oid))

    reviews, proposals = kept(RefKind.REVIEW, lists.reviews), kept(RefKind.PROPOSAL, lists.proposals)
    return lists._replace(reviews=reviews, proposals=proposals)


def within_scope(key: Key, offers: Iterable[Offer]) -> tuple[list[Offer], list[Result]]:
    """What to push of these offers, and the results of those reviews and proposals that the key's file here doesn't
    allow it to push: with a key for one branch, that branch is pushed without them.
    """
    within: list[Offer] = []
    beyond: list[Result] = []
    for offer in offers:
        ref = offer.ref
        if not ref.kind.is_review or not key.scopes or key.allows_ref("push", ref.kind, ref.zone, ref.name):
            within.append(offer)
        else:
            message = f"the key {key.kid} may not push {ref.kind} of {ref.zone}: that takes push:{ref.zone}"
            beyond.append(Result(ref, "refused", None, "scope", message))
    return within, beyond
