"""Whether the HTTP packages that are installed are those that `hypercorn_patches` was written against.

Cheap to import: nothing of Hypercorn is loaded. The lock file pins the versions; a program that embeds zonegit may
have others.
"""

from importlib.metadata import version
from typing import Final

from zonegit.errors import UsageError

WRITTEN_AGAINST: Final = {"hypercorn": "0.18", "h2": "4.4", "h11": "0.16", "hpack": "4.2"}
"""Release series by package: the patches override methods that have no stable interface between two of them."""


def check_versions() -> None:
    """`UsageError` for a package of another series."""
    for package, series in WRITTEN_AGAINST.items():
        found = version(package)
        if not f"{found}.".startswith(f"{series}."):
            raise UsageError(f"cannot serve HTTP with {package} {found}: zonegit needs {package} {series}.*")
