"""The state of a signed zone, in words and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from zonegit.cli import render
from zonegit.cli.output import Output, Style
from zonegit.dnssec.policy import Algorithm
from zonegit.dnssec.private_key import tag_of
from zonegit.dnssec.rollover.delegation import ds_rdata
from zonegit.dnssec.rollover.requests import NAMES
from zonegit.dnssec.rollover.table import Kind
from zonegit.dnssec.rollover.words import Label
from zonegit.model.foreign import printable
from zonegit.repo.dnssec.status import DnssecStatus, ParentServer, Problem, Waiting, to_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from zonegit.cli.shapes import JsonObject
    from zonegit.dnssec.rollover.values import ManagedKey
    from zonegit.model.names import WireName
    from zonegit.repo.dnssec.requests import Request

_LATE: Final = 3600
"""Seconds after which a renewal that hasn't happened is a problem."""
_SEP: Final = 1


def problems(status: DnssecStatus, now: float) -> list[Problem]:
    """What the publisher found wrong, and what its silence shows."""
    found = list(status.problems)
    if status.first_end is not None and status.first_end <= now:
        words = f"signatures ended on {render.local_date(status.first_end)}: is zonegitd running?"
        found.append(Problem("expired", words))
    elif status.next_renewal is not None and status.next_renewal + _LATE <= now:
        words = (
            f"signatures should have been renewed on {render.local_date(status.next_renewal)}: is zonegitd running?"
        )
        found.append(Problem("not-renewed", words))
    return found


def status_lines(
    status: DnssecStatus, requested: Request | None, problems: Sequence[Problem], out: Output
) -> Iterator[str]:
    """A zone's state, a line for each thing."""
    yield from render.table(_rows(status, requested))
    for problem in problems:
        yield out.paint(f"problem: {printable(problem.words)}", Style.OLD)


def _rows(status: DnssecStatus, requested: Request | None) -> Iterator[tuple[str, str]]:
    yield "zone", status.zone
    if status.signed_since is None:
        yield "signed", "not yet"
    else:
        yield "signed", f"since {render.local_date(status.signed_since)}, with denial by {status.denial}"
    if status.first_end is not None:
        renewed = f", renewed from {render.local_date(status.next_renewal)}" if status.next_renewal else ""
        yield "signatures", f"the first ends {render.local_date(status.first_end)}{renewed}"
    for key in status.keys:
        since = render.local_date(key.since)
        yield "key", f"{key.tag} {algorithm_name(key.algorithm)} {key.role}: {key.state}, since {since}"
    yield "under way", status.under_way or "nothing"
    for waiting in status.waiting:
        yield "waits for", f"{awaited(waiting)} (since {render.local_date(waiting.since)})"
    if any(waiting.label == Label.PARENT for waiting in status.waiting):
        yield "to do", _to_do(status)
    if requested is not None:
        yield (
            "asked for",
            f"{requested.wanted} on {render.local_date(requested.time)}; zonegitd hasn't begun it yet",
        )
    if status.parent_error:
        yield "parent", status.parent_error
    for server in status.parent:
        yield "parent", f"{server.server}: {_said(server, status)}{f': {server.error}' if server.error else ''}"
    if status.parent_asked is not None:
        yield "parent asked", render.local_date(status.parent_asked)


def awaited(waiting: Waiting) -> str:
    """What is waited for, and until when if that is known."""
    return waiting.words + (f", until {render.local_date(waiting.until)}" if waiting.until is not None else "")


def _to_do(status: DnssecStatus) -> str:
    """What an operator has to do about the parent."""
    if not status.ds:
        return "have the parent remove its DS records, unless it reads CDS records"
    return f"give the parent the records of `zonegit dnssec ds {status.zone}`, unless it reads CDS records"


def _said(server: ParentServer, status: DnssecStatus) -> str:
    if server.as_wanted is None:
        return "no answer"
    if status.ds:
        return "has the DS records that it should" if server.as_wanted else "has other DS records, or none"
    return "has no DS records, as it should" if server.as_wanted else "has DS records, and should have none"


def overview(found: Iterable[tuple[DnssecStatus, Sequence[Problem]]]) -> Iterator[str]:
    """One line for each zone."""
    return render.table(
        (status.zone, _algorithms(status), _ends(status), _stands(status, problems)) for status, problems in found
    )


def _algorithms(status: DnssecStatus) -> str:
    return "+".join(dict.fromkeys(algorithm_name(key.algorithm) for key in status.keys)) or "-"


def _ends(status: DnssecStatus) -> str:
    return f"until {render.local_date(status.first_end)}" if status.first_end is not None else "not signed yet"


def stands(status: DnssecStatus, now: float) -> str:
    """How a zone is signed, and what that waits for, in a line."""
    return f"{_algorithms(status)}, {_ends(status)}; {_stands(status, problems(status, now))}"


def _stands(status: DnssecStatus, problems: Sequence[Problem]) -> str:
    if problems:
        return f"problem: {problems[0].words}"
    waits = f"waits for {awaited(status.waiting[0])}" if status.waiting else ""
    return "; ".join(filter(None, (status.under_way, waits))) or "all is well"


def shape(
    zone: str, status: DnssecStatus | None, requested: Request | None, problems: Sequence[Problem]
) -> JsonObject:
    """The state as JSON."""
    table = to_json(status if status is not None else DnssecStatus(zone, 0))
    asked = {"wanted": requested.wanted.value, "time": requested.time} if requested else None
    listed = [problem._asdict() for problem in problems]
    return {**table, "managed": status is not None, "requested": asked, "problems": listed}


def has_ended(status: DnssecStatus) -> bool:
    """Whether signing was ended by hand, or is being ended."""
    return status.is_over or status.under_way == NAMES[Kind.DISABLE]


def at_parent(status: DnssecStatus) -> str:
    """Whether the parent has the DS records already, in a line."""
    answers = [server.as_wanted for server in status.parent]
    if answers and all(answers):
        return "all name servers of the parent have these records"
    if any(answer is not None for answer in answers):
        have = sum(answer is True for answer in answers)
        return f"{have} of {len(answers)} name servers of the parent have these records"
    return "give these records to the parent zone's operator, usually through your registrar"


def algorithm_name(number: int) -> str:
    """Its mnemonic, or the number of one that zones are not signed with here."""
    try:
        return Algorithm(number).name.lower()
    except ValueError:
        return f"algorithm {number}"


def key_text(key: ManagedKey) -> str:
    """A key in words."""
    return f"{key.role.upper()} {tag_of(key.dnskey)} ({algorithm_name(key.algorithm)})"


def key_shape(zone: str, key: ManagedKey) -> JsonObject:
    """A key as JSON."""
    return {"zone": zone, "tag": tag_of(key.dnskey), "algorithm": int(key.algorithm), "role": key.role.value}


def tags(dnskeys: Iterable[bytes]) -> str:
    """The key tags of DNSKEY records."""
    return ", ".join(map(str, sorted(map(tag_of, dnskeys))))


def ds_of(apex: WireName, dnskeys: Iterable[bytes]) -> list[bytes]:
    """The DS RDATA, with SHA-256, of those DNSKEY records that have the SEP flag, or of all if none has it."""
    found = list(dnskeys)
    seps = [dnskey for dnskey in found if dnskey[1] & _SEP] or found
    return [ds_rdata(apex, dnskey) for dnskey in seps]
