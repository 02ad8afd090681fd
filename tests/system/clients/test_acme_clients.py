"""certbot and lego, unmodified, get certificates by dns-01 from Pebble, which asks the primary that they update.

Both are set up as docs/adopting.md says, and once more without an algorithm: then certbot signs with HMAC-MD5, and
lego with HMAC-SHA1. BIND as the primary shows what they get elsewhere.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography import x509

from acmekit import Acme, acme
from adoptkit import CERTBOT, LEGO, OLD_CERTBOT, OLD_LEGO
from clientkit import run
from updatedkit import Primary, Setup


@pytest.fixture(scope="module")
def server(
    primary: Primary, tmp_path_factory: pytest.TempPathFactory, needs_program: Callable[[str], str]
) -> Iterator[Acme]:
    with acme(needs_program("pebble"), tmp_path_factory.mktemp("acme") / "pebble", primary.port) as found:
        yield found


def names(path: Path) -> set[str]:
    """What a certificate is for."""
    found = x509.load_pem_x509_certificates(path.read_bytes())[0]
    return set(
        found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(
            x509.DNSName
        )
    )


def test_certbot(primary: Primary, server: Acme, tmp_path: Path, needs_program: Callable[[str], str]) -> None:
    """A name and its wildcard: two TXT records with one owner, added and deleted one by one."""
    program = needs_program("certbot")
    for made in chosen(primary, CERTBOT, OLD_CERTBOT):
        home = tmp_path / made.zone
        home.mkdir()
        credentials = home / "rfc2136.ini"
        credentials.touch(mode=0o600)
        credentials.write_text(primary.program_for(made))
        before, serial = primary.zone(made.zone), primary.serial(made.zone)
        domain = made.zone.removesuffix(".")
        places = [word for part in ("config", "work", "logs") for word in (f"--{part}-dir", home / part)]
        account = ("--agree-tos", "--register-unsafely-without-email", "--server", server.directory)
        plugin = ("--dns-rfc2136", "--dns-rfc2136-credentials", credentials)
        run(
            program, "certonly", "-n", *places, *account, *plugin, "--dns-rfc2136-propagation-seconds", "0",
            "-d", domain, "-d", f"*.{domain}", REQUESTS_CA_BUNDLE=str(server.ca),
        )  # fmt: skip
        assert names(home / "config" / "live" / domain / "cert.pem") == {domain, f"*.{domain}"}
        assert primary.zone(made.zone) == before
        assert primary.serial(made.zone) - serial == 4


def test_lego(primary: Primary, server: Acme, tmp_path: Path, needs_program: Callable[[str], str]) -> None:
    program = needs_program("lego")
    for made in chosen(primary, LEGO, OLD_LEGO):
        before = primary.zone(made.zone)
        domain = f"www.{made.zone}".removesuffix(".")
        variables = dict(line.split("=", 1) for line in primary.program_for(made).splitlines())
        account = ("--path", tmp_path, "--server", server.directory, "--email", f"ada@{domain}", "--accept-tos")
        dns = ("--dns", "rfc2136", "--dns.resolvers", f"{primary.address}:{primary.port}", "--dns.disable-cp")
        run(
            program, *account, *dns, "--domains", domain, "run",
            LEGO_CA_CERTIFICATES=str(server.ca), RFC2136_POLLING_INTERVAL="1", **variables,
        )  # fmt: skip
        assert names(tmp_path / "certificates" / f"{domain}.crt") == {domain}
        assert primary.zone(made.zone) == before


def chosen(primary: Primary, new: Setup, old: Setup) -> tuple[Setup, ...]:
    """The set-ups to try: BIND shows what the program gets, and that once is enough."""
    return (new,) if primary.make == "named" else (new, old)
