"""Candidates for completion: answers the hidden `zonegit __complete WORD…` of the completion scripts.

The last word is the one to complete. Prints one complete word per line, and nothing at all on any error.
"""

from __future__ import annotations

import time
from argparse import Action, ArgumentParser, Namespace
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from zonegit.cli import location, parser, verbs
from zonegit.cli.output import Output
from zonegit.cli.ownership import chosen_repository
from zonegit.model.rdata import NSEC3, RRSIG

if TYPE_CHECKING:
    from zonegit.repo import Repository

_T = TypeVar("_T")
_ANY_VERB: Final = "set"
"""The verb whose options are used while no verb is typed yet: it has all that may precede a verb."""
_SECONDS: Final = 0.1
"""How long to look for names: a zone may have millions."""
_QUICK: Final = 256
"""As many are looked at however long it takes: on a busy machine the first one may take as long."""
_MOST: Final = 500


class _Asked(NamedTuple):
    """The word to complete and its context."""

    word: str
    """As far as it was typed."""
    zone: str | None
    """The value of `--zone`."""
    arguments: Sequence[str]
    """The verb's arguments before the word."""


_Candidates = Callable[["Repository", _Asked], Iterable[str]]


class _Call(NamedTuple):
    """What was typed before the word to complete."""

    arguments: Sequence[str]
    """The verb's arguments."""
    option: str
    """The option whose value the word is; empty for an argument."""
    values: dict[str, str]
    """The values of other options."""


def answer(words: Sequence[str], out: Output) -> int:
    """Print what completes the last word."""
    try:
        for candidate in _candidates(list(words)):
            out.line(candidate)
    except Exception:  # the user only pressed Tab: an error message would be in the way
        return 0
    return 0


def is_dynamic(name: str, action: Action) -> bool:
    """Whether the repository completes a verb's argument, rather than the file system."""
    return _kind(name, action) is not None


def _candidates(words: list[str]) -> Iterator[str]:
    word = words.pop()
    at = parser.verb_at(words)
    typed = " ".join(words[at : at + verbs.length(words[at:])]) if words[at:] else ""
    name = typed or _ANY_VERB
    made = parser.verb_parser(name, verbs.load(name))
    call = _read(made, words[:at] + words[at + len(typed.split()) :])
    find = _wanted(name, made, call) if typed or call.option else None
    if find is None:
        return
    from zonegit.repo import Repository

    asked = _Asked(word, call.values.get("--zone"), call.arguments)
    args = Namespace(repo=call.values.get("--repo"), directories=[call.values["-C"]] if "-C" in call.values else [])
    with (
        location.entered(args.directories),
        Repository.open(chosen_repository(args), readonly=True) as repo,
    ):
        found = (each for each in find(repo, asked) if each.startswith(word))
        for _, candidate in zip(range(_MOST), found, strict=False):
            yield candidate


def _read(made: ArgumentParser, words: list[str]) -> _Call:
    """Separate options, their values and arguments, as far as possible in an unfinished command."""
    options = {option: action for action in made._actions for option in action.option_strings}
    values: dict[str, str] = {}
    arguments: list[str] = []
    waiting = ""
    for word in words:
        name, equals, value = word.partition("=")
        if word == "=" and waiting:  # bash splits --zone=example
            continue
        if waiting:
            values[waiting], waiting = word, ""
        elif word in options and options[word].nargs != 0:
            waiting = word
        elif equals and name in options:
            values[name] = value
        elif not word.startswith("-") or word == "-":
            arguments.append(word)
    return _Call(arguments, waiting, values)


def _wanted(name: str, made: ArgumentParser, call: _Call) -> _Candidates | None:
    options = {option: action for action in made._actions for option in action.option_strings}
    if call.option:
        return _kind(name, options[call.option])
    positional = [action for action in made._actions if not action.option_strings]
    at = len(call.arguments)
    if not positional or (at >= len(positional) and positional[-1].nargs not in ("*", "+")):
        return None
    return _kind(name, positional[min(at, len(positional) - 1)])


def _kind(name: str, action: Action) -> _Candidates | None:
    """What completes an argument or an option's value."""
    if name == "log" and action.dest == "name":
        return _names
    for option in action.option_strings:
        if option in _OPTIONS:
            return _OPTIONS[option]
    return None if action.option_strings else _ARGUMENTS.get(name, {}).get(action.dest)


def _zones(repo: Repository, _asked: _Asked) -> Iterable[str]:
    return repo.zone_names()


def _removed(repo: Repository, asked: _Asked) -> Iterator[str]:
    return _in_time(repo.removed_zones(asked.word))


def _branches(repo: Repository, asked: _Asked) -> Iterable[str]:
    return repo.branches(zone=asked.zone)


def _tags(repo: Repository, asked: _Asked) -> Iterable[str]:
    return repo.tags(zone=asked.zone)


def _revisions(repo: Repository, asked: _Asked) -> Iterator[str]:
    """HEAD, branches, tags and remote-tracking branches, also after `^` and `A..`."""
    before, dots, _ = asked.word.rpartition("..")
    lead = before + dots or ("^" if asked.word.startswith("^") else "")
    zone = asked.zone
    for name in ("HEAD", *repo.branches(zone=zone), *repo.tags(zone=zone), *repo.tracked(zone=zone)):
        yield lead + name


def _proposals(repo: Repository, asked: _Asked) -> Iterator[str]:
    """The proposals that are open."""
    from zonegit.repo.proposals.reading import State

    return (each.name for each in repo.proposals(asked.zone) if each.state is State.OPEN)


def _reviewable(repo: Repository, asked: _Asked) -> Iterator[str]:
    """What `approve` and `reject` take."""
    yield from _proposals(repo, asked)
    yield from _revisions(repo, asked)


def _remotes(repo: Repository, _asked: _Asked) -> Iterable[str]:
    return repo.remote_names()


def _exchanged(repo: Repository, asked: _Asked) -> Iterator[str]:
    """The arguments of `push`, `pull` and `sync`: a peer first, then zones."""
    if not asked.arguments:
        yield from repo.remote_names()
    yield from repo.zone_names()


def _names(repo: Repository, asked: _Asked) -> Iterator[str]:
    """Owners, relative to the zone, without hashed ones (RFC 5155 §3)."""
    from zonegit.model.names import owner_text

    for owner, rrsets in groupby(_in_time(repo.rrsets(zone=asked.zone)), attrgetter("owner")):
        types = {rrset.rtype for rrset in rrsets}
        if NSEC3 not in types or types - {NSEC3, RRSIG}:
            yield owner_text(owner)


def _in_time(found: Iterable[_T]) -> Iterator[_T]:
    """What is found within `_SECONDS`, or the first `_QUICK`."""
    until = time.monotonic() + _SECONDS
    for number, each in enumerate(found, 1):
        yield each
        if number >= _QUICK and time.monotonic() > until:
            return


def _shown(repo: Repository, asked: _Asked) -> Iterator[str]:
    """`show`, `log` and `diff` take versions and names."""
    yield from _revisions(repo, asked)
    yield from _names(repo, asked)


def _types(_repo: Repository, asked: _Asked) -> Iterator[str]:
    """The types that a record may have."""
    from zonegit.zonefile.types import is_meta, mnemonics, parse_type

    return _in_case(asked.word, (name for name in mnemonics() if not is_meta(parse_type(name))))


def _types_there(repo: Repository, asked: _Asked) -> Iterator[str]:
    """The types at the name that was typed before."""
    from zonegit.model.names import is_absolute
    from zonegit.zonefile.types import type_text

    name = asked.arguments[0]
    zone = repo.zone_of(name) if asked.zone is None and is_absolute(name) else asked.zone
    return _in_case(asked.word, (type_text(rrset.rtype) for rrset in repo.rrsets_at(name, zone=zone)))


def _types_or_any(repo: Repository, asked: _Asked) -> Iterator[str]:
    yield from _types_there(repo, asked)
    yield from _in_case(asked.word, ["ANY"])


def _types_or_versions(repo: Repository, asked: _Asked) -> Iterator[str]:
    """What follows the name in `query`: a type, or `@` and a version."""
    yield from _types(repo, asked)
    yield from _in_case(asked.word, ["ANY"])
    yield from _versions_after_at(repo, asked)


def _versions_after_at(repo: Repository, asked: _Asked) -> Iterator[str]:
    return (f"@{name}" for name in _revisions(repo, asked))


def _in_case(word: str, names: Iterable[str]) -> Iterator[str]:
    """The names in lower case if the word begins in lower case."""
    return (name.lower() if word[:1].islower() else name for name in names)


def _checks(_repo: Repository, asked: _Asked) -> Iterator[str]:
    """The names of checks; the word may already hold some, separated by commas."""
    from zonegit.zonefile.findings import CHECKS

    before, comma, _ = asked.word.rpartition(",")
    return (before + comma + name for name in (*CHECKS, *([] if comma else ["all", "none"])))


_RECORDS: Final[dict[str, _Candidates]] = {"name": _names, "type": _types}
_ARGUMENTS: Final[dict[str, dict[str, _Candidates]]] = {
    "zone switch": {"name": _zones},
    "zone remove": {"name": _zones},
    "zone restore": {"name": _removed},
    "publish": {"zone_name": _zones},
    "catalog list": {"catalog_name": _zones},
    "catalog check": {"catalog_name": _zones, "revision": _revisions},
    "catalog allow": {"catalog_name": _zones},
    "dnssec enable": {"zone_name": _zones},
    "dnssec status": {"zone_name": _zones},
    "dnssec ds": {"zone_name": _zones},
    "dnssec rollover": {"zone_name": _zones},
    "dnssec disable": {"zone_name": _zones},
    "dnssec sign": {"zone_name": _zones},
    "export": {"revision": _revisions},
    "check": {"what": _revisions},
    "set": _RECORDS,
    "add": _RECORDS,
    "delete": {"name": _names, "type": _types_there},
    "ttl": {"pattern": _names},
    "rename": {"old": _names, "new": _names},
    "show": {"what": _shown, "type": _types_or_any, "revision": _revisions},
    "query": {"name": _names, "type": _types_or_versions, "revision": _versions_after_at},
    "log": {"revisions": _shown},
    "diff": {"revisions": _shown},
    "when": {"name": _names, "type": _types, "revision": _revisions},
    "blame": {"name": _names, "type": _types_or_any, "revision": _revisions},
    "reflog": {"branch_name": _branches},
    "branch": {"name": _branches, "start": _revisions},
    "checkout": {"name": _branches, "start": _revisions},
    "tag": {"name": _tags, "revision": _revisions},
    "sign-commit": {"revision": _revisions},
    "verify": {"revision": _revisions},
    "reset": {"revision": _revisions},
    "merge": {"revision": _revisions},
    "revert": {"revisions": _revisions},
    "land": {"number": _proposals},
    "review": {"number": _proposals},
    "approve": {"revision": _reviewable},
    "reject": {"revision": _reviewable},
    "cherry-pick": {"revisions": _revisions},
    "restore": {"source": _names, "type": _types},
    "fetch": {"remote": _remotes},
    "push": {"words": _exchanged},
    "pull": {"words": _exchanged},
    "sync": {"words": _exchanged},
    "remote remove": {"name": _remotes},
    "peer accept-epoch": {"name": _remotes},
}
"""Verb -> argument -> what completes it."""
_OPTIONS: Final[dict[str, _Candidates]] = {
    "--zone": _zones,
    "--branch": _branches,
    "--from": _revisions,
    "--into": _branches,
    "--withdraw": _proposals,
    "--type": _types,
    "--strict": _checks,
    "--repair-from": _remotes,
    "--exclude": _zones,
}
