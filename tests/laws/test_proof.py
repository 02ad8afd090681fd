"""The law of proving: what the signer makes is right, and what is wrong with a zone is found by its changes, too.

ZONEGIT_EXAMPLES=2000 is the long form.
"""

from random import Random
from typing import Final

from hypothesis import example, given, settings
from hypothesis import strategies as st

from delegatedkit import Content, applied, random_changes, random_zone
from dnssec import KSK, NOW, ZSK, plan_of, signing_key
from treekit import SHAPES, Objects
from zonegit.dnssec.policy import Denial
from zonegit.dnssec.proof import faults
from zonegit.dnssec.signing.sign import sign_again, sign_zone
from zonegit.model.names import APEX_KEY
from zonegit.model.rdata import CDNSKEY, CDS, DNSKEY, NSEC, NSEC3, RRSIG
from zonegit.model.rrset import RRKey, rr_key
from zonegit.tree.build import Built, build
from zonegit.tree.diff import diff
from zonegit.tree.edit import edit
from zonegit.tree.zone_tree import Tree

SHAPE = SHAPES[1]
KEYS = signing_key(15, KSK, 1), signing_key(15, ZSK, 2)
MADE = {rtype.to_bytes(2, "big") for rtype in (RRSIG, NSEC, NSEC3)}

FEWER: Final = settings().max_examples // 3
"""Each example is a zone with several versions, proven as a whole each time."""
denials = st.sampled_from(list(Denial))
seeds = st.integers(0, 2**32)


class Versions:
    """The signed versions of a zone that changes at random."""

    def __init__(self, rng: Random, denial: Denial) -> None:
        self._objects = Objects()
        self._rng = rng
        ksk, zsk = KEYS
        self.plan = plan_of(denial=denial, zonemd=rng.random() < 0.2, zone_keys=(zsk,), dnskey_keys=(ksk,))
        self.plan = self.plan._replace(dnskeys=(ksk.dnskey, zsk.dnskey), serial=1)
        self._content = ordinary(random_zone(rng))
        self._shown = self._taken(build(SHAPE, self._content.items()))
        self.signed = self._taken(sign_zone(self._shown, SHAPE, self.plan))

    def go_on(self) -> None:
        self.plan = self.plan._replace(serial=self.plan.serial + 1)
        self._content = ordinary(applied(self._content, random_changes(self._rng, self._content)))
        unsigned = self._taken(build(SHAPE, self._content.items()))
        self.signed = self._taken(sign_again(self.signed, self._shown, unsigned, SHAPE, self.plan))
        self._shown = unsigned

    def faults(self, old: Tree | None, new: Tree) -> list[str]:
        keys = self.signed.payload(rr_key(APEX_KEY, DNSKEY))
        assert keys is not None
        return faults(old, new, self.plan.apex, self.plan.serial, NOW, [keys])

    def with_one_left(self, old: Tree, key: RRKey, payload: bytes | None) -> Tree:
        """The version with one RRset as it was before."""
        return self._taken(edit(self.signed.nodes, self.signed.root, SHAPE, [(key, payload)]))

    def _taken(self, built: Built) -> Tree:
        return Tree(self._objects.nodes, self._objects.take(built).root)


def ordinary(content: Content) -> Content:
    """Without records about keys that name none."""
    own = {rr_key(APEX_KEY, rtype) for rtype in (DNSKEY, CDS, CDNSKEY)}
    return {key: payload for key, payload in content.items() if key not in own}


@settings(max_examples=FEWER)
@given(seeds, denials)
def test_what_the_signer_makes_is_right(seed: int, denial: Denial) -> None:
    zone = Versions(Random(seed), denial)
    assert zone.faults(None, zone.signed) == []
    for _ in range(5):
        old = zone.signed
        zone.go_on()
        assert zone.faults(old, zone.signed) == []
        assert zone.faults(None, zone.signed) == []


@settings(max_examples=FEWER)
@given(seeds, denials)
@example(82595207, Denial.NSEC3)  # the NSEC3 record of a delegation that is left goes
def test_what_is_found_in_a_whole_zone_is_found_by_its_changes(seed: int, denial: Denial) -> None:
    """A signer that forgets any of what it has to change, signatures and denials first of all."""
    rng = Random(seed)
    zone = Versions(rng, denial)
    old = zone.signed
    zone.go_on()
    for key, payload, _ in list(diff(old.nodes, old.root, zone.signed.root)):
        left = zone.with_one_left(old, key, payload)
        found = zone.faults(old, left)
        assert bool(found) == bool(zone.faults(None, left)), key
        assert found or key[-2:] not in MADE, key
