"""How a zone is to be signed: the table `dnssec` of a zone in the configuration."""

from enum import IntEnum, StrEnum
from pathlib import Path
from typing import Final, NamedTuple

KEYS: Final = Path("/var/lib/zonegit-keys")
"""Where the private keys are kept unless the configuration says otherwise."""
DAY: Final = 86_400


class Algorithm(IntEnum):
    """The algorithms that zones are signed with here: those that RFC 8624 §3.1 recommends or allows for it."""

    RSASHA256 = 8
    ECDSAP256SHA256 = 13
    ECDSAP384SHA384 = 14
    ED25519 = 15


class KeyLayout(StrEnum):
    """Which keys a zone has."""

    CSK = "csk"
    """One key that signs everything."""
    SPLIT = "ksk+zsk"
    """One that signs the DNSKEY records, and one that signs the others."""


class Denial(StrEnum):
    """How the zone proves that a name doesn't exist. NSEC3 has no salt and no extra iterations (RFC 9276 §3.1)."""

    NSEC = "nsec"
    NSEC3 = "nsec3"
    OPT_OUT = "nsec3-opt-out"


class DnssecPolicy(NamedTuple):
    """The policy of one zone. Times are in seconds."""

    algorithm: Algorithm = Algorithm.ECDSAP256SHA256
    keys: KeyLayout = KeyLayout.CSK
    denial: Denial = Denial.NSEC
    validity: int | None = None
    """How long a new signature is valid. None: 14 days, or longer if `renew_before` requires that."""
    renew_before: int | None = None
    """How long before its end a signature is renewed. None: 5 days, or longer if SOA and TTLs require that."""
    zsk_lifetime: int | None = None
    """After this time the ZSK (or CSK) is replaced; None: never by itself."""
    parent: tuple[str, ...] = ()
    """`ADDRESS` or `ADDRESS:PORT` of the parent's name servers; empty: they are looked up."""
    zonemd: bool = False
    """Whether the zone has a digest of itself (RFC 8976)."""
    dnskey_ttl: int = 3600
    propagation_delay: int = 3600
    """How long it takes until all secondaries serve a new version."""
    directory: Path = KEYS
    """Where the private keys are: the setting `dnssec_keys`."""
    token: str = ""
    """The PKCS#11 URI of the token that makes and keeps new keys; empty: they are files."""
