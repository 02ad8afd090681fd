"""Which warnings a change tells, and which of them refuse it where a zone is strict."""

import pytest

from repokit import ZONE, parsed
from zonegit.errors import InvalidZone, UsageError
from zonegit.model.names import join
from zonegit.model.rdata import CNAME, DNAME, MX, NS, TXT, A
from zonegit.repo import Committed, Repository

ONE = bytes([192, 0, 2, 1])
LOADED_EVERYWHERE = """\
mail2 CNAME www
@ MX 20 mail2
_sip._tcp SRV 0 0 5060 mail2
sub NS ns.sub
sub2 NS mail2
under_score A 192.0.2.3
nomx MX 10 missing
"""
"""What BIND, NSD, Knot and PowerDNS load; named-checkzone names six things."""
SIX = ["host-owner", "missing-glue", "mx-address", "mx-cname", "ns-cname", "srv-cname"]


def name(text: str) -> bytes:
    return join([label.encode() for label in f"{text}.example.org".split(".")]) + b"\0"


def checks(done: Committed) -> list[str]:
    return [found.check for found in done.findings]


@pytest.fixture
def loose(repository: Repository) -> Repository:
    """A zone with all that is warned about."""
    done = repository.import_zone(parsed(ZONE + LOADED_EVERYWHERE), source="loose")
    assert sorted(checks(done)) == SIX
    return repository


def test_what_every_server_loads_is_committed_and_told_once(loose: Repository) -> None:
    assert checks(loose.set("www", A, 60, [ONE])) == []
    assert checks(loose.add("new", TXT, 60, [b"\1x"])) == []
    assert checks(loose.delete("new")) == []
    assert sorted(found.check for found in loose.check()) == SIX


def test_touching_an_owner_tells_its_warnings_again(loose: Repository) -> None:
    assert checks(loose.set("@", TXT, 60, [b"\1x"])) == ["mx-cname"]
    assert checks(loose.set("ns2.sub", A, 60, [ONE])) == ["unused-glue"]


def test_an_import_tells_what_its_changes_touch(loose: Repository) -> None:
    again = parsed(ZONE + LOADED_EVERYWHERE)
    assert checks(loose.import_zone(again, source="again")) == []
    more = parsed(ZONE + LOADED_EVERYWHERE + "nomx TXT x\n")
    assert checks(loose.import_zone(more, source="more")) == ["mx-address"]


def test_a_warning_elsewhere_that_a_change_brings_is_told(loose: Repository) -> None:
    loose.set("sub3", NS, 60, [name("ns.sub3")])
    loose.set("ns.sub3", A, 60, [ONE])
    done = loose.delete("ns.sub3")
    assert [(found.owner, found.check) for found in done.findings] == [(join([b"sub3"]), "missing-glue")]
    without = parsed(ZONE.replace("mail IN A 192.0.2.25\n", "") + LOADED_EVERYWHERE)
    told = checks(loose.import_zone(without, source="without", replace=True))
    assert "mx-address" in told
    assert "srv-cname" not in told


def test_duplicates_in_a_file_are_told_each_time(loose: Repository) -> None:
    twice = parsed(ZONE + LOADED_EVERYWHERE + "www 300 A 192.0.2.10\n")
    assert checks(loose.import_zone(twice, source="twice")) == ["duplicate-record"]


@pytest.mark.parametrize("strict", [["mx-cname"], ["ns-cname", "mx-cname"], ["all"], ("all",)])
def test_strict_checks_refuse_what_a_change_brings(loose: Repository, strict: list[str]) -> None:
    before = loose.resolve().id
    to_alias = b"\0\x0a" + name("mail2")
    with pytest.raises(InvalidZone, match=r"strict about this: a: MX target .* \[mx-cname\].*--strict none"):
        loose.set("a", MX, 60, [to_alias], strict=strict)
    with pytest.raises(InvalidZone, match="mx-cname"):
        loose.add("a", MX, 60, [to_alias], strict=strict)
    with pytest.raises(InvalidZone, match="mx-cname"):
        loose.import_zone(parsed(ZONE + LOADED_EVERYWHERE), source="again", strict=strict)
    assert loose.resolve().id == before
    loose.set("a", MX, 60, [to_alias], strict=["srv-cname"])


def test_strict_checks_refuse_what_a_deletion_brings(loose: Repository) -> None:
    loose.set("sub3", NS, 60, [name("ns.sub3")])
    loose.set("ns.sub3", A, 60, [ONE])
    with pytest.raises(InvalidZone, match="missing-glue"):
        loose.delete("ns.sub3", strict=["missing-glue"])
    loose.delete("ns.sub3")


def test_strict_checks_leave_what_is_old_elsewhere(loose: Repository) -> None:
    assert checks(loose.set("www", A, 60, [ONE], strict=["all"])) == []
    loose.delete("nomx", strict=["all"])


def test_strict_checks_refuse_what_a_file_holds(repository: Repository) -> None:
    for extra, check in [("www 300 A 192.0.2.10\n", "duplicate-record"), ("www 60 A 192.0.2.77\n", "mixed-ttl")]:
        with pytest.raises(InvalidZone, match=rf"\[{check}\]"):
            repository.import_zone(parsed(ZONE + extra), source="file", strict=[check])
    with pytest.raises(InvalidZone, match=r"\[out-of-zone\]"):
        repository.import_zone(parsed(ZONE + "a.example.net. A 192.0.2.1\n"), source="f", strict=["out-of-zone"])


def test_errors_are_told_before_what_is_only_strict(loose: Repository) -> None:
    with pytest.raises(InvalidZone, match=r"would break example.org. mail2: CNAME beside other data") as caught:
        loose.set("mail2", MX, 60, [b"\0\x0a" + name("mail2")], strict=["all"])
    assert "--strict" not in str(caught.value)


def test_an_unknown_check_is_refused_with_the_nearest(repository: Repository) -> None:
    with pytest.raises(UsageError, match="no check 'mx_cname'; the nearest one is 'mx-cname'"):
        repository.set("www", A, 60, [ONE], strict=["mx_cname"])


def test_a_new_alias_tells_who_leads_there(repository: Repository) -> None:
    repository.delete("mail", A)
    done = repository.set("mail", CNAME, 60, [name("www")])
    assert [(found.owner, found.check) for found in done.findings] == [(b"", "mx-cname")]
    with pytest.raises(InvalidZone, match="mx-cname"):
        repository.delete("mail")
        repository.set("mail", CNAME, 60, [name("www")], strict=["mx-cname"])


def test_a_signed_zones_hashes_do_not_stand_below_a_dname(empty: Repository) -> None:
    hashed = "trha2c09rcsja7i003mf3tnnp6368j4b NSEC3 1 0 0 - trha2c09rcsja7i003mf3tnnp6368j4b NS SOA DNAME"
    text = "$ORIGIN dn.test.\n@ 300 SOA ns.example. h 1 3600 900 86400 300\n@ NS ns.example.\n@ DNAME t.example.\n"
    done = empty.import_zone(parsed(text + hashed + "\n"), source="dname")
    assert [found.check for found in done.findings] == ["stray-dnssec"]
    with pytest.raises(InvalidZone, match="below the DNAME"):
        empty.set("www", A, 60, [ONE])
    empty.delete("@", DNAME)
    empty.set("@", DNAME, 60, [b"\1t\0"])
    empty.delete("@", DNAME)
    empty.set("www", A, 60, [ONE])
    with pytest.raises(InvalidZone, match="www: data below the DNAME"):
        empty.set("@", DNAME, 60, [b"\1t\0"])


def test_a_new_dname_tells_who_leads_below_it(repository: Repository) -> None:
    repository.set("sub", MX, 60, [b"\0\x0a" + name("a.d")])
    done = repository.set("d", DNAME, 60, [b"\7example\3net\0"])
    assert [(found.owner, found.check) for found in done.findings] == [(join([b"sub"]), "mx-cname")]


def test_glue_for_a_delegation_elsewhere_is_used(repository: Repository) -> None:
    repository.set("s", NS, 60, [name("ns.t")])
    repository.set("t", NS, 60, [b"\2ns\7example\3net\0"])
    assert checks(repository.set("ns.t", A, 60, [ONE])) == []
    assert checks(repository.set("other.t", A, 60, [ONE])) == ["unused-glue"]
    assert [found.check for found in repository.check()] == ["unused-glue"]
