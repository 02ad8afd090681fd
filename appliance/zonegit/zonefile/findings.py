"""Findings: what is wrong with a zone, under the name of the check that found it.

An error is something that authoritative servers refuse or can't serve: the zone is refused. All else is a warning.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final, NamedTuple

from zonegit.model.names import Owner


class Severity(Enum):
    """An error refuses the zone, a warning doesn't."""

    ERROR = "error"
    WARNING = "warning"


class Finding(NamedTuple):
    """Something that is wrong at an owner; at the apex, if it concerns no owner in the zone."""

    severity: Severity
    check: str
    """Its name in `CHECKS`."""
    owner: Owner
    message: str
    """Begins with `file:line: ` where it concerns a line of a zone file."""
    more: int = 0
    """Findings of this check that aren't listed; counted on one of those that are."""

    @property
    def full_message(self) -> str:
        """The message, with the number of findings that aren't listed."""
        return f"{self.message}; and {self.more:,} more of these" if self.more else self.message


ERRORS: Final[Mapping[str, str]] = MappingProxyType({
    "no-soa": "no SOA record at the apex",
    "two-soas": "more than one SOA record",
    "soa-below-apex": "a SOA record below the apex",
    "no-ns": "no NS records at the apex",
    "cname-and-other": "a CNAME beside other data (RFC 1034 §3.6.2)",
    "two-cnames": "more than one CNAME record at an owner (RFC 2181 §10.1)",
    "two-dnames": "more than one DNAME record at an owner (RFC 6672 §2.4)",
    "below-dname": "data below a DNAME (RFC 6672 §2.4)",
    "too-large": "records of one type that no DNS message can carry (RFC 1035 §4.2.2)",
    "large-owner": "more records of all types at a name than zonegitd answers from: 1,024, or 65,536 bytes",
})  # fmt: skip
"""Checks whose findings refuse the zone, each with what it finds."""

WARNINGS: Final[Mapping[str, str]] = MappingProxyType({
    "mx-cname": "an MX record whose target is a CNAME (RFC 2181 §10.3)",
    "srv-cname": "an SRV record whose target is a CNAME (RFC 2782)",
    "ns-cname": "an NS record whose target is a CNAME (RFC 2181 §10.3)",
    "mx-address": "an MX record whose target in this zone has no address",
    "srv-address": "an SRV record whose target in this zone has no address",
    "ns-address": "an NS record whose target in this zone has no address",
    "cname-target": "a CNAME record whose target seems to lack its final dot: this zone's name was appended",
    "missing-glue": "a delegation whose name server is below it and has no address here (RFC 1034 §4.2.1)",
    "apex-ds": "DS records at the apex, which belong to the parent zone (RFC 4035 §2.4)",
    "ds-without-ns": "DS records where there is no delegation (RFC 4035 §2.4)",
    "wildcard-ns": "NS records at a wildcard (RFC 4592 §4.2), for which BIND refuses the zone",
    "occluded": "data at or below a delegation that is never served (RFC 1034 §4.2.1)",
    "dname-and-ns": "a DNAME beside the NS records of a delegation, for which Knot refuses the zone",
    "occluded-below-dname": "data below a DNAME at or below a delegation, for which Knot and NSD refuse the zone",
    "unused-glue": "addresses at or below a delegation that no NS record of the zone names",
    "serial-zero": "an SOA serial of 0, which some name servers take for a missing one (RFC 2136 §7.11)",
    "cname-and-key": "a KEY, SIG or NXT beside a CNAME, for which some servers refuse the zone (RFC 2181 §10.1)",
    "host-owner": "addresses or MX records at a name that isn't a host's (RFC 1123 §2.1): BIND's check-names",
    "host-target": "an NS, MX or SRV record whose target isn't a host name (RFC 1123 §2.1): BIND's check-names",
    "address-target": "a CNAME, DNAME, MX, NS, PTR or SRV record whose target is an IP address or a URL",
    "stray-dnssec": "RRSIG, NSEC or NSEC3 records in a zone without RRSIG records at its apex (RFC 4035 §2)",
    "large-rrset": "more than 100 records of a type at a name, for which BIND refuses the zone",
    "many-types": "more than 100 types at a name, for which BIND refuses the zone",
    "broken-denial": "NSEC or NSEC3 records that don't deny every absent name and type (RFC 5155 §7.1)",
    "signatures-end": "signatures that have expired, or expire within three days (RFC 4035 §5.3.1)",
    "duplicate-record": "a record that occurs more than once in the zone file",
    "mixed-ttl": "records of one RRset with different TTLs (RFC 2181 §5.2)",
    "out-of-zone": "a record in the zone file whose owner isn't in the zone; it is ignored",
    "ttl-range": "a TTL above 2147483647 seconds, which means 0 (RFC 2181 §8)",
    "non-ascii-name": "a name with non-ASCII bytes, where its xn-- form is usually meant (RFC 5890)",
    "include-path": "an $INCLUDE path that other servers resolve to another file",
    "generate-ambiguous": "a $GENERATE that BIND and PowerDNS read differently",
})  # fmt: skip
"""Checks whose findings don't refuse the zone, unless `strict` raises them to errors."""

BOGUS: Final[Mapping[str, str]] = MappingProxyType({
    "no-dnskey": "a signed zone without a DNSKEY record of its own (RFC 4035 §2.1)",
    "no-denial": "a signed zone with neither NSEC nor NSEC3 records (RFC 4035 §2.3)",
    "signature-missing": "an RRset without a signature in a signed zone (RFC 4035 §2.2)",
    "signature-wrong": "an RRset none of whose signatures verifies (RFC 4035 §5.3.3)",
    "signature-key": "an RRset signed only by keys that the zone's DNSKEY RRset lacks (RFC 4035 §5.3.1)",
    "signature-expired": "an RRset all of whose signatures have expired (RFC 4035 §5.3.1)",
    "signature-early": "an RRset none of whose signatures is valid yet (RFC 4035 §5.3.1)",
    "nsec-missing": "a name without its NSEC record (RFC 4035 §2.3)",
    "nsec-next": "an NSEC record that doesn't lead to the next name (RFC 4034 §4.1.1)",
    "nsec-types": "an NSEC record whose types aren't those of its name (RFC 4034 §4.1.2)",
    "nsec3-parameters": "NSEC3 records without an NSEC3PARAM record that gives their parameters (RFC 5155 §4)",
    "nsec3-missing": "a name whose hash no NSEC3 record has, without an opt-out that covers it (RFC 5155 §7.1)",
    "nsec3-next": "an NSEC3 record that doesn't lead to the next hash (RFC 5155 §7.1)",
    "nsec3-surplus": "an NSEC3 record whose hash is that of no name, so that it can't be denied (RFC 5155 §7.1)",
    "nsec3-types": "an NSEC3 record whose types aren't those of its name (RFC 5155 §7.1)",
})  # fmt: skip
"""Errors that only `check` finds, since verifying takes long: validators refuse such data."""

DOUBTFUL: Final[Mapping[str, str]] = MappingProxyType({
    "dnskey-entry": "DNSKEY records that no key with the SEP flag signs, though there is one (RFC 4034 §2.1.1)",
    "dnskey-tag": "more than 4 DNSKEY records with one tag and algorithm; validators try no more than 4",
    "signature-spare": "a signature that is not valid, beside one that is (RFC 6840 §5.11)",
    "signature-stray": "a signature of records that don't exist or must not be signed (RFC 4035 §2.2)",
    "signature-unjudged": "a signature whose algorithm zonegit can't verify",
    "signature-algorithm": "an RRset without a signature of each algorithm in the DNSKEY RRset (RFC 4035 §2.2)",
    "signature-ttl": "an RRset whose TTL isn't the one that was signed (RFC 4034 §3.1.4)",
    "nsec-stray": "an NSEC record at a name that the zone doesn't answer for (RFC 4035 §2.3)",
    "nsec3-stray": "an NSEC3 record that is in no chain (RFC 5155 §7.1)",
    "nsec3-costly": "NSEC3 records with more than 150 iterations, whose chain nobody verifies (RFC 9276 §3.2)",
    "nsec3-iterations": "NSEC3 records with more than 0 iterations (RFC 9276 §3.1)",
})  # fmt: skip
"""Warnings that only `check` finds, in a signed zone."""

CHECKS: Final[Mapping[str, str]] = MappingProxyType({**ERRORS, **WARNINGS, **BOGUS, **DOUBTFUL})
"""Every check and what it finds."""


ELSEWHERE: Final = frozenset(("cname-and-other", "two-cnames", "two-dnames", "below-dname"))
"""Errors that don't refuse a zone that another server already serves: they are warnings there.

Such a zone can be answered from, and whoever follows it can't change it.
"""

LISTED: Final = 10_000
"""Findings of one check that are listed at most; each line of a large file may cause one."""


class Findings:
    """Findings in the order in which they were added, with a bound for each check."""

    def __init__(self, most: int = LISTED) -> None:
        self._most = most
        self._listed: list[Finding] = []
        self._counts: Counter[str] = Counter()

    def add(self, check: str, owner: Owner, message: str) -> None:
        """Add a finding, which is listed as long as there is room."""
        self._count(check, owner, message, self._most)

    def tally(self, check: str, owner: Owner, message: str) -> None:
        """Add one of many findings that are listed as one: the first, with the number of the others."""
        self._count(check, owner, message, 1)

    def _count(self, check: str, owner: Owner, message: str, most: int) -> None:
        self._counts[check] += 1
        if self._counts[check] <= most:
            self._listed.append(finding(check, owner, message))

    def listed(self) -> list[Finding]:
        """The listed findings; the last one of each check has the number of those that aren't listed."""
        last = {each.check: at for at, each in enumerate(self._listed)}
        listed = Counter(each.check for each in self._listed)
        return [
            each._replace(more=self._counts[each.check] - listed[each.check]) if last[each.check] == at else each
            for at, each in enumerate(self._listed)
        ]


def how_many(findings: Iterable[Finding]) -> int:
    """The number of findings, including those that aren't listed."""
    return sum(1 + each.more for each in findings)


def finding(check: str, owner: Owner, message: str) -> Finding:
    """A finding with the severity of its check. `KeyError` for a check that isn't in `CHECKS`."""
    if check not in CHECKS:
        raise KeyError(check)
    return Finding(severity_of(check), check, owner, message)


def accepted(found: Iterable[Finding], checks: Collection[str]) -> list[Finding]:
    """These findings, with those of the given checks as warnings."""
    return [each._replace(severity=Severity.WARNING) if each.check in checks else each for each in found]


def severity_of(check: str) -> Severity:
    """The severity of a check."""
    return Severity.ERROR if check in ERRORS or check in BOGUS else Severity.WARNING
