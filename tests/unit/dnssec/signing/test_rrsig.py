"""RRSIG RRsets: dnspython validates each signature, and nothing is signed twice."""

import dns.dnssec
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import pytest

from dnssec import KSK, NOW, ZSK, MemorySigner, plan_of, signing_key
from zonegit.dnssec.private_key import tag_of
from zonegit.dnssec.signing.plan import SigningKey, SigningPlan
from zonegit.dnssec.signing.rrsig import ToSign, chunks, made_by, rrsig_rrsets
from zonegit.errors import DnssecError
from zonegit.model.names import APEX as APEX_OWNER
from zonegit.model.names import Owner, OwnerKey, join, key_owner, owner_key
from zonegit.model.rdata import AAAA, CDS, DNSKEY, MX, RRSIG, SOA, TXT, A
from zonegit.model.rrset import RRset, check_stored, rdatas

APEX = dns.name.from_text("example.org.")


def stored(rtype: int, *rdata: bytes, owner: Owner = APEX_OWNER, ttl: int = 300) -> bytes:
    return RRset.of(owner, rtype, ttl, rdata).encode()


def to_sign(*rrsets: bytes, owner: Owner = APEX_OWNER) -> ToSign:
    return ToSign(owner_key(owner), rrsets)


def only(owner: ToSign, plan: SigningPlan) -> bytes:
    [made] = rrsig_rrsets([owner], plan)
    assert made is not None
    check_stored(made)
    return made


def as_dnspython(rtype: int, rdata: bytes) -> dns.rdata.Rdata:
    return dns.rdata.from_wire(dns.rdataclass.IN, rtype, rdata, 0, len(rdata))


def served(owner: OwnerKey, payload: bytes, serial: int) -> dns.rrset.RRset:
    rrset = RRset.decode(payload)
    found = rrset.rdatas
    if rrset.rtype == SOA:
        found = tuple(rdata[:-20] + serial.to_bytes(4, "big") + rdata[-16:] for rdata in found)
    name = dns.name.from_wire(key_owner(owner) + plan_of().apex, 0)[0]
    return dns.rrset.from_rdata_list(name, rrset.ttl, [as_dnspython(rrset.rtype, rdata) for rdata in found])


def validate(owner: ToSign, made: bytes, plan: SigningPlan) -> None:
    keys = [as_dnspython(DNSKEY, rdata) for rdata in plan.dnskeys]
    dnskeys = {APEX: dns.rrset.from_rdata_list(APEX, 3600, keys)}
    for rrset in owner.rrsets:
        data = served(owner.owner, rrset, plan.serial)
        found = [rdata for rdata in rdatas(made) if made_by(rdata).covered == data.rdtype]
        rrsigs = [as_dnspython(RRSIG, rdata) for rdata in found]
        assert rrsigs
        for rrsig in rrsigs:
            dns.dnssec.validate_rrsig(data, rrsig, dnskeys, now=NOW)


@pytest.mark.parametrize("algorithm", [8, 13, 14, 15])
@pytest.mark.parametrize("owner", [(), (b"www",), (b"*", b"a"), (b"\0\1.", b"x" * 63)], ids=str)
def test_signatures_validate_in_each_algorithm(algorithm: int, owner: tuple[bytes, ...]) -> None:
    plan = plan_of(key=signing_key(algorithm))
    name = join(list(owner))
    rrsets = [
        stored(A, b"\1\2\3\4", b"\1\2\3\5", owner=name),
        stored(MX, b"\0\1\2mx\0", owner=name, ttl=7),
        stored(TXT, b"\1a", b"\2bb", b"\1c", owner=name, ttl=0),
        stored(AAAA, bytes(16), owner=name),
    ]
    work = ToSign(owner_key(name), rrsets)
    made = only(work, plan)
    assert len(rdatas(made)) == len(rrsets)
    validate(work, made, plan)


def test_the_soa_is_signed_with_the_serial_that_is_served() -> None:
    plan = plan_of(serial=4_000_000_000)
    work = to_sign(stored(SOA, b"\2ns\0\5admin\0" + bytes(20)))
    validate(work, only(work, plan), plan)


def test_labels_leave_out_the_wildcard_and_the_ttl_is_that_of_the_rrset() -> None:
    for owner, labels in ((b"", 2), (b"\1*", 2), (b"\1a", 3), (b"\1a\1*", 4), (b"\1*\1a", 3), (b"\1\0", 3)):
        work = to_sign(stored(A, b"\1\2\3\4", owner=Owner(owner), ttl=77), owner=Owner(owner))
        made = only(work, plan_of())
        [rdata] = rdatas(made)
        assert rdata[3] == labels
        assert made[len(owner) + 6 : len(owner) + 10] == rdata[4:8] == (77).to_bytes(4, "big")


def split_plan() -> tuple[SigningKey, SigningKey, SigningPlan]:
    ksk, zsk = signing_key(15, KSK, 1), signing_key(15, ZSK, 2)
    plan = plan_of(zone_keys=(zsk,), dnskey_keys=(ksk,), dnskeys=(ksk.dnskey, zsk.dnskey))
    return ksk, zsk, plan


def test_dnskey_and_cds_are_signed_by_their_keys_at_the_apex_only() -> None:
    ksk, zsk, plan = split_plan()
    rrsets = [stored(DNSKEY, *plan.dnskeys), stored(CDS, b"\0\0\0\0\0"), stored(A, b"\1\2\3\4")]
    found = {made_by(rdata).covered: made_by(rdata).tag for rdata in rdatas(only(to_sign(*rrsets), plan))}
    assert found == {DNSKEY: tag_of(ksk.dnskey), CDS: tag_of(ksk.dnskey), A: tag_of(zsk.dnskey)}
    signal = Owner(b"\1a")
    [elsewhere] = rdatas(only(to_sign(stored(CDS, b"\0\0\0\0\0", owner=signal), owner=signal), plan))
    assert made_by(elsewhere).tag == tag_of(zsk.dnskey)


def test_each_signer_is_called_once_for_all_owners() -> None:
    ksk, zsk, plan = split_plan()
    owners = [to_sign(stored(DNSKEY, *plan.dnskeys), stored(A, b"\1\2\3\4"))]
    owners += [to_sign(stored(A, b"\1\2\3\4", owner=Owner(b"\1a")), owner=Owner(b"\1a")), to_sign()]
    made = rrsig_rrsets(owners, plan)
    assert made[2] is None
    assert isinstance(ksk.signer, MemorySigner)
    assert isinstance(zsk.signer, MemorySigner)
    assert (ksk.signer.calls, zsk.signer.calls) == ([1], [2])


def test_signatures_that_are_kept_stand_among_the_new_ones() -> None:
    plan = plan_of()
    old = to_sign(stored(TXT, b"\1a"), stored(A, b"\1\2\3\4"))
    kept = rdatas(only(old, plan))[:1]
    later = plan._replace(times=plan.times._replace(now=NOW + 5))
    made = rdatas(only(ToSign(old.owner, old.rrsets[:1], kept), later))
    assert kept[0] in made
    assert {made_by(rdata).covered for rdata in made} == {TXT, A}


def test_a_signer_that_loses_a_signature_is_refused() -> None:
    class Lossy(MemorySigner):
        def sign(self, messages: object) -> list[bytes]:
            return []

    plan = plan_of(key=SigningKey(signing_key().dnskey, Lossy(None, 15)))
    with pytest.raises(DnssecError, match="returned 0 of 1 signatures"):
        rrsig_rrsets([to_sign(stored(A, b"\1\2\3\4"))], plan)


def test_chunks_bound_the_messages_and_lose_no_owner() -> None:
    owners = [to_sign(*[b""] * 3000, owner=Owner(b"\1%c" % at)) for at in range(10)]
    parts = list(chunks(owners, lambda owner: len(owner.rrsets)))
    assert [len(part) for part in parts] == [4, 4, 2]
    assert [owner for part in parts for owner in part] == owners
