"""The tables of limits in the configuration: of replication, of `[primary]`, of transfers from other servers."""

import difflib
from collections.abc import Callable, Mapping
from typing import Any, Final

from zonegit.dns.incoming.bounds import Bounds
from zonegit.errors import ConfigError
from zonegit.ops import values
from zonegit.sync.limits import ClientLimits, ServerLimits

Reader = Callable[[object], Any]
Limits = ServerLimits | ClientLimits | Bounds


def _table(kind: Callable[..., Limits], known: Mapping[str, Reader]) -> Reader:
    """A reader of a table of limits; missing ones keep their defaults."""

    def read(value: object) -> Limits:
        if not isinstance(value, dict):
            raise ConfigError("is not a table of limits")
        found: dict[str, int | float] = {}
        for key, each in value.items():
            if key not in known:
                near = difflib.get_close_matches(key, known, 1, 0.0)[0]
                raise ConfigError(f"unknown key {key!r}; did you mean {near!r}?", (key,))
            try:
                found[key] = known[key](each)
            except ConfigError as error:
                raise ConfigError(f"{key}: {error}", (key,)) from None
        return kind(**found)

    return read


def _count(low: int, high: int) -> Reader:
    return lambda value: values.whole(value, low, high)


server: Final = _table(
    ServerLimits,
    {
        "strangers": _count(1, 65_536),
        "streams": _count(4, 1_000),
        "header_bytes": _count(2_048, 1 << 20),
        "fetches": _count(1, 1_000),
        "response_bytes": _count(1 << 16, 1 << 30),
        "response_seconds": values.duration,
        "push_day_bytes": _count(1 << 20, 1 << 50),
        "disk_free": _count(0, 1 << 50),
    },
)
client: Final = _table(
    ClientLimits,
    {
        "bytes": _count(1 << 20, 1 << 50),
        "objects": _count(1_000, 1 << 40),
        "refs_bytes": _count(1 << 16, 1 << 30),
        "slowest": _count(1, 1 << 30),
        "slowest_over": values.duration,
        "answer_seconds": values.duration,
        "day_bytes": _count(1 << 20, 1 << 50),
        "disk_free": _count(0, 1 << 50),
    },
)
incoming: Final = _table(
    Bounds,
    {
        "records": _count(1_000, 1 << 40),
        "bytes": _count(1 << 16, 1 << 50),
        "seconds": values.duration,
        "connect_seconds": values.duration,
        "answer_seconds": values.duration,
        "idle_seconds": values.duration,
    },
)
