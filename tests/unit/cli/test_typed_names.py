"""Names as typed: an absolute one picks its zone, one that lacks its final dot is refused."""

import pytest

RECORDS = [
    ("CNAME", "www.example.org"),
    ("CNAME", "WWW.Example.ORG"),
    ("NS", "ns1.example.org"),
    ("PTR", "www.example.org"),
    ("DNAME", "www.example.org"),
    ("MX", "10 mail.example.org"),
    ("SRV", "0 5 5060 sip.example.org"),
    ("NAPTR", '100 50 "s" "SIP+D2U" "" sip.example.org'),
    ("SOA", "ns1 hostmaster.example.org 1 7200 900 1209600 300"),
    ("RP", "ada.example.org ."),
    ("AFSDB", "1 afs.example.org"),
    ("KX", "10 kx.example.org"),
    ("SVCB", "1 svc.example.org alpn=h2"),
    ("HTTPS", "1 svc.example.org"),
    ("IPSECKEY", "10 3 2 gw.example.org AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ=="),
    ("CNAME", "example.org"),
]


def shown(run, *words):
    result = run("show", *words)
    assert result.code == 0, result
    return result.out


@pytest.fixture
def two(zone):
    """`zone`, with sub.example.org. and example.net. beside it; HEAD is on example.org."""
    for name in ("sub.example.org", "example.net"):
        assert zone("zone", "add", name).code == 0
    return zone


@pytest.mark.parametrize("name", ["www.example.org", "WWW.Example.Org", "example.org", r"www.ex\097mple.org"])
def test_an_owner_without_its_final_dot_is_refused(zone, refused, name) -> None:
    for words in (
        ("set", name, "A", "60", "192.0.2.9"),
        ("add", name, "A", "60", "192.0.2.9"),
        ("delete", name),
        ("show", name, "A"),
        ("blame", name),
        ("log", "--name", name),
    ):
        refused(zone(*words), 1, "may mean", ".example.org.; write the final dot", "--relative")
    assert zone("log", "--oneline").out.count("\n") == 1


def test_it_may_be_meant(zone) -> None:
    assert zone("set", "--relative", "www.example.org", "A", "60", "192.0.2.9").code == 0
    assert "www.example.org.example.org.\t60" in shown(zone, "www.example.org", "A", "--relative")
    assert shown(zone, "www.example.org.example.org.", "A")
    assert zone("blame", "--relative", "www.example.org", "A").code == 0
    assert zone("log", "--relative", "--name", "www.example.org", "--oneline").out.count("\n") == 1
    assert zone("delete", "--relative", "www.example.org", "A").code == 0


def test_names_that_end_otherwise_are_relative(zone) -> None:
    for name in ("org", "www.notexample.org", "example.org.mail", r"www.example\.org"):
        assert zone("set", name, "A", "60", "192.0.2.9").code == 0, name


@pytest.mark.parametrize(("rtype", "rdata"), RECORDS)
def test_a_target_without_its_final_dot_is_refused(zone, refused, rtype, rdata) -> None:
    name = "@" if rtype == "SOA" else "x"
    for verb in ("set", "add"):
        refused(zone(verb, name, rtype, "60", rdata), 1, "final dot", "--relative")
    refused(zone("delete", name, rtype, rdata), 1, "final dot", "--relative")
    done = zone("set", "--relative", name, rtype, "60", rdata)
    assert "final dot" not in done.err


def test_each_record_is_looked_at_and_fields_that_are_joined_too(zone, refused) -> None:
    refused(zone("set", "@", "MX", "60", "10 mail", "20 mail.example.org"), 1, "mail.example.org. or")
    refused(zone("set", "x", "SRV", "60", "0", "5", "5060", "ns1.example.org"), 1, "ns1.example.org. or")
    doubled = "www.example.org.example.org."
    assert zone("set", "x", "CNAME", "60", doubled).code == 0
    assert zone("set", "x", "TXT", "60", "www.example.org").code == 1  # beside the CNAME, and for no other reason
    assert zone("set", "t", "TXT", "60", "www.example.org").code == 0


def test_the_root_and_a_zone_of_one_label(run) -> None:
    assert run("init").code == 0
    assert run("zone", "add", ".", "--ns", "a.example.").code in (0, 1)
    assert run("zone", "add", "test").code == 0
    assert run("--zone", "test", "set", "www.test", "A", "60", "192.0.2.1").code == 1
    assert run("--zone", "test", "set", "www.test.example", "A", "60", "192.0.2.1").code == 0


def test_a_new_zone_s_name_servers(zone, refused) -> None:
    refused(zone("zone", "add", "example.net", "--ns", "ns1.example.net"), 1, "ns1.example.net. or")
    refused(zone("zone", "add", "example.net", "--mail", "ada.example.net"), 1, "ada.example.net. or")
    assert zone("zone", "add", "example.net", "--mail", "ada@example.net").code == 0


@pytest.mark.parametrize(
    "words",
    [
        ("set", "www.example.net", "A", "60", "192.0.2.1"),
        ("set", "9", "PTR", "60", "host9.Example.net"),
        ("add", "@", "MX", "60", "10 mail.example.net"),
        ("set", "a", "CNAME", "60", "example.net"),
        ("delete", "www.example.net"),
    ],
)
def test_a_name_that_would_be_in_another_zone_with_its_final_dot_is_refused(two, refused, words) -> None:
    refused(two(*words), 1, "may mean", "write the final dot")
    two("set", "www.example.net", "A", "60", "192.0.2.1", "--relative")
    assert shown(two, "www.example.net", "A", "--relative").startswith("www.example.net.example.org.")


def test_an_absolute_name_picks_its_zone(two) -> None:
    done = two("set", "www.example.net.", "A", "60", "192.0.2.9", "--json")
    assert (done.code, done.json["zone"]) == (0, "example.net.")
    assert done.err == "www.example.net. is in the zone example.net.\n"
    assert two("add", "WWW.example.NET.", "A", "60", "192.0.2.10").code == 0
    assert "192.0.2.10" in shown(two, "www.example.net.", "ANY")
    assert "2 records" not in two("blame", "www.example.net.", "A").err
    assert two("log", "--name", "www.example.net.", "--oneline").out.count("\n") == 2
    assert two("delete", "www.example.net.", "A", "192.0.2.9").code == 0
    assert two("status", "--json").json["zone"] == "example.org."


def test_the_longest_match_is_taken_and_nothing_is_told_of_head_s(two) -> None:
    assert two("set", "www.sub.example.org.", "A", "60", "192.0.2.9", "--json").json["zone"] == "sub.example.org."
    done = two("set", "x.example.org.", "A", "60", "192.0.2.9", "--json")
    assert (done.json["zone"], done.err) == ("example.org.", "")
    assert two("set", "www.sub", "A", "60", "192.0.2.9", "--json").json["zone"] == "example.org."


def test_ds_records_belong_to_the_zone_above(two) -> None:
    digest = "12345 13 2 " + "ab" * 32
    assert two("set", "sub.example.org.", "NS", "60", "ns.example.", "--json").json["zone"] == "sub.example.org."
    assert two("--zone", "example.org", "set", "sub.example.org.", "NS", "60", "ns.example.").code == 0
    assert two("set", "sub.example.org.", "DS", "60", digest, "--json").json["zone"] == "example.org."
    assert "DS" in shown(two, "sub.example.org.", "DS")


def test_a_name_outside_of_the_zone_is_refused(two, refused) -> None:
    refused(
        two("set", "www.example.com.", "A", "60", "192.0.2.9"),
        1,
        "outside of the zones of this repository",
        "zone list",
    )
    refused(
        two("--zone", "example.org", "set", "www.example.net.", "A", "60", "192.0.2.9"), 1, "outside of the zone"
    )
    refused(two("show", "www.example.com.", "A"), 1, "outside of the zones of this repository")


def test_the_branch_is_that_of_the_zone(two) -> None:
    assert two("checkout", "-b", "staging").code == 0
    assert two("set", "x.example.org.", "A", "60", "192.0.2.9", "--json").json["branch"] == "staging"
    assert two("set", "x.example.net.", "A", "60", "192.0.2.9", "--json").json["branch"] == "main"
