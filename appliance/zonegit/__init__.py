"""zonegit: git for authoritative DNS.

The library's front door: `from zonegit import Repository`. Loaded when first asked for, so that a program pays only
for what it uses.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zonegit.repo import Repository as Repository

__version__ = "0.1.0"
__all__ = ["Repository", "__version__"]

_HOMES = {"Repository": "zonegit.repo"}


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'zonegit' has no attribute {name!r}")
