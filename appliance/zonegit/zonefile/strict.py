"""Checks whose warnings refuse a zone, by choice."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Final

from zonegit.errors import UsageError
from zonegit.zonefile.findings import CHECKS, Finding, Severity

ALL: Final = "all"
"""Stands for every check."""


def strict_checks(names: Iterable[str]) -> frozenset[str]:
    """The checks that these names mean. `UsageError` for one that there isn't, with one that is spelt alike."""
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
    """Findings, those of strict checks being errors."""
    return [replace(each, severity=Severity.ERROR) if each.check in strict else each for each in findings]
