"""Modules that are loaded once something of them is used, for a process that would keep them for nothing.

`importlib.util.LazyLoader` isn't used: with it, the second statement that imports the module loads it.
"""

import sys
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

_FEATURES = {"dnssec": "cryptography", "idna": "idna"}
"""Those of dnspython that it looks at when it is imported, and the packages for them."""


class _Late(ModuleType):
    """Stands in for a module of a package until something is asked of it."""

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(import_module(self.__name__), name)


def import_late(name: str) -> None:
    """Have a module of a package loaded at the first use of it, not at the first import, if it isn't there yet."""
    if name not in sys.modules:
        package, _, last = name.rpartition(".")
        sys.modules[name] = _Late(name)
        setattr(import_module(package), last, sys.modules[name])


def import_dnspython_lean() -> None:
    """Keep dnspython from looking up the versions of other packages, for which it loads 2 MB of modules."""
    import_late("importlib.metadata")
    from dns import _features

    for feature, package in _FEATURES.items():
        _features.force(feature, find_spec(package) is not None)
