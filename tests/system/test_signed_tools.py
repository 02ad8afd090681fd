"""Signed zones as other makers' tools see them: every kind of answer validates, and a transfer is a whole zone."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from differkit import serving, write_zones
from differzones import MadeZone

MODES = ("nsec", "nsec3", "optout")
BODY = f"""
www      A     192.0.2.1
alias    CNAME www
*.w      A     192.0.2.2
x.w      TXT   here
*.wc     CNAME www
x.y.ent  TXT   deep
sub      NS    ns.sub
ns.sub   A     192.0.2.3
signed   NS    ns.sub
signed   DS    1 15 2 {"00" * 32}
old      DNAME new
a.new    A     192.0.2.4
"""
POSITIVE = (
    "@ SOA",
    "@ DNSKEY",
    "www A",
    "www ANY",
    "alias A",
    "q.w A",
    "q.wc A",
    "signed DS",
    "a.old A",
    "old DNAME",
)
NEGATIVE = (
    "www TXT", "q.w TXT", "x.w A", "ent A", "y.ent A", "no A", "a.b.no A", "no.ent A", "no.x.w A", "sub DS",
    "b.old A", "no DS",
)  # fmt: skip


class SignedZone(MadeZone):
    def text(self) -> str:
        head = f"$ORIGIN {self.apex}\n$TTL 300\n@ SOA ns host 7 3600 600 86400 60\n@ NS ns\nns A 192.0.2.9\n"
        return head + BODY


def asked(text: str, apex: str) -> tuple[str, str]:
    owner, rtype = text.split()
    return apex if owner == "@" else f"{owner}.{apex}", rtype


@pytest.fixture(scope="module")
def served(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[[Callable[[str], str]], tuple[int, Path]]]:
    """Asked with `needs_program`: the port of a daemon with one zone for each mode, and where their keys are."""
    directory = tmp_path_factory.mktemp("signed")
    found: list[tuple[int, Path]] = []
    with ExitStack() as stack:

        def serve(needs_program: Callable[[str], str]) -> tuple[int, Path]:
            signzone, keygen = needs_program("dnssec-signzone"), needs_program("dnssec-keygen")
            if not found:
                zones = [SignedZone(f"{mode}.test.", mode) for mode in MODES]
                files = write_zones(zones, directory / "zones", signzone, keygen)
                found.append((stack.enter_context(serving(directory, files, {}))[0], directory / "zones"))
            return found[0]

        yield serve


Served = Callable[[Callable[[str], str]], tuple[int, Path]]


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def anchor(keys: Path, apex: str, path: Path) -> Path:
    """The zone's key as delv reads it."""
    (file,) = keys.glob(f"K{apex}*.key")
    (record,) = (line for line in file.read_text().splitlines() if not line.startswith(";"))
    _, key = record.split(" DNSKEY ")
    flags, protocol, algorithm, *base64 = key.split()
    path.write_text(f'trust-anchors {{ {apex} static-key {flags} {protocol} {algorithm} "{"".join(base64)}"; }};\n')
    return path


@pytest.mark.parametrize("mode", MODES)
def test_delv_validates(mode: str, served: Served, needs_program: Callable[[str], str], tmp_path: Path) -> None:
    delv = needs_program("delv")
    port, keys = served(needs_program)
    apex = f"{mode}.test."
    options = ("-a", str(anchor(keys, apex, tmp_path / "anchor")), f"+root={apex}", "@127.0.0.1", "-p", str(port))
    for text in (*POSITIVE, *NEGATIVE):
        output = run(delv, *options, *asked(text, apex))
        # RFC 5155 §12.2.2: with opt-out a closer name may exist, unsigned, where a wildcard was answered from
        opted_out = mode == "optout" and text in ("q.w A", "q.wc A")
        assert ("; unsigned answer" if opted_out else "fully validated") in output, f"{text}\n{output}"
        assert text in POSITIVE or "negative response" in output or "-$NX" in output, f"{text}\n{output}"


@pytest.mark.parametrize("program", ["dig", "kdig", "drill"])
def test_clients_have_nothing_to_say(program: str, served: Served, needs_program: Callable[[str], str]) -> None:
    path = needs_program(program)
    port, _ = served(needs_program)
    flags = ("-D",) if program == "drill" else ("+dnssec", "+norec")
    for mode in MODES:
        for text in (*POSITIVE, *NEGATIVE, "no.sub A", "@ DS", "www RRSIG", "www NSEC", "no NSEC3"):
            output = run(path, *flags, "@127.0.0.1", "-p", str(port), *asked(text, f"{mode}.test."))
            assert "NOERROR" in output or "NXDOMAIN" in output, f"{text}\n{output}"
            for complaint in ("warning", "malformed", "error:", "mismatch", "unexpected"):
                assert complaint not in output.lower().replace("noerror", ""), f"{text}\n{output}"


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("checker", ["named-checkzone", "ldns-verify-zone"])
def test_a_transfer_is_a_whole_zone(
    mode: str, checker: str, served: Served, needs_program: Callable[[str], str], tmp_path: Path
) -> None:
    check, dig = needs_program(checker), needs_program("dig")
    port, _ = served(needs_program)
    apex = f"{mode}.test."
    records = run(dig, "@127.0.0.1", "-p", str(port), apex, "AXFR", "+noall", "+answer", "+onesoa")
    assert " NSEC" in records.replace("\t", " ")
    zone = tmp_path / "zone"
    zone.write_text(records)
    run(check, *(("-i", "local", apex, str(zone)) if checker == "named-checkzone" else (str(zone),)))
