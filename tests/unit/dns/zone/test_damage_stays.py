"""Damage in one zone: what leads there from another zone is answered without it."""

import dns.rcode
import pytest

from dnskit import DictVersion, Server, lines, version
from zonegit.dns import stats
from zonegit.model.names import OwnerKey, from_text
from zonegit.model.rdata import NSEC3PARAM, SOA
from zonegit.model.rrset import RRset

GOOD = """$TTL 60
@ SOA a b 1 2 3 4 5
@ NS ns.bad.
@ MX 5 mail.bad.
@ MX 10 mail
mail A 192.0.2.1
alias CNAME www.bad.
two CNAME alias
srv SRV 0 0 1 mail.bad.
https HTTPS 1 www.bad.
d DNAME bad.
"""
BAD = "$TTL 60\n@ SOA a b 1 2 3 4 5\n@ NS ns\nns A 192.0.2.2\nmail A 192.0.2.3\nwww A 192.0.2.4\n"


def without(rtype: int, instead: bytes | None = None) -> DictVersion:
    """The second zone without the RRset of this type at its apex, or with these bytes as its RDATA."""
    whole = version(BAD, "bad.")
    rrsets = [rrset for rrset in whole.rrsets if rrset.rtype != rtype]
    if instead is not None:
        rrsets.append(RRset.of(whole.rrsets[0].owner, rtype, 60, [instead]))
    return DictVersion(from_text("bad."), 1, rrsets)


def corrupt() -> DictVersion:
    """The second zone with all but its apex unreadable."""
    whole = version(BAD, "bad.")
    whole.corrupt.update(key for key in whole.keys if key)
    return whole


DAMAGE = {
    "no SOA": lambda: without(SOA),
    "cut NSEC3PARAM": lambda: without(NSEC3PARAM, b"\1\0"),
    "long NSEC3PARAM": lambda: without(NSEC3PARAM, b"\1\0\0\0\xff" + bytes(300)),
    "unreadable": corrupt,
}


@pytest.mark.parametrize("kind", DAMAGE)
@pytest.mark.parametrize("do", [False, True])
def test_answers_from_other_zones_do_without_what_cannot_be_read(kind: str, do: bool) -> None:
    server = Server(version(GOOD, "good."), DAMAGE[kind]())
    for _ in range(2):
        for rtype in ("NS", "MX"):
            response = server.ask("good.", rtype, do=do)
            assert response.rcode() == dns.rcode.NOERROR
            assert response.answer
        assert "mail.good. 60 A 192.0.2.1" in lines(server.ask("good.", "MX", do=do).additional)
        for name, rtype, links in (
            ("alias", "A", 1), ("two", "A", 2), ("two", "MX", 2), ("www.d", "A", 2), ("no.d", "A", 2),
            ("srv", "SRV", 1), ("https", "HTTPS", 1),
        ):  # fmt: skip
            response = server.ask(f"{name}.good.", rtype, do=do)
            assert response.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN)
            assert len(response.answer) >= links
    if kind in ("no SOA", "unreadable"):
        response = server.ask("alias.good.", do=do)
        assert response.rcode() == dns.rcode.NOERROR
        assert lines(response.answer) == ["alias.good. 60 CNAME www.bad."]
        assert not response.authority
        assert server.ask("www.bad.", do=do).rcode() == dns.rcode.SERVFAIL
        assert len(server.errors) == 1
        assert server.stats[stats.CORRUPT]


def test_what_was_left_out_comes_back() -> None:
    """Nothing that lacks data is kept."""
    bad = corrupt()
    server = Server(version(GOOD, "good."), bad)
    for _ in range(3):
        assert len(server.ask("alias.good.").answer) == 1
    bad.corrupt.clear()
    assert lines(server.ask("alias.good.").answer) == ["alias.good. 60 CNAME www.bad.", "www.bad. 60 A 192.0.2.4"]
    assert "mail.bad. 60 A 192.0.2.3" in lines(server.ask("good.", "MX").additional)


def test_damage_in_the_zone_itself_is_its_own() -> None:
    good = version(GOOD, "good.")
    server = Server(good, version(BAD, "bad."))
    good.corrupt.add(OwnerKey(b"mail\0"))
    assert server.ask("mail.good.").rcode() == dns.rcode.SERVFAIL
    assert server.ask("alias.good.").rcode() == dns.rcode.NOERROR
