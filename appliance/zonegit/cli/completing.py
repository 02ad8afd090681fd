"""What may stand where somebody presses Tab: answers the completion scripts' hidden `zonegit __complete WORD…`.

The last word is the one to complete. One candidate a line, complete words; nothing at all where anything is wrong.
"""

from __future__ import annotations

import time
from argparse import Action, ArgumentParser, Namespace
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from zonegit.cli import location, parser, verbs
from zonegit.cli.output import Output

if TYPE_CHECKING:
    from zonegit.repo import Repository

_ANY_VERB: Final = "set"
"""Whose options are read while none is typed yet: what may stand before a verb, it knows."""
_SECONDS: Final = 0.1
"""How long names are looked for: a zone may have millions."""
_MOST: Final = 500

_Candidates = Callable[["Repository", str | None, str], Iterable[str]]
"""Made from the repository, `--zone`'s value, and the word so far."""


class _Call(NamedTuple):
    """What was typed ahead of the word that is to be completed."""

    arguments: int
    """Behind the verb."""
    option: str
    """The one whose value it is; empty for an argument."""
    values: dict[str, str]
    """Of other options."""


def answer(words: Sequence[str], out: Output) -> int:
    """Print what completes the last word."""
    try:
        for candidate in _candidates(list(words)):
            out.line(candidate)
    except Exception:  # whatever it is, the person at the keyboard has asked for nothing
        return 0
    return 0


def is_dynamic(name: str, action: Action) -> bool:
    """Whether a verb's argument is completed here, and not as a file's name."""
    return _kind(name, action) is not None


def _candidates(words: list[str]) -> Iterator[str]:
    word = words.pop()
    at = parser.verb_at(words)
    typed = " ".join(words[at : at + (2 if words[at : at + 1] and words[at] in verbs.FAMILIES else 1)])
    name = typed or _ANY_VERB
    made = parser.verb_parser(name, verbs.load(name))
    call = _read(made, words[:at] + words[at + len(typed.split()) :])
    find = _wanted(name, made, call) if typed or call.option else None
    if find is None:
        return
    from zonegit.repo import Repository

    args = Namespace(repo=call.values.get("--repo"), directories=[call.values["-C"]] if "-C" in call.values else [])
    with location.entered(args.directories), Repository.open(location.existing(args), readonly=True) as repo:
        found = (each for each in find(repo, call.values.get("--zone"), word) if each.startswith(word))
        for _, candidate in zip(range(_MOST), found, strict=False):
            yield candidate


def _read(made: ArgumentParser, words: list[str]) -> _Call:
    """Tell options, their values and arguments apart, as far as that can be told of half a call."""
    options = {option: action for action in made._actions for option in action.option_strings}
    values: dict[str, str] = {}
    arguments = 0
    waiting = ""
    for word in words:
        name, equals, value = word.partition("=")
        if word == "=" and waiting:  # bash takes --zone=example apart
            continue
        if waiting:
            values[waiting], waiting = word, ""
        elif word in options and options[word].nargs != 0:
            waiting = word
        elif equals and name in options:
            values[name] = value
        elif not word.startswith("-") or word == "-":
            arguments += 1
    return _Call(arguments, waiting, values)


def _wanted(name: str, made: ArgumentParser, call: _Call) -> _Candidates | None:
    options = {option: action for action in made._actions for option in action.option_strings}
    if call.option:
        return _kind(name, options[call.option])
    positional = [action for action in made._actions if not action.option_strings]
    if not positional or (call.arguments >= len(positional) and positional[-1].nargs not in ("*", "+")):
        return None
    return _kind(name, positional[min(call.arguments, len(positional) - 1)])


def _kind(name: str, action: Action) -> _Candidates | None:
    """What completes an argument or an option's value."""
    if name == "log" and action.dest == "name":
        return _names
    for option in action.option_strings:
        if option in _OPTIONS:
            return _OPTIONS[option]
    return None if action.option_strings else _ARGUMENTS.get(name, {}).get(action.dest)


def _zones(repo: Repository, _zone: str | None, _word: str) -> Iterable[str]:
    return repo.zone_names()


def _branches(repo: Repository, zone: str | None, _word: str) -> Iterable[str]:
    return repo.branches(zone=zone)


def _tags(repo: Repository, zone: str | None, _word: str) -> Iterable[str]:
    return repo.tags(zone=zone)


def _revisions(repo: Repository, zone: str | None, word: str) -> Iterator[str]:
    """HEAD, branches, tags and what is tracked of peers; behind `^` and `A..`, too."""
    before, dots, _ = word.rpartition("..")
    lead = before + dots or ("^" if word.startswith("^") else "")
    for name in ("HEAD", *repo.branches(zone=zone), *repo.tags(zone=zone), *repo.tracked(zone=zone)):
        yield lead + name


def _remotes(repo: Repository, _zone: str | None, _word: str) -> Iterable[str]:
    return repo.remote_names()


def _names(repo: Repository, zone: str | None, word: str) -> Iterator[str]:
    """Owners, relative to the zone; for as long as looking for them takes no time that anybody would notice."""
    from zonegit.model.names import owner_text

    until = time.monotonic() + _SECONDS
    before = None
    for rrset in repo.rrsets(zone=zone):
        if rrset.owner != before:
            before = rrset.owner
            yield owner_text(rrset.owner)
        if time.monotonic() > until:
            return


def _shown(repo: Repository, zone: str | None, word: str) -> Iterator[str]:
    """`show` takes a version or a name first."""
    yield from _revisions(repo, zone, word)
    yield from _names(repo, zone, word)


def _types(_repo: Repository, _zone: str | None, word: str) -> Iterable[str]:
    from zonegit.zonefile.types import mnemonics

    lower = word[:1].islower()
    return [name.lower() if lower else name for name in mnemonics()]


_RECORDS: Final[dict[str, _Candidates]] = {"name": _names, "type": _types}
_ARGUMENTS: Final[dict[str, dict[str, _Candidates]]] = {
    "zone switch": {"name": _zones},
    "zone remove": {"name": _zones},
    "export": {"revision": _revisions},
    "check": {"what": _revisions},
    "set": _RECORDS,
    "add": _RECORDS,
    "delete": _RECORDS,
    "show": {"what": _shown, "type": _types, "revision": _revisions},
    "log": {"revisions": _revisions},
    "diff": {"old": _revisions, "new": _revisions},
    "blame": {**_RECORDS, "revision": _revisions},
    "reflog": {"branch_name": _branches},
    "branch": {"name": _branches, "start": _revisions},
    "checkout": {"name": _branches, "start": _revisions},
    "tag": {"name": _tags, "revision": _revisions},
    "reset": {"revision": _revisions},
    "fetch": {"remote": _remotes},
    "remote remove": {"name": _remotes},
    "peer accept-epoch": {"name": _remotes},
}
"""Verb -> argument -> what completes it."""
_OPTIONS: Final[dict[str, _Candidates]] = {
    "--zone": _zones,
    "--branch": _branches,
    "--type": _types,
    "--repair-from": _remotes,
}
