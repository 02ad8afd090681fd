"""Strict checks: those whose warnings refuse a zone, because the user chose so."""

from collections.abc import Collection, Iterable
from typing import Final

from zonegit.errors import UsageError
from zonegit.zonefile.findings import CHECKS, Finding, Severity

ALL: Final = "all"
"""Stands for every check."""


def strict_checks(names: Iterable[str]) -> frozenset[str]:
    """The checks with these names. `UsageError` for an unknown one, with the nearest known name."""
    found: set[str] = set()
    for name in names:
        if name == ALL:
            found.update(CHECKS)
        elif name in CHECKS:
            found.add(name)
        else:
            from difflib import get_close_matches

            near = get_close_matches(name, (*CHECKS, ALL), 1)
            hint = f"the nearest one is {near[0]!r}" if near else "docs/cli.md lists them"
            raise UsageError(f"there is no check {name[:80]!r}; {hint}")
    return frozenset(found)


def raised(findings: Iterable[Finding], strict: Collection[str]) -> list[Finding]:
    """The findings, with those of strict checks raised to errors."""
    return [each._replace(severity=Severity.ERROR) if each.check in strict else each for each in findings]
