"""RFC 8901, model 2: zonegit and another signer sign a zone with keys of their own, and have each other's ZSKs.

A resolver may get the DNSKEY records from one of them and all other answers from the other one.
"""

import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import dns.dnssec
import pytest

from chainkit import SHAPE, entries_in, zone_of
from checkkit import APEX
from dnssec import KSK, ZSK, plan_of, signing_key
from multisignerkit import ZONE, OtherSigner, read, texts, trusted_keys, validate_all
from treekit import Objects
from zonegit.dnssec.policy import DAY, Denial
from zonegit.dnssec.proof import faults
from zonegit.dnssec.rollover.delegation import ds_rdata
from zonegit.dnssec.signing.plan import SigningPlan, Times
from zonegit.dnssec.signing.sign import sign_again, sign_zone
from zonegit.model.names import APEX_KEY
from zonegit.model.rdata import CDNSKEY, CDS, DNSKEY, SOA, with_serial
from zonegit.model.rrset import RRset
from zonegit.tree.build import build
from zonegit.tree.zone_tree import Tree
from zonegit.zonefile.text import rdata_text
from zonegit.zonefile.writer import write_zone

RECORDS = """\
$ORIGIN example.com.
$TTL 3600
@ SOA ns1 hostmaster 2026112001 7200 900 1209600 300
@ NS ns1
@ NS ns.example.net.
@ CSYNC 0 3 NS A
ns1 A 192.0.2.1
*.w TXT "any"
sub NS ns.sub
ns.sub A 192.0.2.2
"""


class Zonegit:
    """The signer under test; a version continues the one before it."""

    def __init__(self) -> None:
        self._ksk, self._zsk = signing_key(15, KSK, 1), signing_key(15, ZSK, 2)
        self._objects = Objects()
        self._before: tuple[Tree, Tree] | None = None
        self._serial = 2026112001

    @property
    def ds(self) -> str:
        return rdata_text(CDS, ds_rdata(APEX, self._ksk.dnskey))

    @property
    def keys(self) -> dict[str, str]:
        """What the other signer adds to its zone."""
        return {"CDS": self.ds, "CDNSKEY": rdata_text(CDNSKEY, self._ksk.dnskey)}

    @property
    def zsk(self) -> str:
        return rdata_text(DNSKEY, self._zsk.dnskey)

    def sign(self, text: str, denial: Denial) -> str:
        self._serial += 1
        plan = self._plan(denial)
        shown = zone_of(text)
        shown = Tree(self._objects.nodes, self._objects.take(build(SHAPE, entries_in(shown))).root)
        built = sign_again(*self._before, shown, SHAPE, plan) if self._before else sign_zone(shown, SHAPE, plan)
        signed = Tree(self._objects.nodes, self._objects.take(built).root)
        old = self._before[0] if self._before else None
        self._before = signed, shown
        dnskeys = signed.at(APEX_KEY)[DNSKEY]
        assert faults(old, signed, APEX, self._serial, int(time.time()), [dnskeys]) == []
        rrsets = map(RRset.decode, (payload for _, payload in entries_in(signed)))
        return "".join(f"{line}\n" for line in write_zone(APEX, [self._served(rrset) for rrset in rrsets]))

    def _served(self, rrset: RRset) -> RRset:
        if rrset.rtype != SOA:
            return rrset
        return rrset._replace(rdatas=(with_serial(rrset.rdatas[0], self._serial),))

    def _plan(self, denial: Denial) -> SigningPlan:
        return plan_of(
            ZONE,
            self._zsk,
            denial=denial,
            dnskey_keys=(self._ksk,),
            dnskeys=(self._ksk.dnskey, self._zsk.dnskey),
            cds=(ds_rdata(APEX, self._ksk.dnskey),),
            cdnskeys=(self._ksk.dnskey,),
            serial=self._serial,
            times=Times(int(time.time()), 14 * DAY, APEX),
        )


def with_records(more: Iterable[tuple[str, str]]) -> str:
    return RECORDS + "".join(f"@ {rtype} {rdata}\n" for rtype, rdata in more)


def theirs(other: OtherSigner) -> list[tuple[str, str]]:
    """What zonegit's zone has of the other signer: its ZSKs, and what the parent may make a DS of."""
    zsks = [("DNSKEY", zsk) for zsk in other.zsks]
    return [*zsks, ("CDS", other.ds), ("CDNSKEY", other.ksk)]


def both_validate(ours: str, others: str, ds: list[str], signed: int) -> None:
    """Whichever of the two gave the DNSKEY records, and whichever gives the answer."""
    versions = [read(ours), read(others)]
    for keys in [trusted_keys(version, ds) for version in versions]:
        for version in versions:
            assert validate_all(version, keys) >= signed


@pytest.fixture(params=["dnssec-signzone", "ldns-signzone"])
def other(request: pytest.FixtureRequest, needs_program: Callable[[str], str], tmp_path: Path) -> OtherSigner:
    needs_program("dnssec-keygen")
    needs_program(request.param)
    return OtherSigner(needs_program, tmp_path / "keys", request.param)


@pytest.mark.parametrize("denial", [Denial.NSEC, Denial.NSEC3])
def test_rfc_8901_2_1_2_each_version_validates_with_the_keys_of_either(
    other: OtherSigner, needs_program: Callable[[str], str], tmp_path: Path, denial: Denial
) -> None:
    zonegit = Zonegit()
    ours = zonegit.sign(with_records(theirs(other)), denial)
    mine = [("DNSKEY", zonegit.zsk), *zonegit.keys.items(), ("CDS", other.ds), ("CDNSKEY", other.ksk)]
    others = other.sign(with_records(mine), tmp_path / "other.zone")
    both_validate(ours, others, [zonegit.ds, other.ds], 8)
    assert texts(read(ours), "CDS") == texts(read(others), "CDS")
    assert len(texts(read(ours), "CDNSKEY")) == 2
    accepted(needs_program, ours, tmp_path, ["dnssec-verify", "-q", "-o", ZONE], ["ldns-verify-zone"])
    # Knot DNS wants each CDNSKEY to be among the DNSKEY records, which no RFC says. There it does no harm.
    ours = zonegit.sign(with_records([*theirs(other), ("DNSKEY", other.ksk)]), denial)
    both_validate(ours, others, [zonegit.ds, other.ds], 8)
    accepted(needs_program, ours, tmp_path, ["kzonecheck", "-o", ZONE])


def accepted(find: Callable[[str], str], text: str, directory: Path, *commands: list[str]) -> None:
    path = directory / "ours.zone"
    path.write_text(text)
    for program, *argv in commands:
        command = [find(program), *argv, str(path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_rfc_8901_without_the_others_zsk_answers_are_bogus(other: OtherSigner, tmp_path: Path) -> None:
    """The test above would see it."""
    zonegit = Zonegit()
    ours = zonegit.sign(with_records([]), Denial.NSEC)
    others = other.sign(with_records([("DNSKEY", zonegit.zsk)]), tmp_path / "other.zone")
    with pytest.raises(dns.dnssec.ValidationFailure):
        both_validate(ours, others, [zonegit.ds, other.ds], 8)


def test_rfc_8901_6_the_other_signer_rolls_its_zsk(other: OtherSigner, tmp_path: Path) -> None:
    zonegit = Zonegit()

    def signed() -> tuple[str, str]:
        ours = zonegit.sign(with_records(theirs(other)), Denial.NSEC)
        return ours, other.sign(with_records([("DNSKEY", zonegit.zsk)]), tmp_path / "other.zone")

    ds = [zonegit.ds, other.ds]
    both_validate(*signed(), ds, 8)
    other.new_zsk()
    before = signed()
    assert len(texts(read(before[0]), "DNSKEY")) == 4
    both_validate(*before, ds, 8)
    other.roll()
    after = signed()
    assert len(texts(read(after[0]), "DNSKEY")) == 3
    both_validate(*after, ds, 8)
    both_validate(before[0], after[1], ds, 8)  # keys in caches


def test_rfc_7477_csync_is_kept_and_signed() -> None:
    zone = read(Zonegit().sign(with_records([]), Denial.NSEC))
    assert texts(zone, "CSYNC") == {"0 3 A NS"}
    keys = trusted_keys(zone, [Zonegit().ds])
    covered = {str(each).split()[0] for each in zone.get_rdataset("@", "RRSIG", "CSYNC") or ()}
    assert covered == {"CSYNC"}
    assert validate_all(zone, keys)
