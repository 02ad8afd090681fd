"""`set`, `add`, `delete` and `show`: what is committed, what is said, and what is refused."""

import shlex

import pytest


def shown(run, name, rtype, *more):
    return [line.split("\t") for line in run("show", name, rtype, *more).lines]


def rdatas(run, name, rtype):
    return [fields[4] for fields in shown(run, name, rtype)]


def test_set_replaces_the_rrset_and_shows_what_changed(zone) -> None:
    result = zone("set", "www", "A", "1h", "192.0.2.7")
    assert result.code == 0
    assert result.lines == ["-www.example.org.\t300\tIN\tA\t192.0.2.1", "+www.example.org.\t3600\tIN\tA\t192.0.2.7"]
    assert result.err.startswith("[example.org. main ")
    assert "serial 2026112002, 1 RRset changed" in result.err
    assert shown(zone, "www", "A") == [["www.example.org.", "3600", "IN", "A", "192.0.2.7"]]
    assert shown(zone, "www", "A", "HEAD~1") == [["www.example.org.", "300", "IN", "A", "192.0.2.1"]]


def test_each_commit_raises_the_serial(zone) -> None:
    assert rdatas(zone, "@", "SOA")[0].split()[2] == "2026112001"
    zone("set", "www", "A", "300", "192.0.2.7")
    assert rdatas(zone, "@", "SOA")[0].split()[2] == "2026112002"


def test_setting_what_stands_there_changes_nothing(zone) -> None:
    result = zone("set", "www", "A", "300", "192.0.2.1")
    assert (result.code, result.out) == (0, "")
    assert "nothing to change" in result.err
    assert len(zone("log", "--oneline").lines) == 1


@pytest.mark.parametrize(
    ("rtype", "words", "expected"),
    [
        ("A", ["192.0.2.1", "192.0.2.2"], ["192.0.2.1", "192.0.2.2"]),
        ("a", ["192.0.2.9"], ["192.0.2.9"]),
        ("MX", ["10 mail", "20 mail2"], ["10 mail.example.org.", "20 mail2.example.org."]),
        ("MX", ["10", "mail"], ["10 mail.example.org."]),
        ("MX", ["10", "mail.example.net."], ["10 mail.example.net."]),
        ("SRV", ["0", "5", "443", "www"], ["0 5 443 www.example.org."]),
        ("NS", ["a", "b"], ["a.example.org.", "b.example.org."]),
        ("TXT", ["v=spf1 -all"], ['"v=spf1 -all"']),
        ("TXT", ["one", "two"], ['"one"', '"two"']),
        ("TXT", ['"one string" "another"'], ['"one string" "another"']),
        ("CAA", ["0", "issue", "ca.example.net"], ['0 issue "ca.example.net"']),
        ("CAA", ['0 issue "ca.example.net"', "0 iodef mailto:a@b.c"], None),
        ("TYPE65280", ["\\#", "2", "abcd"], ["\\# 2 abcd"]),
        ("TYPE65280", ["\\# 2 abcd"], ["\\# 2 abcd"]),
    ],
)
def test_what_is_one_record(zone, rtype, words, expected) -> None:
    assert zone("set", "new", rtype, "300", *words).code == 0
    found = rdatas(zone, "new", rtype)
    assert len(found) == 2 if expected is None else found == expected


def test_a_long_text_is_cut_into_strings(zone) -> None:
    assert zone("set", "long", "TXT", "300", "x" * 300).code == 0
    assert rdatas(zone, "long", "TXT") == [f'"{"x" * 255}" "{"x" * 45}"']


def test_add_keeps_what_is_there(zone) -> None:
    assert zone("add", "www", "A", "300", "192.0.2.2").lines == ["+www.example.org.\t300\tIN\tA\t192.0.2.2"]
    assert rdatas(zone, "www", "A") == ["192.0.2.1", "192.0.2.2"]


def test_add_with_a_dash_keeps_the_ttl(zone) -> None:
    assert zone("add", "www", "A", "-", "192.0.2.2").code == 0
    assert [fields[1] for fields in shown(zone, "www", "A")] == ["300", "300"]


def test_delete_takes_a_record_a_type_or_a_name(zone) -> None:
    zone("add", "www", "A", "300", "192.0.2.2")
    zone("add", "www", "TXT", "300", "hello")
    assert zone("delete", "www", "A", "192.0.2.1").lines == ["-www.example.org.\t300\tIN\tA\t192.0.2.1"]
    assert rdatas(zone, "www", "A") == ["192.0.2.2"]
    assert zone("delete", "www", "A").code == 0
    assert rdatas(zone, "www", "ANY") == ['"hello"']
    assert zone("delete", "www").code == 0
    assert zone("show", "www", "TXT").code == 5


def test_message_and_author_are_the_commit_s(zone) -> None:
    zone("set", "www", "A", "300", "192.0.2.7", "-m", "move www", "--author", "Bob <bob@example.org>")
    commit = zone("log", "-n", "1", "--json").json[0]
    assert commit["message"] == "move www"
    assert commit["author"]["name"] == "Bob <bob@example.org>"


def test_a_user_that_the_system_has_no_name_for_can_commit(zone, monkeypatch) -> None:
    def nobody():
        raise KeyError("getpwuid(): uid not found")

    monkeypatch.delenv("ZONEGIT_AUTHOR")
    monkeypatch.setattr("getpass.getuser", nobody)
    assert zone("set", "www", "A", "300", "192.0.2.7").code == 0
    assert zone("log", "-n", "1", "--json").json[0]["author"]["name"].startswith("uid")


def test_branch_is_where_it_is_committed(zone) -> None:
    zone("branch", "test")
    assert zone("set", "www", "A", "300", "192.0.2.7", "--branch", "test").code == 0
    assert rdatas(zone, "www", "A") == ["192.0.2.1"]
    assert zone("show", "www", "A", "test").lines[0].endswith("192.0.2.7")


@pytest.mark.parametrize(
    "argv",
    [
        ["set", "www", "A", "300", "192.0.2.7"],
        ["add", "www", "A", "300", "192.0.2.7"],
        ["delete", "www", "A"],
    ],
)
def test_a_dry_run_shows_the_change_and_writes_nothing(zone, argv) -> None:
    before = zone("export").out
    result = zone(*argv, "--dry-run")
    assert result.code == 0
    assert result.lines
    assert "dry run, nothing written" in result.err
    assert zone("export").out == before
    assert zone("reflog").out.count("\n") == 1


def test_what_was_done_as_json(zone) -> None:
    done = zone("set", "www", "A", "300", "192.0.2.7", "--json").json
    assert done["zone"] == "example.org."
    assert done["branch"] == "main"
    assert done["serial"] == 2026112002
    assert done["change_count"] == 1
    assert done["changes"][0]["name"] == "www.example.org."
    assert done["changes"][0]["type"] == "A"
    assert done["changes"][0]["old"][0]["rdataA"] == "192.0.2.1"
    assert done["changes"][0]["new"][0]["rdataA"] == "192.0.2.7"
    assert done["new"] == zone("log", "--json").json[0]["commit"]


def test_show_as_json_is_rfc_8427(zone) -> None:
    assert zone("show", "www", "A", "--json").json == [
        {
            "NAME": "www.example.org.",
            "TYPE": 1,
            "TYPEname": "A",
            "CLASS": 1,
            "CLASSname": "IN",
            "TTL": 300,
            "RDLENGTH": 4,
            "RDATAHEX": "C0000201",
            "rdataA": "192.0.2.1",
        }
    ]


def test_a_changed_soa_shows_its_served_serials(zone) -> None:
    lines = zone("set", "@", "SOA", "3600", "ns1 hostmaster 0 1 2 3 4").lines
    assert lines[0].endswith("2026112001 7200 900 1209600 300")
    assert lines[1].endswith("2026112002 1 2 3 4")


def test_warnings_are_told_apart(zone) -> None:
    result = zone("set", "@", "MX", "1h", "10 nowhere")
    assert result.code == 0
    assert "zonegit: warning: example.org.: " in result.err


@pytest.mark.parametrize(
    ("argv", "code", "words"),
    [
        (["set", "www", "QQ", "300", "x"], 1, ["unknown type 'QQ'"]),
        (["set", "www", "TYPE65536", "300", "x"], 1, ["TYPE65536"]),
        (["set", "www", "ANY", "300", "x"], 1, []),
        (["set", "www", "A", "soon", "192.0.2.1"], 1, ["'soon'", "TTL", "NAME TYPE TTL RDATA"]),
        (["set", "www", "A", "2147483648", "192.0.2.1"], 1, ["TTL 2147483648"]),
        (["set", "www", "A", "300", "192.0.2.256"], 1, []),
        (["set", "www", "A", "300", "192.0.2.1", "192.0.2.256"], 1, ["192.0.2.256"]),
        (["set", "www", "A", "300", ""], 1, []),
        (["set", "@", "MX", "300", "10 mail", "twenty mail2"], 1, []),
        (["set", "www.example.net.", "A", "300", "192.0.2.1"], 1, ["outside of the zone"]),
        (["set", "evilexample.org.", "A", "300", "192.0.2.1"], 1, ["outside of the zone"]),
        (["set", "a..b", "A", "300", "192.0.2.1"], 1, ["empty label"]),
        (["set", "x" * 64, "A", "300", "192.0.2.1"], 1, ["63"]),
        (["set", "www", "CNAME", "300", "mail"], 1, ["CNAME"]),
        (["set", "@", "CNAME", "300", "mail"], 1, ["CNAME"]),
        (["add", "www", "CNAME", "300", "mail"], 1, ["CNAME"]),
        (["add", "new", "A", "-", "192.0.2.1"], 5, []),
        (["delete", "@", "SOA"], 1, ["SOA"]),
        (["delete", "@", "NS"], 1, ["NS"]),
        (["delete", "@"], 1, ["apex"]),
        (["delete", "nowhere"], 5, ["nowhere"]),
        (["delete", "www", "AAAA"], 5, ["www"]),
        (["delete", "www", "A", "192.0.2.99"], 5, []),
        (["delete", "www", "QQ"], 1, ["unknown type"]),
        (["show", "nowhere", "A"], 5, ["nowhere"]),
        (["show", "nowhere", "ANY"], 5, ["nowhere", "example.org."]),
        (["show", "nowhere", "ANY", "--json"], 5, ["nowhere"]),
        (["show", "www", "QQ"], 1, ["unknown type"]),
        (["show", "www", "A", "nowhere"], 5, ["nowhere"]),
        (["show", "www", "A", "HEAD~9"], 5, []),
        (["show", "www", "A", "HEAD~~x{"], 2, []),
        (["show", "www", "A", "--zone", "example.net"], 5, ["example.net."]),
        (["set", "www", "A", "300", "192.0.2.7", "--branch", "nowhere"], 5, ["nowhere"]),
        (["set", "www", "A", "300", "192.0.2.7", "--zone", "example.net"], 5, ["example.net."]),
        (["set", "www", "A", "300", "192.0.2.7", "-m", " "], 2, ["--message"]),
        (["set", "www", "A", "300", "192.0.2.7", "-m", "a\x1bb"], 2, ["--message"]),
        (["set", "www", "A", "300", "192.0.2.7", "--author", ""], 2, ["--author"]),
        (["set", "www", "A", "300", "192.0.2.7", "--author", "a\nb"], 2, ["author"]),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(zone, refused, argv, code, words) -> None:
    refused(zone(*argv), code, *words)
    assert len(zone("reflog").lines) == 1


ORDER = "expected NAME TYPE TTL RDATA"


@pytest.mark.parametrize("verb", ["set", "add"])
@pytest.mark.parametrize(
    ("words", "call"),
    [
        ("ns2 300 A 192.0.2.80", "ns2 A 300 192.0.2.80"),
        ("ns2 IN A 300 192.0.2.80", "ns2 A 300 192.0.2.80"),
        ("ns2 300 IN A 192.0.2.80 192.0.2.81", "ns2 A 300 192.0.2.80 192.0.2.81"),
        ("ns2 IN 1h a 192.0.2.80", "ns2 a 1h 192.0.2.80"),
        ("ns2 A IN 300 192.0.2.80", "ns2 A 300 192.0.2.80"),
        ("@ IN MX 300 '10 mail'", "@ MX 300 '10 mail'"),
        ("@ MX IN 10 mail", "@ MX 10 mail"),
        ("ns2 IN A 192.0.2.80", "ns2 A TTL 192.0.2.80"),
        ("ns2 A 192.0.2.80 192.0.2.81", "ns2 A TTL 192.0.2.80 192.0.2.81"),
        ("ns2 300 TXT -- -all", "ns2 TXT 300 -- -all"),
    ],
)
def test_another_order_of_the_fields_is_told_the_right_one(zone, refused, verb, words, call) -> None:
    refused(zone(verb, *shlex.split(words)), 1, f"; {ORDER}: `zonegit {verb} {call}`")


@pytest.mark.parametrize(
    ("words", "code"),
    [("A ns2 300 192.0.2.1", 1), ("ns2 QQ 300 x", 1), ("ns2 A 192.0.2.1", 2), ("ns2 A", 2), ("ns2 300 IN A", 1)],
)
def test_where_the_right_call_is_not_certain_the_order_alone_is_told(zone, refused, words, code) -> None:
    result = zone("set", *words.split())
    refused(result, code, ORDER)
    assert "`zonegit set ns2" not in result.err


def test_a_dash_in_a_record_that_is_not_quoted(zone, refused) -> None:
    for verb in ("set", "add"):
        refused(zone(verb, "foo", "TXT", "300", "v=spf1", "-all"), 2, "-all; quote a record", "put -- before")
    refused(zone("delete", "foo", "TXT", "v=spf1", "-all"), 2, "-all; quote a record", "put -- before")
    refused(zone("set", "www", "A", "300", "192.0.2.1", "--dryrun"), 2, "did you mean `--dry-run`?")


@pytest.mark.parametrize(
    "rtype", ["ANY", "AXFR", "IXFR", "OPT", "TSIG", "TKEY", "TYPE255", "TYPE0", "NXNAME", "type200"]
)
def test_a_type_that_cannot_stand_in_a_zone(zone, zone_file, refused, rtype) -> None:
    for words in (["300", "x"], ["300", "\\# 0"], ["soon", "x"]):
        for verb in ("set", "add"):
            result = zone(verb, "www", rtype, *words)
            refused(result, 1, "can't stand in a zone")
            assert ";" not in result.err
            assert "record" not in result.err
    refused(zone("delete", "www", rtype), 1, "can't stand in a zone", "leave TYPE out to delete every type at www")
    if rtype != "TSIG":  # what transfers leave in their output
        zone_file.write_text(zone_file.read_text() + f"www 300 IN {rtype} x\n")
        refused(zone("check", zone_file), 1, ":9: type ", "can't stand in a zone")


def test_a_serial_that_was_asked_for_and_not_taken_is_told(zone) -> None:
    def soa(serial: int, retry: int, *more: str):
        words = f"ns1 hostmaster {serial} 7200 {retry} 1209600 300"
        result = zone("set", "@", "SOA", "3600", words, *more)
        assert result.code == 0
        return result.err

    assert soa(5, 901, "--dry-run").endswith("is not ahead of the zone's; used the next one, 2026112002\n")
    assert "the serial 5 is not ahead of the zone's; used the next one, 2026112002" in soa(5, 901)
    assert "the serial 5 is not ahead of the zone's, which remains 2026112002" in soa(5, 901)
    assert "ahead" not in soa(2026112002, 901)
    assert "ahead" not in soa(2026112009, 902)


def test_records_that_are_not_there_are_counted(zone, refused) -> None:
    zone("add", "www", "A", "300", "192.0.2.2")
    refused(zone("delete", "www", "A", "192.0.2.9"), 5, "nothing to delete: the record is not at www")
    refused(zone("delete", "www", "A", "192.0.2.1", "192.0.2.9"), 5, "1 of the 2 records is not at www")
    refused(zone("delete", "www", "A", "192.0.2.8", "192.0.2.9"), 5, "2 of the 2 records are not at www")


@pytest.mark.parametrize(
    ("message", "why"),
    [
        ("", "is empty"),
        (" \n", "is empty"),
        ("a\x07b", "contains U+0007"),
        ("\u200b", "contains U+200B, which isn't"),
        ("\udcff", "contains the byte 0xFF, which isn't valid UTF-8"),
    ],
)
def test_what_is_wrong_with_a_message(zone, refused, message, why) -> None:
    refused(zone("set", "www", "A", "300", "192.0.2.9", "-m", message), 2, f"--message {why}", "plain text")


@pytest.mark.parametrize(
    ("words", "check"),
    [
        (["cn", "CNAME", "300", "192.0.2.1"], "address-target"),
        (["cn", "CNAME", "300", "http://foo"], "address-target"),
        (["4", "PTR", "300", "2001:db8::1"], "address-target"),
        (["www", "NSEC", "300", "www A"], "stray-dnssec"),
    ],
)
def test_what_is_evidently_meant_otherwise_is_warned_of_and_can_be_refused(zone, refused, words, check) -> None:
    refused(zone("set", *words, "--strict", check), 1, f"[{check}]")
    done = zone("set", *words)
    assert done.code == 0
    assert f"[{check}]" in done.err
    assert check in zone("check").out + zone("check").err


def test_a_zone_has_one_soa(zone, refused) -> None:
    one, other = (f"ns1 hostmaster {serial} 7200 900 1209600 300" for serial in (2026112005, 2026112006))
    before = zone("show", "@", "SOA").out
    refused(zone("set", "@", "SOA", "3600", one, other), 1, "[two-soas]")
    refused(zone("add", "@", "SOA", "3600", one), 1, "[two-soas]", "'zonegit set @ SOA")
    assert zone("show", "@", "SOA").out == before
    assert zone("set", "@", "SOA", "3600", one, one).code == 0


def test_a_serial_of_0_is_taken_where_it_is_ahead(zone) -> None:
    soa = "ns1 hostmaster {} 7200 900 1209600 300".format
    assert "the serial 0 is not ahead" in zone("set", "@", "SOA", "3600", soa(0)).err
    assert zone("set", "@", "SOA", "3600", soa(4000000000)).code == 0
    unchanged = zone("set", "@", "SOA", "3600", soa(3000000000)).err
    assert "nothing to change" in unchanged
    assert "the serial 3000000000 is not ahead of the zone's, which remains 4000000000" in unchanged
    assert "[serial-zero]" in zone("set", "@", "SOA", "3600", soa(0)).err
    assert " 0 7200 900 " in zone("show", "@", "SOA").out
