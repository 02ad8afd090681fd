"""One GET of a zonegitd's metrics (Prometheus text format 0.0.4) or readiness, with the standard library alone."""

import http.client
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from zonegit.errors import Unreachable, UsageError

MOST: Final = 16 << 20
"""Bytes of a page; a larger one isn't zonegitd's."""
TIMEOUT: Final = 10.0
_REASON: Final = 200
"""Characters of an answer to show."""
_SERIES: Final = 8192
"""Characters of the longest line that is parsed; zonegitd's longest names two zones."""


class Sample(NamedTuple):
    """One line of the page."""

    name: str
    labels: Mapping[str, str]
    value: float


def scrape(url: str) -> list[Sample]:
    """The samples of a page. `UsageError` for what isn't an http URL, `Unreachable` when there is no such page."""
    try:
        status, text = _get(url, "/metrics")
    except (OSError, http.client.HTTPException, UnicodeDecodeError) as error:
        raise Unreachable(f"no metrics at {url}: {_reason(error)}; is zonegitd running, with [metrics]?") from None
    if status != 200:
        raise Unreachable(f"no metrics at {url}: it answered {status}")
    return list(_samples(text))


def unready(url: str) -> str | None:
    """Why the zonegitd with this `/readyz` isn't ready or can't be reached; None if it is ready. `UsageError`."""
    try:
        status, text = _get(url, "/readyz")
    except (OSError, http.client.HTTPException, UnicodeDecodeError) as error:
        return f"{_reason(error)}; is it running, with [metrics]?"
    return None if status == 200 else text.partition("\n")[0][:_REASON] or str(status)


def _reason(error: Exception) -> str:
    """An error in words, without its errno."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__


def _get(url: str, path: str) -> tuple[int, str]:
    """Status and body; `path` is used if the URL has none."""
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise UsageError(f"{url[:80]!r} is not a page of a zonegitd: write http://127.0.0.1:9353{path}")
    connection = http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=TIMEOUT)
    try:
        connection.request("GET", parts.path or path)
        response = connection.getresponse()
        return response.status, response.read(MOST).decode()
    finally:
        connection.close()


def _samples(text: str) -> Iterator[Sample]:
    for line in text.split("\n"):
        if not line or line.startswith("#") or len(line) > _SERIES:
            continue
        series, _, value = line.rpartition(" ")
        name, brace, rest = series.partition("{")
        try:
            yield Sample(name, dict(_labels(rest)) if brace else {}, float(value))
        except (ValueError, IndexError):  # not a number, or an incomplete escape
            continue


def _labels(text: str) -> Iterator[tuple[str, str]]:
    """`a="b",c="d"}`, where values escape backslash, quote and newline."""
    at = 0
    while at < len(text) and text[at] != "}":
        name, _, _ = text[at:].partition('="')
        at += len(name) + 2
        value = []
        while text[at : at + 1] not in ('"', ""):
            if text[at] == "\\":
                at += 1
                value.append({"n": "\n"}.get(text[at], text[at]))
            else:
                value.append(text[at])
            at += 1
        yield name, "".join(value)
        at += 1
        at += text[at : at + 1] == ","
