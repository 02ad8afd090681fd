"""`query` shows what zonegitd would answer, by its own responder, and which setting chose the version."""

from pathlib import Path

import pytest

from zonegit.daemon.zone_table import ZoneTable
from zonegit.dns.zone.canary import bucket
from zonegit.errors import CorruptStore


def chosen(result) -> str:
    return shown(result, "CHOSEN BY")


def shown(result, what: str) -> str:
    (line,) = [line for line in result.lines if line.startswith(f";; {what}: ")]
    return line.removeprefix(f";; {what}: ")


def addresses(result) -> list[str]:
    return [record["rdataA"] for record in result.json["answer"]]


@pytest.fixture
def staged(zone):
    """`zone`, with another address of www on the branch `next`."""
    assert zone("branch", "next").code == 0
    assert zone("set", "www", "A", "300", "192.0.2.9", "--branch", "next").code == 0
    return zone


@pytest.fixture
def configured(tmp_path: Path):
    """`configured(text)` writes the repository's zonegitd.toml."""

    def write(text: str) -> Path:
        file = tmp_path / "repo" / "zonegitd.toml"
        file.write_text(text)
        return file

    return write


def test_an_answer_looks_like_digs(zone) -> None:
    result = zone("query", "www")
    assert result.code == 0
    assert result.lines[:13] == [
        ";; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: 0",
        ";; flags: qr aa; QUERY: 1, ANSWER: 1, AUTHORITY: 0, ADDITIONAL: 1",
        "",
        ";; OPT PSEUDOSECTION:",
        "; EDNS: version: 0, flags:; udp: 1232",
        ";; QUESTION SECTION:",
        ";www.example.org.\tIN\tA",
        "",
        ";; ANSWER SECTION:",
        "www.example.org.\t300\tIN\tA\t192.0.2.1",
        "",
        result.lines[11],
        ";; CHOSEN BY: branch main",
    ]
    assert result.lines[11].startswith(";; VERSION: example.org. at ")
    assert result.lines[11].endswith(", serial 2026112001")


def test_compressed_names_are_shown_whole(zone) -> None:
    result = zone("query", "@", "MX")
    assert "example.org.\t3600\tIN\tMX\t10 mail.example.org." in result.lines
    assert "mail.example.org.\t3600\tIN\tA\t192.0.2.25" in result.lines
    assert (
        "example.org.\t3600\tIN\tSOA\tns1.example.org. hostmaster.example.org. 2026112001 7200 900 1209600 300"
        in (zone("query", "@", "soa").lines)
    )


def test_a_denial_is_an_answer(zone) -> None:
    result = zone("query", "nowhere", "AAAA", "--json")
    assert (result.code, result.json["status"], result.json["flags"]) == (0, "NXDOMAIN", ["qr", "aa"])
    assert [record["TYPEname"] for record in result.json["authority"]] == ["SOA"]


def test_a_name_in_no_zone_is_refused_with_the_reason(zone) -> None:
    result = zone("query", "www.example.com.")
    assert result.code == 0 and "status: REFUSED" in result.lines[0]
    assert "; EDE: 20 (Not Authoritative)" in result.lines
    assert ";; VERSION: none; no zone is served to this client under this name" in result.lines
    assert zone("query", "www.example.com.", "--json").json["chosen"] is None


def test_an_older_version_is_answered_from(zone) -> None:
    zone("set", "www", "A", "300", "192.0.2.7")
    zone("tag", "now")
    assert addresses(zone("query", "www", "--json")) == ["192.0.2.7"]
    for words in (["@HEAD~1"], ["A", "@now~1"], ["a", "@serial=2026112001"]):
        assert addresses(zone("query", "www", *words, "--json")) == ["192.0.2.1"]
    assert chosen(zone("query", "www", "@HEAD~1")) == "@HEAD~1"
    assert chosen(zone("query", "www.example.org.", "@now")) == "@now"


def test_heads_branch_can_be_asked_before_it_is_served(staged) -> None:
    staged("checkout", "next")
    assert addresses(staged("query", "www", "--json")) == ["192.0.2.1"]
    assert addresses(staged("query", "www", "@HEAD", "--json")) == ["192.0.2.9"]


def test_the_repositorys_configuration_applies(staged, configured) -> None:
    file = configured('[zone."example.org."]\nbranch = "next"\n')
    result = staged("query", "www", "--json")
    assert addresses(result) == ["192.0.2.9"]
    assert result.json["file"] == str(file)
    assert (result.json["chosen"]["rule"], result.json["chosen"]["setting"]) == ("branch", "next")


def test_another_configuration_can_be_tried(staged, tmp_path) -> None:
    file = tmp_path / "new.toml"
    file.write_text('[zone."example.org."]\nat = "next"\n')
    tried = staged("query", "www", "--config", file)
    assert (chosen(tried), shown(tried, "CONFIGURATION")) == ("at next", str(file))
    assert shown(staged("query", "www"), "CONFIGURATION") == "none, so the defaults of zonegitd apply"
    assert chosen(staged("query", "www")) == "branch main"


def test_the_canary_is_for_its_share_of_networks(staged, configured) -> None:
    configured('[zone."example.org."]\ncanary = "next:50"\n')
    for network in range(20):
        address = f"10.0.{network}.1"
        result = staged("query", "www", "--client", address)
        takes = bucket(bytes((10, 0, network, 1)), "") < 50
        assert chosen(result) == ("canary next:50" if takes else "branch main")
        assert f"www.example.org.\t300\tIN\tA\t192.0.2.{9 if takes else 1}" in result.lines
        assert f";; CLIENT: {address} (UDP)" in result.lines
    assert chosen(staged("query", "www", "@next")) == "@next"


def test_a_route_is_named_with_its_expression(staged, configured) -> None:
    configured(
        '[zone."example.org."]\ncanary = "next:0"\nroutes = [{ when = \'query.type=="MX"\', branch = "main" },'
        '{ when = \'client.subnet in "192.0.2.0/24"\', branch = "next" }]\n'
    )
    inside = staged("query", "www", "--client", "192.0.2.1")
    assert chosen(inside) == 'route 2 to next: client.subnet in ["192.0.2.0/24"]'
    assert "www.example.org.\t300\tIN\tA\t192.0.2.9" in inside.lines
    assert chosen(staged("query", "www")) == "branch main"
    assert chosen(staged("query", "www", "@next", "--client", "192.0.2.1")) == "@next"


def test_the_network_that_a_resolver_asks_for(staged, configured) -> None:
    configured(
        '[dns]\necs_trusted = ["192.0.2.53"]\n[zone."example.org."]\n'
        'routes = [{ when = \'client.subnet in "10.0.0.0/8"\', branch = "next" }]\n'
    )
    result = staged("query", "www", "--client", "192.0.2.53", "--subnet", "10.1.2.0/24")
    assert "; CLIENT-SUBNET: 10.1.2.0/24/8" in result.lines
    assert "www.example.org.\t300\tIN\tA\t192.0.2.9" in result.lines
    assert chosen(result).startswith("route 1 to next")
    assert result.err == ""
    ignored = staged("query", "www", "--client", "192.0.2.54", "--subnet", "10.1.2.0/24")
    assert chosen(ignored) == "branch main"
    assert ignored.err == "zonegit: warning: the subnet is ignored: 192.0.2.54 isn't in ecs_trusted\n"


def test_a_zone_that_the_client_may_not_query_is_refused(zone, configured) -> None:
    configured('[zone."example.org."]\nallow_query = ["2001:db8::/32"]\n')
    assert "; EDE: 18 (Prohibited)" in zone("query", "www").lines
    assert addresses(zone("query", "www", "--client", "2001:db8::1", "--json")) == ["192.0.2.1"]


def test_a_truncated_answer_is_asked_for_again_over_tcp(zone) -> None:
    zone("set", "big", "TXT", "60", *(f"{at:0250}" for at in range(9)))
    result = zone("query", "big", "TXT", "--json")
    assert (result.json["transport"], len(result.json["answer"])) == ("tcp", 9)


def test_dnssec_is_asked_for(zone) -> None:
    assert zone("query", "www", "--dnssec", "--json").json["edns"]["do"] is True
    assert "; EDNS: version: 0, flags: do; udp: 1232" in zone("query", "www", "--dnssec").lines


def test_damage_is_told_and_has_its_exit_code(zone, monkeypatch) -> None:
    def unreadable(*_args):
        raise CorruptStore("the view is damaged")

    monkeypatch.setattr(ZoneTable, "_branch", unreadable)
    result = zone("query", "www")
    assert result.code == CorruptStore.exit_code
    assert "status: SERVFAIL" in result.out
    assert "zonegit: warning: the view is damaged" in result.err


def test_nothing_is_written(zone, tmp_path) -> None:
    before = (tmp_path / "repo" / "data.mdb").read_bytes()
    zone("query", "www")
    assert (tmp_path / "repo" / "data.mdb").read_bytes() == before


@pytest.mark.parametrize(
    ("argv", "code", "words"),
    [
        (["www", "--client", "nobody"], 2, ["'nobody'", "192.0.2.1 or 2001:db8::1"]),
        (["www", "AXFR"], 2, ["AXFR"]),
        (["www", "--subnet", "10.1.2.3/24"], 2, ["'10.1.2.3/24'", "192.0.2.0/24"]),
        (["www", "A", "HEAD"], 2, ["'HEAD'", "@REV"]),
        (["www", "@"], 2, ["'@'", "@REV"]),
        (["www", "NONE"], 1, ["NONE"]),
        (["www", "@nowhere"], 5, ["nowhere"]),
        (["www.example.com.", "@HEAD"], 1, ["outside"]),
        (["www.example.org"], 1, ["www.example.org.", "--relative"]),
        (["www", "--config", "/nowhere.toml"], 2, ["/nowhere.toml"]),
    ],
)
def test_mistakes_are_told(zone, refused, argv, code, words) -> None:
    refused(zone("query", *argv), code, *words)


def test_a_mistake_in_the_configuration_is_told(zone, refused, configured) -> None:
    configured('[zone."example.org."]\nbranches = "next"\n')
    refused(zone("query", "www"), 2, "zonegitd.toml:2", "did you mean 'branch'?")
