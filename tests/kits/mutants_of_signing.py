"""Signatures that are missing, stale or made of the wrong bytes, for `mutantkit`."""

from mutant import Mutant

_LAW = ("laws/test_signing.py",)

SIGNING = (
    Mutant(
        "signing: the signature of the SOA is kept",
        "dnssec/signing/update.py",
        "self._anew_at_apex(anew | {SOA}, old)",
        "self._anew_at_apex(anew, old)",
        _LAW,
    ),
    Mutant(
        "signing: names below a new delegation stay signed",
        "dnssec/signing/changes.py",
        "            touched.update(_occluded(key, zone))",
        "            touched.update(())",
        _LAW,
    ),
    Mutant(
        "signing: a changed RRset keeps its signature",
        "dnssec/signing/update.py",
        "        anew: Set[int] = changed.keys() | (set(wanted)",
        "        anew: Set[int] = set() | (set(wanted)",
        _LAW,
    ),
    Mutant(
        "signing: other keys of the DNSKEY RRset sign it only when it changes",
        "dnssec/signing/update.py",
        "if each.covered == rtype} != keys:",
        "if each.covered == rtype} != keys and not made:",
        _LAW,
    ),
    Mutant(
        "signing: the labels of a wildcard count its asterisk",
        "dnssec/signing/rrsig.py",
        " - owner.startswith(_WILDCARD),))",
        ",))",
        ("unit/dnssec/signing/test_rrsig.py",),
    ),
    Mutant(
        "signing: the digest of the version before stays",
        "dnssec/signing/sign.py",
        "    return with_digest(signed.nodes, built, shape, plan) if plan.zonemd else built",
        "    return built",
        _LAW,
    ),
    Mutant(
        "signing: signatures of surplus keys are not due",
        "dnssec/signing/due.py",
        "any(signers != wanted for",
        "any(not signers >= wanted for",
        ("unit/dnssec/signing/test_due.py",),
    ),
)
