"""`import --axfr`: zones from servers, honest ones and others."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from lies import LIES
from lyingprimary import LyingPrimary
from primarykit import APEX, Version, a, ns, rr, soa
from zonegit.auth.tsigfile import read_tsig
from zonegit.model.names import from_text

LIMITS = "[dns.incoming_limits]\nrecords = 1000\nbytes = 100000\n"
HASTY = 'seconds = "1s"\nanswer_seconds = "300ms"\nidle_seconds = "300ms"\n'
KEY = 'algorithm = "hmac-sha256"\nsecret = "c2VjcmV0IG9mIDMyIGJ5dGVzLCBhcyBpcyB1c3VhbC4="\n'
SIGNATURE = b"\0\1\x0d\2" + (300).to_bytes(4, "big") + b"\x7f\xff\xff\xff" + bytes(6) + APEX + b"signature"


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "xfr.tsig"
    path.touch(mode=0o600)
    path.write_text(KEY)
    return path


@pytest.fixture
def primary() -> Iterator[LyingPrimary]:
    with LyingPrimary() as running:
        yield running


def server(primary: LyingPrimary) -> str:
    return f"127.0.0.1:{primary.port}"


def test_the_first_transfer_creates_the_zone(run, primary) -> None:
    run("init")
    result = run("import", "--axfr", server(primary), "Example.org")
    assert (result.code, result.out) == (0, "")
    assert "serial 1, 4 RRsets changed" in result.err
    (commit,) = run("log", "--json").json
    assert commit["author"]["name"] == "127.0.0.1 <axfr@127.0.0.1>"
    assert commit["committer"]["name"] == "Ada <ada@example.org>"
    assert commit["message"] == f"Import Example.org from {server(primary)}"
    assert run("show", "www", "A").lines == ["www.example.org.\t300\tIN\tA\t192.0.2.1"]


def test_the_next_one_commits_what_differs(run, primary) -> None:
    run("init")
    run("import", "--axfr", server(primary), "example.org")
    again = run("import", "--axfr", server(primary), "example.org")
    assert (again.code, "nothing to change" in again.err) == (0, True)
    primary.versions.append(Version.of(50, [ns(), a("ns", 1), a("new", 1)]))
    dry = run("import", "--axfr", server(primary), "example.org", "--dry-run")
    assert "+new.example.org." in dry.out
    assert len(run("log", "--json").json) == 1
    assert run("import", "--axfr", server(primary), "example.org", "--author", "Bea <b@x>").code == 0
    newest, _ = run("log", "--json").json
    assert (newest["serial"], newest["author"]["name"]) == (50, "Bea <b@x>")


def test_a_serial_that_is_not_ahead(run, primary) -> None:
    run("init")
    primary.versions.append(Version.of(50, primary.versions[0].records))
    run("import", "--axfr", server(primary), "example.org")
    primary.versions.append(Version.of(7, [ns(), a("ns", 1)]))
    strict = run("import", "--axfr", server(primary), "example.org", "--keep-serial")
    assert strict.code == 1
    assert "serial 7 is not ahead of 50; raise it in the zone of 127.0.0.1, or drop --keep-serial" in strict.err
    lax = run("import", "--axfr", server(primary), "example.org")
    assert "the transfer's serial 7 is not ahead of the zone's; used the next one, 51" in lax.err


def test_commits_by_hand_are_not_undone_unasked(run, primary) -> None:
    """Also if the server's serial is that of one of them, which for a file would mean that it was edited."""
    run("init")
    run("import", "--axfr", server(primary), "example.org")
    run("set", "mail", "A", "60", "192.0.2.25")
    primary.add(a("new", 1))
    refused = run("import", "--axfr", server(primary), "example.org")
    assert refused.code == 1
    assert "1 commit made since the last import that the transfer would undo" in refused.err
    assert run("show", "new", "A").code == 5
    forced = run("import", "--axfr", server(primary), "example.org", "--replace", "--yes")
    assert forced.code == 0
    assert "the transfer undoes 1 commit" in forced.err
    assert run("show", "mail", "A").code == 5


def test_what_is_served_elsewhere_is_taken(run, primary) -> None:
    run("init")
    odd = [ns(), a("ns", 1), a("x", 1), rr("x", 5, APEX), rr("y", 5, APEX), rr("y", 5, from_text("ns", APEX))]
    primary.versions.append(Version.of(2, odd))
    strict = run("import", "--axfr", server(primary), "example.org", "--strict", "two-cnames")
    assert strict.code == 1
    result = run("import", "--axfr", server(primary), "example.org")
    assert result.code == 0
    assert "[cname-and-other]" in result.err
    assert "[two-cnames]" in result.err
    assert run("check").code == 1


def test_a_zone_without_name_servers_is_refused(run, primary) -> None:
    run("init")
    primary.versions.append(Version.of(2, [a("x", 1)]))
    result = run("import", "--axfr", server(primary), "example.org")
    assert result.code == 1
    assert "no NS records at the apex [no-ns]" in result.err


def test_a_signed_zone(run, primary) -> None:
    run("init")
    primary.versions.append(Version.of(2, [ns(), a("ns", 1), rr("@", 46, SIGNATURE)]))
    assert run("import", "--axfr", server(primary), "example.org").code == 0
    assert "RRSIG" in run("export").out
    primary.versions.append(Version.of(3, [ns(), a("ns", 1)]))
    refused = run("import", "--axfr", server(primary), "example.org")
    assert "example.org. is signed and the zone of 127.0.0.1 isn't" in refused.err
    assert run("import", "--axfr", server(primary), "example.org", "--drop-signatures").code == 0
    assert "RRSIG" not in run("export").out


def test_with_a_key(run, key_file) -> None:
    run("init")
    with LyingPrimary(read_tsig(key_file)) as primary:
        assert run("import", "--axfr", server(primary), "--key", key_file, "example.org").code == 0
    assert primary.asked[0].record is not None


def test_a_server_by_name(run, primary, monkeypatch) -> None:
    """The first of its addresses that can be reached."""
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, 0)) for host in ("127.255.255.255", "127.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    run("init")
    assert run("import", "--axfr", f"ns1.example.net:{primary.port}", "example.org").code == 0


@pytest.mark.parametrize(
    ("argv", "code", "reason"),
    [
        (["--tls", "example.org"], 2, "--tls is about a transfer"),
        (["--key", "x.tsig", "example.org"], 2, "--key is about a transfer"),
        (["--axfr", "192.0.2.1", "--key", "x.key", "example.org"], 2, "a TSIG key is in a file NAME.tsig"),
        (["--axfr", "192.0.2.1", "--key", "x.tsig", "example.org"], 7, "x.tsig"),
        (["--axfr", "foo:bar", "example.org"], 2, "'foo:bar' is not a server"),
        (["--axfr", "127.0.0.1:99999", "example.org"], 2, "'127.0.0.1:99999' is not a server"),
        (["--axfr", "localhost:0", "example.org"], 2, "'localhost:0' is not a server"),
        (["--axfr", "127.0.0.1:1", "example.org"], 8, "127.0.0.1:1: nothing listens there"),
        (["--axfr", "no.invalid", "example.org"], 8, "no.invalid: the server's address can't be looked up"),
        (["--axfr", "192.0.2.1", "a..b"], 1, "empty label"),
    ],
)
def test_one_line_says_what_is_wrong(run, argv: list[str], code: int, reason: str) -> None:
    run("init")
    result = run("import", *argv)
    assert result.code == code
    assert reason in result.err
    assert len(result.err.splitlines()) == 1


def test_a_limit_that_is_not_valid(run, primary, tmp_path) -> None:
    run("init")
    (tmp_path / "repo" / "zonegitd.toml").write_text("[dns.incoming_limits]\nrecords = 1\n")
    result = run("import", "--axfr", server(primary), "example.org")
    assert result.code == 2
    assert "[dns.incoming_limits]: records: 1 is not a number from 1000" in result.err


@pytest.mark.parametrize("name", [name for name, lie in LIES.items() if not lie.incremental])
def test_a_lie_leaves_the_zone_as_it_is(run, key_file, tmp_path, name: str) -> None:
    keyed, waits = LIES[name].keyed, LIES[name].waits
    configuration = tmp_path / "repo" / "zonegitd.toml"
    with LyingPrimary(read_tsig(key_file) if keyed else None) as primary:
        command = ["import", "--axfr", server(primary), *(["--key", key_file] if keyed else []), "example.org"]
        run("init")
        configuration.write_text(LIMITS)
        run(*command)
        configuration.write_text(LIMITS + HASTY * waits)
        before = run("log", "--json").json
        primary.add(a("new", 1))
        primary.lie = name
        refused = run(*command)
        if refused.code == 0:  # an older serial: the command takes it as it takes an older file
            assert name in ("does-not-rise", "goes-back")
            return
        assert refused.code in (1, 7, 8)
        assert len(refused.err.splitlines()) == 1
        assert run("log", "--json").json == before
        primary.lie = None
        configuration.write_text(LIMITS)
        assert run(*command).code == 0
        assert len(run("log", "--json").json) == len(before) + 1


def test_soa_values_come_along(run, primary) -> None:
    run("init")
    primary.versions.append(Version(9, (ns(), a("ns", 1)), soa(9, minimum=77)))
    run("import", "--axfr", server(primary), "example.org")
    assert run("show", "@", "SOA").out.split()[-1] == "77"
