"""The other signer of a zone: BIND or ldns with keys of its own (RFC 8901), and what a validator says of both."""

import subprocess
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import dns.dnssec
import dns.name
import dns.rdataset
import dns.rdatatype
import dns.rdtypes.ANY.DNSKEY
import dns.rrset
import dns.zone

ZONE = "example.com."
APEX = dns.name.from_text(ZONE)
Find = Callable[[str], str]


class OtherSigner:
    """A KSK and a ZSK of algorithm Ed25519, in BIND's key files."""

    def __init__(self, find: Find, directory: Path, signs: str) -> None:
        self._find, self._directory, self._signs = find, directory, signs
        directory.mkdir()
        self._ksk = self._new_key("-f", "KSK")
        self._zsks = [self._new_key()]

    @property
    def ksk(self) -> str:
        """The RDATA of its DNSKEY record, as text."""
        return self._dnskey(self._ksk)

    @property
    def zsks(self) -> list[str]:
        return [self._dnskey(zsk) for zsk in self._zsks]

    @property
    def ds(self) -> str:
        done = self._run("dnssec-dsfromkey", "-2", str(self._directory / f"{self._ksk}.key"))
        return done.split(" DS ")[1].strip()

    def new_zsk(self) -> None:
        """Publish another ZSK; the first one signs."""
        self._zsks.append(self._new_key())

    def roll(self) -> None:
        """Forget the first ZSK."""
        del self._zsks[0]

    def sign(self, text: str, path: Path) -> str:
        """The signed zone. `text` has all records but those of its own keys."""
        own = "".join(f"{ZONE} 3600 IN DNSKEY {key}\n" for key in (self.ksk, *self.zsks))
        path.write_text(text + own)
        signed = path.with_suffix(".signed")
        ksk, zsk = (str(self._directory / key) for key in (self._ksk, self._zsks[0]))
        if self._signs == "ldns-signzone":
            self._run("ldns-signzone", "-o", ZONE, "-f", str(signed), str(path), ksk, zsk)
        else:
            options = ("-x", "-P", "-K", str(self._directory), "-o", ZONE, "-f", str(signed), "-k", ksk)
            self._run("dnssec-signzone", *options, str(path), zsk)
        return signed.read_text()

    def _new_key(self, *options: str) -> str:
        return self._run("dnssec-keygen", "-q", "-K", str(self._directory), "-a", "ED25519", *options, ZONE).strip()

    def _dnskey(self, key: str) -> str:
        lines = (self._directory / f"{key}.key").read_text().splitlines()
        return next(line.split(" DNSKEY ")[1] for line in lines if not line.startswith(";"))

    def _run(self, program: str, *argv: str) -> str:
        command = [self._find(program), *argv]
        done = subprocess.run(command, cwd=self._directory, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def read(text: str) -> dns.zone.Zone:
    return dns.zone.from_text(text, APEX, relativize=False, check_origin=False)


def trusted_keys(zone: dns.zone.Zone, ds: Iterable[str]) -> dns.rdataset.Rdataset:
    """The DNSKEY RRset, validated by one of these DS records. `dns.dnssec.ValidationFailure`."""
    keys = zone.get_rdataset(APEX, "DNSKEY")
    anchors = dns.rdataset.from_text_list("IN", "DS", 60, list(ds))
    trusted = [key for key in keys if dns.dnssec.make_ds(APEX, key, "SHA256") in anchors]
    if not trusted:
        raise dns.dnssec.ValidationFailure("no key has a DS")
    _validate(zone, APEX, keys, dns.rdataset.from_rdata_list(60, trusted))
    return keys


def validate_all(zone: dns.zone.Zone, keys: dns.rdataset.Rdataset) -> int:
    """Validate every signed RRset but DNSKEY, CDS and CDNSKEY with the keys of a validator's cache; how many."""
    found = 0
    for name, node in zone.items():
        for signed in node:
            if signed.rdtype == dns.rdatatype.RRSIG and signed.covers not in _BY_KSK:
                _validate(zone, name, zone.get_rdataset(name, signed.covers), keys)
                found += 1
    return found


_BY_KSK = (dns.rdatatype.DNSKEY, dns.rdatatype.CDS, dns.rdatatype.CDNSKEY)


def _validate(
    zone: dns.zone.Zone, name: dns.name.Name, found: dns.rdataset.Rdataset, keys: dns.rdataset.Rdataset
) -> None:
    signatures = zone.get_rdataset(name, "RRSIG", found.rdtype)
    rrset, rrsig = (dns.rrset.from_rdata_list(name, each.ttl, list(each)) for each in (found, signatures))
    dns.dnssec.validate(rrset, rrsig, {APEX: keys})


def texts(zone: dns.zone.Zone, rtype: str) -> set[str]:
    """The RDATA of the records of a type at the apex."""
    found: Sequence[object] = zone.get_rdataset(APEX, rtype) or ()
    return {str(each) for each in found}
