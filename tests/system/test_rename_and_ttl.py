"""`rename` and `ttl` as processes: one transaction over zones, and refusals that leave all as it was."""

import json

import pytest

from commandkit import Command
from samekit import state
from zonegit.repo.mirrors import mirror_setting
from zonegit.store.lmdb import LmdbStore

LINES = """\
zone example.org
set @ SOA 3600 "host.example.org. mail.host.example.org. 1 7200 900 1209600 300"
set @ NS 3600 ns.host ns.example.net.
set @ MX 3600 "10 host" "20 a.b.host" "30 myhost"
set @ TXT 3600 "v=spf1 a:host.example.org -all"
set host A 300 192.0.2.1
set ns.host A 300 192.0.2.53
set a.b.host AAAA 300 2001:db8::1
set *.host CNAME 300 host
set myhost A 300 192.0.2.2
set _x._tcp SRV 300 "0 0 80 host"
set svc HTTPS 300 "1 A.B.host alpn=h2"
set np NAPTR 300 '100 10 "s" "SIP+D2U" "" _x._tcp.host'
set rp RP 300 "ada.host host"
set opaque TYPE65280 300 '\\# 18 04686f7374076578616d706c65036f726700'
zone example.net
set alias CNAME 300 host.example.org.
set host A 300 192.0.2.9
zone 2.0.192.in-addr.arpa
set 1 PTR 300 host.example.org.
zone example.com
set other A 300 192.0.2.7
"""
ZONES = ("example.org", "example.net", "2.0.192.in-addr.arpa", "example.com")


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """Four zones, three of which hold records that point to host.example.org."""
    command = Command(tmp_path_factory.mktemp("begun") / "repo")
    assert command("init", "example.org").code == 0
    for zone in ZONES[1:]:
        assert command("zone", "add", zone).code == 0
    done = command("batch", stdin=LINES)
    assert done.code == 0, done
    return command


@pytest.fixture
def zonegit(begun, tmp_path):
    return begun.copy(tmp_path / "repo")


@pytest.fixture
def mirrored(zonegit):
    """The same, with example.net mirrored from a peer."""
    with LmdbStore.open(zonegit.repo).write() as writer:
        writer.set_setting(mirror_setting("example.net."), b"primary")
    return zonegit


def exported(zonegit, *zones):
    """Records of zones but for the serial, as text."""
    found = {}
    for zone in zones or ZONES:
        lines = zonegit("export", "--zone", zone, "--json").out
        records = [each for each in json.loads(lines) if each["TYPEname"] != "SOA"]
        found[zone] = [(each["NAME"], each["TYPEname"], each["TTL"], each["RDATAHEX"]) for each in records]
    return found


def tips(zonegit):
    return {zone: zonegit("log", "--oneline", "-1", "--zone", zone).out for zone in ZONES}


def test_a_name_moves_with_what_is_below_it_and_what_points_there(zonegit) -> None:
    before = tips(zonegit)
    done = zonegit("rename", "host", "rack1.Site")
    assert done.code == 0, done
    assert "may contain the old name" in done.err
    assert "rename with --all-zones, which changes them too" in done.err
    assert "example.org. TXT, opaque.example.org. TYPE65280\n" in done.err
    assert "15 RRsets changed" in done.err
    out = done.out.splitlines()
    for line in (
        "+example.org.\t3600\tIN\tMX\t10 rack1.site.example.org.",
        "+example.org.\t3600\tIN\tMX\t20 a.b.rack1.site.example.org.",
        "+example.org.\t3600\tIN\tNS\tns.rack1.site.example.org.",
        "+*.rack1.site.example.org.\t300\tIN\tCNAME\track1.site.example.org.",
        "+a.b.rack1.site.example.org.\t300\tIN\tAAAA\t2001:db8::1",
        '+np.example.org.\t300\tIN\tNAPTR\t100 10 "s" "SIP+D2U" "" _x._tcp.rack1.site.example.org.',
        "+rp.example.org.\t300\tIN\tRP\tada.rack1.site.example.org. rack1.site.example.org.",
        '+svc.example.org.\t300\tIN\tHTTPS\t1 A.B.rack1.site.example.org. alpn="h2"',
        "+_x._tcp.example.org.\t300\tIN\tSRV\t0 0 80 rack1.site.example.org.",
        "-host.example.org.\t300\tIN\tA\t192.0.2.1",
    ):
        assert line in out, line
    assert any(
        line.startswith("+example.org.\t3600\tIN\tSOA\track1.site.example.org. mail.rack1.site.") for line in out
    )
    assert not any("myhost" in line for line in out)
    after = tips(zonegit)
    assert [zone for zone in ZONES if before[zone] != after[zone]] == ["example.org"]
    assert "rename host.example.org. to rack1.site.example.org." in after["example.org"]


def test_with_all_zones_what_points_there_from_anywhere_follows(zonegit) -> None:
    before, content = tips(zonegit), exported(zonegit)
    done = zonegit("rename", "host.example.org.", "rack1", "--all-zones", "--json")
    assert [(each["zone"], each["change_count"]) for each in json.loads(done.out)] == [
        ("2.0.192.in-addr.arpa.", 1),
        ("example.net.", 1),
        ("example.org.", 15),
    ]
    assert zonegit("show", "1", "PTR", "--zone", "2.0.192.in-addr.arpa").out.endswith("\track1.example.org.\n")
    assert zonegit("show", "alias.example.net.", "CNAME").out.endswith("\track1.example.org.\n")
    assert tips(zonegit)["example.com"] == before["example.com"]
    assert zonegit("rename", "rack1", "host", "--all-zones").code == 0
    assert exported(zonegit) == content


def test_a_name_moves_to_another_zone_and_back(zonegit) -> None:
    content = exported(zonegit)
    assert zonegit("rename", "host", "rack1.example.net.", "--all-zones").code == 0
    assert zonegit("show", "a.b.rack1.example.net.", "AAAA").code == 0
    assert zonegit("show", "host", "ANY").code == 5
    assert zonegit("rename", "rack1.example.net.", "host.example.org.", "--all-zones").code == 0
    assert exported(zonegit) == content


def test_a_name_moves_below_itself_and_back(zonegit) -> None:
    content = exported(zonegit)
    assert zonegit("rename", "host", "b.host", "--all-zones").code == 0
    assert zonegit("show", "a.b.b.host", "AAAA").code == 0
    assert zonegit("rename", "b.host", "host", "--all-zones").code == 0
    assert exported(zonegit) == content


def test_a_mirrored_zone_is_left_alone_and_named(mirrored) -> None:
    before = exported(mirrored, "example.net")
    done = mirrored("rename", "host", "rack1", "--all-zones")
    assert done.code == 0
    assert "warning: not changed, because written elsewhere: example.net.; change them there\n" in done.err
    done = mirrored("ttl", "*", "60", "--all-zones")
    assert "not changed, because written elsewhere: example.net.;" in done.err
    assert exported(mirrored, "example.net") == before
    mirrored.refused(1, "example.net. is mirrored from primary", "rename", "host", "x", "--zone", "example.net")
    mirrored.refused(1, "example.net. is mirrored", "rename", "rack1", "x.example.net.", "--all-zones")
    mirrored.refused(1, "example.net. is mirrored from primary", "ttl", "*", "60", "--zone", "example.net")


def test_renames_that_are_refused(zonegit) -> None:
    refused = zonegit.refused
    refused(5, "example.org. has no records at or below nowhere.example.org.", "rename", "nowhere", "x")
    refused(4, "myhost.example.org. has records already", "rename", "host", "myhost")
    refused(4, "_x._tcp.example.org. has records already", "rename", "host", "_tcp")
    refused(4, "example.org. has records already", "rename", "host", "@")
    refused(4, "host.example.net. has records already", "rename", "host", "host.example.net.", "--all-zones")
    refused(1, "example.org. is the zone itself", "rename", "@", "x")
    refused(2, "host.example.org. already has this name", "rename", "host", "HOST")
    refused(1, "is in the zone example.net., not in example.org.; --all-zones", "rename", "host", "x.example.net.")
    refused(1, "outside of example.org.; a name can only move", "rename", "host", "host.example.edu.")
    refused(1, "outside of the zone", "rename", "host.example.net.", "x", "--zone", "example.org")
    refused(1, "may mean host.example.org.", "rename", "host.example.org", "x")
    refused(1, "may mean x.example.org.", "rename", "host", "x.example.org")
    refused(1, "may mean x.example.net.", "rename", "host", "x.example.net")
    refused(1, "a name has at most 255", "rename", "host", ".".join(["x" * 60] * 4))
    refused(5, "has no branch nowhere", "rename", "host", "x", "--branch", "nowhere")
    refused(5, "no zone here has a branch nowhere", "rename", "host", "x", "--branch", "nowhere", "--all-zones")


def test_a_name_with_a_zone_of_its_own_below_it_is_refused(zonegit) -> None:
    assert zonegit("zone", "add", "sub.host.example.org").code == 0
    zonegit.refused(1, "the zone sub.host.example.org. is at or below", "rename", "host", "x")


def test_head_on_another_branch_refuses_to_change_other_zones(zonegit) -> None:
    assert zonegit("checkout", "-b", "dev").code == 0
    told = "HEAD is on branch dev of example.org., but the default branches of other zones would change"
    zonegit.refused(1, told, "rename", "host", "rack1", "--all-zones")
    zonegit.refused(1, told, "ttl", "host", "60", "--all-zones")
    zonegit.refused(1, f"batch:3: {told}", "batch", stdin="delete host\nzone example.net\ndelete host\n")


def test_zones_that_still_name_the_old_name_are_warned_of(zonegit) -> None:
    still = "the old name is still used in other zones: 2.0.192.in-addr.arpa. (1 record), example.net. (1 record); "
    done = zonegit("rename", "host", "rack1", "--dry-run")
    assert f"warning: {still}--all-zones changes them too\n" in done.err
    assert f"warning: {still}run 'zonegit undo', then" in zonegit("rename", "host", "rack1").err
    assert zonegit("undo").code == 0
    done = zonegit("rename", "host", "rack1", "--all-zones")
    assert (done.code, "still used" in done.err) == (0, False)
    done = zonegit("rename", "myhost", "rack2")
    assert (done.code, done.err.count("\n")) == (0, 1), done


def test_zones_that_lack_the_branch_are_warned_of(zonegit) -> None:
    assert zonegit("branch", "dev").code == 0
    assert zonegit("branch", "dev", "--zone", "example.net").code == 0
    done = zonegit("rename", "host", "rack1", "--all-zones", "--branch", "dev")
    told = "the old name is still used in zones without a branch dev: 2.0.192.in-addr.arpa. (1 record)\n"
    assert f"warning: {told}" in done.err
    assert "[example.net. dev " in done.err


def test_undo_names_the_other_zones(zonegit) -> None:
    assert zonegit("rename", "host", "rack1", "--all-zones").code == 0
    assert zonegit("set", "late", "A", "60", "192.0.2.8", "--zone", "example.net").code == 0
    done = zonegit("undo")
    commit = json.loads(zonegit("log", "--json", "--zone", "example.net").out)[1]["commit"]
    assert done.err.endswith(
        "the same operation changed 2 other zones; to undo it there:\n"
        "  zonegit undo --zone 2.0.192.in-addr.arpa. --branch main\n"
        f"  zonegit revert {commit[:12]} --zone example.net. --branch main\n"
    ), done
    assert zonegit("revert", commit[:12], "--zone", "example.net.", "--branch", "main").code == 0
    told = json.loads(zonegit("undo", "--zone", "2.0.192.in-addr.arpa.", "--json").out)
    assert told["alongside"] == [{"zone": "example.net.", "branch": "main", "commit": commit, "last": False}]


def test_glue_of_a_zone_above_moves_with_all_zones(zonegit) -> None:
    lines = """\
zone sub.example.org
set ns1 A 300 192.0.2.54
set @ NS 300 ns1
zone example.org
set sub NS 300 ns1.sub
set ns1.sub A 300 192.0.2.54
"""
    assert zonegit("zone", "add", "sub.example.org").code == 0
    assert zonegit("batch", stdin=lines).code == 0
    content = exported(zonegit, "example.org", "sub.example.org")
    zonegit.refused(
        1, "is in the zone sub.example.org.", "rename", "ns1.sub", "x", "--zone", "example.org", "--relative"
    )
    done = zonegit("rename", "ns1", "ns2", "--zone", "sub.example.org", "--all-zones")
    assert (done.code, "warning" in done.err) == (0, False), done
    assert "+ns2.sub.example.org.\t300\tIN\tA\t192.0.2.54" in done.out
    assert zonegit("show", "ns2.sub", "A", "--zone", "example.org", "--relative").code == 0
    assert zonegit("rename", "ns2", "ns1", "--zone", "sub.example.org", "--all-zones").code == 0
    assert exported(zonegit, "example.org", "sub.example.org") == content


def test_glue_goes_that_no_delegation_needs_any_more(zonegit) -> None:
    lines = """\
zone sub.example.org
set ns1 A 300 192.0.2.54
set ns2 A 300 192.0.2.55
set @ NS 300 ns1 ns2
zone example.org
set sub NS 300 ns1.sub ns2.sub
set ns1.sub A 300 192.0.2.54
set ns1.sub AAAA 300 2001:db8::54
set ns1.sub TXT 300 hidden
set ns2.sub A 300 192.0.2.55
"""
    assert zonegit("zone", "add", "sub.example.org").code == 0
    assert zonegit("batch", stdin=lines).code == 0
    done = zonegit("rename", "ns1.sub.example.org.", "ns1.example.net.", "--all-zones")
    assert done.code == 0
    assert "-ns1.sub.example.org.\t300\tIN\tA\t192.0.2.54" in done.out
    assert "a form that rename doesn't change: ns1.sub.example.org. TXT\n" in done.err
    assert zonegit("show", "ns1.sub", "A", "--zone", "example.org", "--relative").code == 5
    assert zonegit("show", "ns1.sub", "AAAA", "--zone", "example.org", "--relative").code == 5
    assert zonegit("show", "ns2.sub", "A", "--zone", "example.org", "--relative").code == 0
    assert "unused-glue" not in zonegit("check", "--zone", "example.org").out


def test_what_the_zone_above_answers_itself_is_left_and_named(zonegit) -> None:
    assert zonegit("zone", "add", "sub.example.org").code == 0
    lines = "zone sub.example.org\nset ns1 A 60 192.0.2.1\nzone example.org\nset ns1.sub A 60 192.0.2.1\n"
    assert zonegit("batch", "--relative", stdin=lines).code == 0
    done = zonegit("rename", "ns1.sub.example.org.", "ns1.example.net.", "--all-zones")
    assert done.code == 0
    assert "a form that rename doesn't change: ns1.sub.example.org. A\n" in done.err
    assert zonegit("show", "ns1.sub", "A", "--zone", "example.org", "--relative").code == 0


def test_a_dry_run_of_each_writes_nothing(zonegit) -> None:
    before = state(zonegit.repo)
    for argv in (["rename", "host", "x"], ["ttl", "*", "7"]):
        done = zonegit(*argv, "--all-zones", "--dry-run", "--json")
        assert done.code == 0
        assert {each["new"] for each in json.loads(done.out)} == {None}
    assert state(zonegit.repo) == before


def ttls(zonegit, zone="example.org"):
    return {
        (each["NAME"], each["TYPEname"]): each["TTL"]
        for each in json.loads(zonegit("export", "--zone", zone, "--json").out)
    }


@pytest.mark.parametrize(
    ("argv", "names"),
    [
        (["host"], {("host", "A")}),
        (["HOST.example.org."], {("host", "A")}),
        (["*host"], {("host", "A"), ("ns.host", "A"), ("a.b.host", "AAAA"), ("*.host", "CNAME"), ("myhost", "A")}),
        (["?.b.HOST"], {("a.b.host", "AAAA")}),
        (["[*].host"], {("*.host", "CNAME")}),
        (["@"], {("@", "NS"), ("@", "MX"), ("@", "TXT")}),
        (["@", "--type", "SOA"], {("@", "SOA")}),
        (["*", "--type", "aaaa"], {("a.b.host", "AAAA")}),
        (["*.host.example.org."], {("ns.host", "A"), ("a.b.host", "AAAA"), ("*.host", "CNAME")}),
    ],
)
def test_the_ttl_of_all_that_match(zonegit, argv, names) -> None:
    before = ttls(zonegit)
    done = zonegit("ttl", argv[0], "77", *argv[1:])
    assert done.code == 0, done
    changed = {key for key, ttl in ttls(zonegit).items() if ttl != before[key]}
    absolute = {(f"{name}.example.org." if name != "@" else "example.org.", rtype) for name, rtype in names}
    assert changed == absolute
    assert set(map(ttls(zonegit).get, absolute)) == {77}
    count = f"{len(names)} RRset{'s' if len(names) > 1 else ''} changed"
    assert count in done.err
    again = zonegit("ttl", argv[0], "77", *argv[1:])
    assert (again.code, again.err) == (0, "[example.org. main] nothing to change\n")


def test_the_ttl_of_all_that_match_in_every_zone(zonegit) -> None:
    done = zonegit("ttl", "host", "1h", "--all-zones", "-m", "Calm down")
    assert done.code == 0
    assert [line.split("\t")[0] for line in done.out.splitlines()] == [
        "-host.example.net.",
        "+host.example.net.",
        "-host.example.org.",
        "+host.example.org.",
    ]
    changed = [zone for zone, line in tips(zonegit).items() if "Calm down" in line]
    assert changed == ["example.org", "example.net"]


def test_ttls_that_are_refused(zonegit) -> None:
    refused = zonegit.refused
    refused(5, "example.org. has no records whose TTL this changes at nowhere*", "ttl", "nowhere*", "60")
    refused(5, "example.org. has no AAAA records at host", "ttl", "host", "60", "--type", "AAAA")
    refused(5, "no zone here has records whose TTL this changes at nowhere", "ttl", "nowhere", "60", "--all-zones")
    refused(5, "at *.host.example.org; write the final dot", "ttl", "*.host.example.org", "60")
    refused(1, "the signer of the zone sets the TTL of RRSIG records", "ttl", "*", "60", "--type", "RRSIG")
    refused(1, "TTL", "ttl", "host", "-")
    refused(1, "TTL", "ttl", "host", "2147483648")
    refused(2, "--zone can't be combined", "ttl", "host", "60", "--zone", "example.org", "--all-zones")
    refused(1, "may mean host.example.org.", "ttl", "host.example.org", "60")
    refused(1, "type", "ttl", "host", "60", "--type", "NOTYPE")
    refused(1, "ANY", "ttl", "host", "60", "--type", "ANY")


def test_a_signed_zone_refuses_both_for_all_zones(zonegit) -> None:
    rrsig = "A 8 2 300 20300101000000 20200101000000 1 example.com. AQAB"
    done = zonegit("set", "@", "RRSIG", "300", rrsig, "--zone", "example.com", "--break-signatures")
    assert done.code == 0, done
    zonegit.refused(1, "example.com. is signed elsewhere", "ttl", "*", "60", "--all-zones")
    done = zonegit("ttl", "*", "60", "--all-zones", "--break-signatures")
    assert done.code == 0, done
    assert ttls(zonegit, "example.com")["example.com.", "RRSIG"] == 300
    assert zonegit("ttl", "*", "61", "--all-zones", "--unsign").code == 0
    assert ("example.com.", "RRSIG") not in ttls(zonegit, "example.com")
