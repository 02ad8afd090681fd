"""The validators that other tests have judge zones: each accepts a right zone, and refuses one that was changed."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from peerkit import running
from signedzonekit import CHAINS, Find, make_keys, read, sign_with_bind
from validators import (
    ZONE_FILE_VALIDATORS,
    Server,
    delv,
    dnsviz,
    drill,
    judge_file,
    unbound,
)
from zonegit.model.names import APEX_KEY
from zonegit.model.rdata import DNSKEY
from zonegit.model.rrset import rdatas, rr_key

NOW = int(time.time())
APEX = "example.org."
TEXT = f"""\
$ORIGIN {APEX}
$TTL 300
@     SOA   ns host 7 3600 600 86400 60
@     NS    ns
ns    A     127.0.0.1
www   A     192.0.2.1
bad   A     192.0.2.2
*.w   TXT   wild
x.ent TXT   deep
"""


def changed(text: str) -> str:
    """The zone with the address of `bad` changed after it was signed."""
    made, count = re.subn(r"^(bad\S*\s.*)192\.0\.2\.2$", r"\g<1>192.0.2.3", text, flags=re.MULTILINE)
    assert count == 1
    return made


def without_a_denial(text: str) -> str:
    """The zone without one of its NSEC or NSEC3 records."""
    lines = text.splitlines(keepends=True)
    (first, *_) = [at for at, line in enumerate(lines) if re.search(r"\sNSEC3?\s.*\sTXT", line)]
    return "".join(lines[:first] + lines[first + 1 :])


@pytest.fixture(params=CHAINS)
def chain(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def signed(chain: str, needs_program: Find, tmp_path: Path) -> str:
    keys = make_keys(needs_program, tmp_path / "keys", APEX)
    return sign_with_bind(needs_program, keys, TEXT, APEX, chain, NOW)


@pytest.mark.parametrize("program", ZONE_FILE_VALIDATORS)
def test_zone_files(program: str, signed: str, needs_program: Find, tmp_path: Path) -> None:
    path = tmp_path / "zone"
    path.write_text(signed)
    assert judge_file(needs_program, program, path, APEX) == ""
    for wrong in (changed(signed), without_a_denial(signed)):
        path.write_text(wrong)
        assert judge_file(needs_program, program, path, APEX), program


Serve = Callable[[str], Server]


@pytest.fixture
def serve(needs_program: Find, tmp_path: Path) -> Iterator[Serve]:
    """Serves a signed zone by BIND, which doesn't verify it."""
    with ExitStack() as stack:

        def served(text: str) -> Server:
            path = tmp_path / "served"
            path.write_text(text)
            zone = read(text)
            port = stack.enter_context(running("named", needs_program("named"), tmp_path / "named", {APEX: path}))
            return Server(APEX, port, rdatas(dict(zone.entries)[rr_key(APEX_KEY, DNSKEY)]))

        yield served


QUESTIONS = (("www", "A", "NOERROR"), ("www", "MX", "NOERROR"), ("a.w", "TXT", "NOERROR"), ("nx", "A", "NXDOMAIN"))


def is_insecure(chain: str, name: str) -> bool:
    """RFC 5155 §12.2.2: with opt-out a name may exist, unsigned, where there is none that is signed."""
    return chain == "optout" and name in ("a.w", "nx")


@pytest.mark.parametrize("judge", [delv, drill])
def test_answers(
    judge: Callable[..., str], chain: str, signed: str, serve: Serve, needs_program: Find, tmp_path: Path
) -> None:
    server = serve(changed(signed))
    for name, rtype, _ in QUESTIONS:
        found = judge(needs_program, server, tmp_path, f"{name}.{APEX}", rtype)
        if judge is delv and (chain, name) == ("optout", "a.w"):
            assert "unsigned answer" in found
        else:
            assert found == "", name
    assert judge(needs_program, server, tmp_path, f"bad.{APEX}", "A")


def test_dnsviz(chain: str, signed: str, serve: Serve, needs_program: Find, tmp_path: Path) -> None:
    server = serve(changed(signed))
    names = [f"{name}example.org" for name in ("", "www.", "a.w.", "nx.") if not is_insecure(chain, name[:-1])]
    assert dnsviz(needs_program, server, tmp_path, names, ("A", "SOA")) == ""
    assert dnsviz(needs_program, server, tmp_path, ["bad.example.org"], ("A",))


def test_unbound(chain: str, signed: str, serve: Serve, needs_program: Find, tmp_path: Path) -> None:
    server = serve(changed(signed))
    with unbound(needs_program, server, tmp_path / "unbound") as resolver:
        for name, rtype, rcode in QUESTIONS:
            answer = resolver.ask(f"{name}.{APEX}", rtype)
            assert (answer.rcode, answer.secure) == (rcode, not is_insecure(chain, name)), answer.text
        bogus = resolver.ask(f"bad.{APEX}", "A")
        assert (bogus.rcode, bogus.secure, bogus.error) == ("SERVFAIL", False, 6), bogus.text


@pytest.mark.parametrize("chain", ["nsec3"])
def test_a_validator_with_another_key(signed: str, serve: Serve, needs_program: Find, tmp_path: Path) -> None:
    server = serve(signed)
    wrong = server._replace(dnskeys=(server.dnskeys[0][:-1] + bytes((server.dnskeys[0][-1] ^ 1,)),))
    for judge in (delv, drill):
        assert judge(needs_program, wrong, tmp_path, f"www.{APEX}", "A")
    assert dnsviz(needs_program, wrong, tmp_path, ["www.example.org"], ("A",))
    with unbound(needs_program, wrong, tmp_path / "unbound") as resolver:
        assert resolver.ask(f"www.{APEX}", "A").rcode == "SERVFAIL"
