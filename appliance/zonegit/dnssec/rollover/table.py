"""Every process that changes a zone's keys, as a table of steps (RFC 6781 §4.1, RFC 7583, RFC 8078).

A row says what the keys that go (`old`) and those that come (`new`) do while the step lasts, and what must be so
before the next one. Keys that the process doesn't concern do everything that their role allows, all the time.
"""

from enum import Flag, StrEnum, auto
from typing import Final, NamedTuple

from zonegit.dnssec.rollover.values import Role


class Kind(StrEnum):
    """A process. A zone has at most one at a time."""

    ENABLE = "enable"
    KSK = "ksk"
    ZSK = "zsk"
    CSK = "csk"
    ALGORITHM = "algorithm"
    """To another algorithm: all keys are replaced."""
    LAYOUT = "layout"
    """To another layout of keys of the same algorithm: all keys are replaced."""
    RECOVER = "recover"
    """From keys that are published though the key state doesn't know them, as after a restored backup."""
    LOST = "lost"
    """From a KSK or CSK whose private key is lost, while what it signed last is still valid."""
    DISABLE = "disable"


class Use(Flag):
    """What a key does."""

    NONE = 0
    PUBLISHED = auto()
    """It is in the DNSKEY RRset."""
    ZONE = auto()
    """It signs the zone's data."""
    DNSKEY = auto()
    """It signs the RRsets DNSKEY, CDS and CDNSKEY."""
    CDS = auto()
    """CDS and CDNSKEY records name it."""


class Until(StrEnum):
    """What must be so before the next step, as long as caches need to forget what was before."""

    DNSKEY = "dnskey"
    """The DNSKEY RRset of this step is published; then its TTL."""
    SIGNED = "signed"
    """All data is signed by the keys that sign in this step and by no other; then the largest TTL of the zone."""
    PARENT = "parent"
    """All servers of the parent have the DS records of this step and no others of our keys; then the TTL of DS."""


class Row(NamedTuple):
    """One step. It always waits for a version that shows it, too."""

    step: str
    old: Use
    new: Use
    until: tuple[Until, ...]
    source: str
    """The section of the RFC that it is from."""
    back: str = ""
    """The step to begin again at, if the version that is served is older than the step before; empty: `RECOVER`."""
    delete: bool = False
    """CDS and CDNSKEY ask the parent to delete all DS records (RFC 8078 §4)."""
    adds: bool = False
    """The parent may have DS records of the old keys, too; or none at all."""
    is_open: bool = False
    """Another process may begin instead of the next step."""


P, Z, D, C = Use.PUBLISHED, Use.ZONE, Use.DNSKEY, Use.CDS
NONE: Final = Use.NONE
ALLOWED: Final = {Role.CSK: P | Z | D | C, Role.KSK: P | D | C, Role.ZSK: P | Z}
"""What keys of each role can do."""

_BOTH: Final = Row("publish", P | Z | D, P | Z | D, (Until.SIGNED, Until.DNSKEY), "RFC 6781 §4.1.4 new DNSKEY")
_REPLACE: Final = (
    Row("ds", P | Z | D, P | Z | D | C, (Until.PARENT,), "RFC 6781 §4.1.4 new DS; RFC 7583 §3.3.1"),
    Row("withdraw", Z, P | Z | D | C, (Until.DNSKEY,), "RFC 6781 §4.1.4 DNSKEY removal"),
    Row("remove", NONE, P | Z | D | C, (), "RFC 6781 §4.1.4 RRSIGs removal"),
)
_ROLES_APART: Final = (
    Row("publish", P | Z | D | C, P | D, (Until.DNSKEY,), "RFC 6781 §4.1.3; RFC 7583 §3.2.1 Ipub"),
    Row("sign", P | D | C, P | Z | D, (Until.SIGNED,), "RFC 6781 §4.1.3; RFC 7583 §3.2.1 Iret"),
    Row("ds", P | D, P | Z | D | C, (Until.PARENT,), "RFC 6781 §4.1.3; RFC 7583 §3.3.1 Iret"),
    Row("remove", NONE, P | Z | D | C, (), "RFC 6781 §4.1.3; RFC 7583 §3.3.1 Trem"),
)
"""What a ZSK does is replaced first, then what a KSK does."""
TABLES: Final[dict[Kind, tuple[Row, ...]]] = {
    Kind.ENABLE: (
        Row("publish", NONE, P | Z | D, (Until.SIGNED, Until.DNSKEY), "RFC 7583 §3.3.5"),
        Row("ds", NONE, P | Z | D | C, (Until.PARENT,), "RFC 7344 §4, RFC 8078 §3", "publish", is_open=True),
    ),
    Kind.ZSK: (
        Row("publish", P | Z, P, (Until.DNSKEY,), "RFC 7583 §3.2.1 Ipub"),
        Row("sign", P, P | Z, (Until.SIGNED,), "RFC 7583 §3.2.1 Iret"),
        Row("remove", NONE, P | Z, (), "RFC 7583 §3.2.1 Trem"),
    ),
    Kind.KSK: (
        Row("publish", P | D | C, P | D, (Until.DNSKEY,), "RFC 7583 §3.3.1 IpubC"),
        Row("ds", P | D, P | D | C, (Until.PARENT,), "RFC 7583 §3.3.1 Iret, RFC 7344 §4"),
        Row("remove", NONE, P | D | C, (), "RFC 7583 §3.3.1 Trem"),
    ),
    Kind.CSK: _ROLES_APART,
    Kind.LAYOUT: _ROLES_APART,
    Kind.ALGORITHM: (
        Row("sign", P | Z | D | C, Z, (Until.SIGNED,), "RFC 6781 §4.1.4 new RRSIGs"),
        Row("publish", P | Z | D | C, P | Z | D, (Until.DNSKEY,), "RFC 6781 §4.1.4 new DNSKEY"),
        *_REPLACE,
    ),
    Kind.RECOVER: (_BOTH, *_REPLACE),
    Kind.LOST: (
        Row("ds-first", P | Z | D, C, (Until.PARENT,), "RFC 7583 §3.3.2 IpubP", adds=True),
        _BOTH,
        *_REPLACE,
    ),
    Kind.DISABLE: (
        Row("cds-delete", P | Z | D, NONE, (Until.PARENT,), "RFC 8078 §4", back="cds-delete", delete=True),
        Row("unsign", NONE, NONE, (), "RFC 8078 §4", back="cds-delete"),
    ),
}


def row_at(kind: Kind, step: str) -> Row:
    """`KeyError` if the process has no such step."""
    for row in TABLES[kind]:
        if row.step == step:
            return row
    raise KeyError(step)


def row_before(kind: Kind, step: str) -> Row | None:
    rows = TABLES[kind]
    at = rows.index(row_at(kind, step))
    return rows[at - 1] if at else None


def row_after(kind: Kind, step: str) -> Row | None:
    rows = TABLES[kind]
    at = rows.index(row_at(kind, step)) + 1
    return rows[at] if at < len(rows) else None
