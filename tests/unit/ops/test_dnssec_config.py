"""The table `dnssec` of a zone: its values, and what is refused."""

from pathlib import Path

import pytest

from zonegit.dnssec.policy import DAY, KEYS, Algorithm, Denial, DnssecPolicy, KeyLayout
from zonegit.errors import ConfigError
from zonegit.ops.config import Config
from zonegit.ops.flags import load
from zonegit.ops.publish_policies import configured, policies_of
from zonegit.repo.publishing.policy import PublishPolicy
from zonegit.repo.results import Position

PLACE = Position("example.org.", "main")


def read(directory: Path, text: str, *flags: str) -> Config:
    path = directory / "zonegitd.toml"
    path.write_text(text)
    return load(["--config", str(path), *flags])


def refused(directory: Path, lines: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read(directory, f'[zone."example.org".dnssec]\n{lines}\n')
    message = str(caught.value)
    assert "\n" not in message
    return message.removeprefix(f"{directory / 'zonegitd.toml'}:")


def test_every_value(tmp_path):
    config = read(
        tmp_path,
        """
        dnssec_keys = "/srv/keys"
        [zone."example.org".dnssec]
        algorithm = "ED25519"
        keys = "ksk+zsk"
        denial = "nsec3-opt-out"
        validity = "3w"
        renew_before = "9d"
        zsk_lifetime = "90d"
        parent = ["192.0.2.53", "192.0.2.54:5353", "2001:DB8::1", "[2001:db8::2]:53"]
        zonemd = true
        dnskey_ttl = 7200
        propagation_delay = "90m"
        token = "pkcs11:token=zones?module-path=/lib/p11.so&pin-source=/etc/pin"
        """,
    )
    assert config.zone("example.org.").dnssec == DnssecPolicy(
        Algorithm.ED25519,
        KeyLayout.SPLIT,
        Denial.OPT_OUT,
        21 * DAY,
        9 * DAY,
        90 * DAY,
        ("192.0.2.53", "192.0.2.54:5353", "2001:db8::1", "[2001:db8::2]:53"),
        True,
        7200,
        5400,
        Path("/srv/keys"),
        "pkcs11:token=zones?module-path=/lib/p11.so&pin-source=/etc/pin",
    )
    assert config.zone("example.com.").dnssec is None


def test_an_empty_table_signs_with_the_defaults(tmp_path):
    config = read(tmp_path, '[zone."example.org".dnssec]\n')
    assert config.zone("example.org.").dnssec == DnssecPolicy()
    assert DnssecPolicy().directory == KEYS
    assert read(tmp_path, '[zone."a".dnssec]\nzsk_lifetime = "unlimited"').zone("a.").dnssec == DnssecPolicy()


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ('algorithm = "rsasha1"', "2: algorithm: RFC 8624 §3.1 advises against signing with rsasha1: use "),
        ('algorithm = "RSAMD5"', "2: algorithm: RFC 8624 §3.1 forbids signing with rsamd5: use one of ecdsap"),
        ('algorithm = "ed448"', "2: algorithm: zonegit doesn't sign with ed448: use one of ecdsap"),
        ('algorithm = "rsa"', "2: algorithm: 'rsa' is not an algorithm: write ecdsap256sha256, ed25519, "),
        ("algorithm = 13", "2: algorithm: 13 is ecdsap256sha256: write the name, in quotes"),
        ("algorithm = true", "2: algorithm: true is not a string"),
        ('keys = "zsk"', "2: keys: 'zsk' is not a choice of keys: write csk, ksk+zsk"),
        ('denial = "nsec5"', "2: denial: 'nsec5' is not a kind of denial: write nsec, nsec3, nsec3-opt-out"),
        ('validity = "1y"', "2: validity: '1y' is not a time from 1m to 366d: write 14d, 12h, 30m or 90s"),
        ('validity = "400d"', "2: validity: '400d' is not a time from 1m to 366d"),
        ("validity = true", "2: validity: true is not a time"),
        ("validity = 1209600.5", "2: validity: 1209600.5 is not a time"),
        ('zsk_lifetime = "never"', "2: zsk_lifetime: 'never' is not 'unlimited' or a time from 1h to 3660d"),
        ('parent = "192.0.2.53"', "2: parent: '192.0.2.53' is not a list"),
        ('parent = ["ns.example"]', "2: parent: 'ns.example' is not an address with a port"),
        ("dnskey_ttl = 0", "2: dnskey_ttl: 0 is not a time from 1s to 7d"),
        (
            'token = "zones"',
            '2: token: it is not a PKCS#11 URI, which begins with pkcs11:; write "pkcs11:token=LABEL?',
        ),
        (
            'token = "pkcs11:token=a;id=%01?module-path=/lib.so&pin-source=/pin"',
            "2: token: it names a key: name only the token, in which each zone's keys are made",
        ),
        ("zonemd = 1", "2: zonemd: 1 is not true or false"),
        ("iterations = 0", "2: unknown key 'iterations'"),
        ("\nrenew_before = '5d'\nvalidity = '5d'", "4: renew_before must be less than validity minus 1d: "),
        ("renew_before = '14d'\nvalidity = '14d'", "3: renew_before must be less"),
        ("renew_before = '13d'\nvalidity = '14d'", "3: renew_before must be less"),
        ("validity = '2d'", "2: a validity of less than 3d needs a renew_before, too"),
    ],
)
def test_what_is_refused(tmp_path, lines, says):
    assert refused(tmp_path, lines).startswith(says)


def test_what_is_long_enough(tmp_path):
    text = '[zone."a".dnssec]\nvalidity = "14d"\nrenew_before = 1123199'
    assert read(tmp_path, text).zone("a.").dnssec == DnssecPolicy(validity=14 * DAY, renew_before=13 * DAY - 1)
    assert read(tmp_path, '[zone."a".dnssec]\nrenew_before = "20d"').zone("a.").dnssec


def test_the_table_is_one(tmp_path):
    with pytest.raises(ConfigError, match=r":2: dnssec is not a table: write \[zone.a.dnssec\]"):
        read(tmp_path, '[zone."a"]\ndnssec = true\n')
    with pytest.raises(ConfigError, match="quote the zone's name"):
        read(tmp_path, "[zone.example.org.dnssec]\n")


def test_a_pinned_version_is_not_signed(tmp_path):
    with pytest.raises(ConfigError, match=":2: a version that 'at' pins is served as it is, so it"):
        read(tmp_path, '[zone."a"]\nat = "main@{1}"\n[zone."a".dnssec]\n')
    with pytest.raises(ConfigError, match=r"--at serves a version as it is, so a\. can't be signed"):
        read(tmp_path, '[zone."a".dnssec]\n', "--at", "main@{1}")


def test_a_signed_zone_is_published(tmp_path):
    config = read(tmp_path, '[zone."example.org".dnssec]\n[zone."b".publish]\nmax_deletes = 1\n')
    assert config.publishes
    assert policies_of(config.zones) == {
        PLACE: PublishPolicy(dnssec=DnssecPolicy()),
        Position("b.", "main"): PublishPolicy(max_deletes=1),
    }
    assert not PublishPolicy(dnssec=DnssecPolicy()).is_quick


def test_gate_and_signatures_together(tmp_path):
    text = '[zone."example.org".dnssec]\n[zone."example.org".publish]\nmax_deletes = 1\n'
    assert policies_of(read(tmp_path, text).zones)[PLACE] == PublishPolicy(max_deletes=1, dnssec=DnssecPolicy())


def test_the_command_reads_it_too(tmp_path):
    (tmp_path / "zonegitd.toml").write_text('[zone."example.org".dnssec]\nkeys = "ksk+zsk"\n')
    found = configured(tmp_path, tmp_path / "none")
    assert found == {PLACE: PublishPolicy(dnssec=DnssecPolicy(keys=KeyLayout.SPLIT))}
