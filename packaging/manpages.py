"""Write the manual pages of section 1: zonegit(1), one page for each group of verbs, and a name for each verb.

    manpages.py DIRECTORY

The verbs and options come from the parser's declarations. Longer texts are in docs/man: `zonegit.1.in` around the
list of verbs, `GROUP.more` after the verbs of a group. The output is reproducible: the date of a page is that of
SOURCE_DATE_EPOCH, else today.
"""

import os
import re
import sys
import time
from argparse import Action, ArgumentParser
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from zonegit import __version__
from zonegit.cli import parser, verbs

SOURCES: Final = Path(__file__).resolve().parent.parent / "docs" / "man"
_COMMON: Final = frozenset({"-C", "--repo", "--zone", "--color"})
_CODE: Final = re.compile(r"`([^`]+)`")
_USUAL: Final = {
    "ZONE": "A zone's name",
    "NAME": "A name of the zone, as `zonegit`(1) says",
    "REV": "A version, as `zonegit`(1) says",
    "BRANCH": "A branch of the zone",
}
"""Descriptions of arguments that have none in `--help`."""
_PLAIN: Final = {"…": "..."}


def main(argv: list[str]) -> int:
    """Write all pages into the named directory."""
    (directory,) = map(Path, argv)
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in pages(_date()):
        (directory / name).write_text(text)
    return 0


def _date() -> str:
    moment = int(os.environ.get("SOURCE_DATE_EPOCH") or time.time())
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d")


def pages(date: str) -> Iterator[tuple[str, str]]:
    """The file name and text of each page."""
    yield "zonegit.1", _overview(date)
    for group, listed in verbs.GROUPS.items():
        yield f"zonegit-{group}.1", _group(group, list(listed), date)
        for verb in listed:
            name = f"zonegit-{verb.replace(' ', '-')}.1"
            if name != f"zonegit-{group}.1":
                yield name, f".so man1/zonegit-{group}.1\n"


def _title(name: str, date: str) -> str:
    return f'.TH {name.upper()} 1 {date} "zonegit {__version__}" "zonegit manual"\n'


def _overview(date: str) -> str:
    listed: list[str] = []
    for group, summaries in verbs.GROUPS.items():
        listed += [f".SS {_heading(group)}", f"More in\n.BR zonegit\\-{group} (1)."]
        for verb, summary in summaries.items():
            listed += [".TP", f".B {_escaped(verb)}", _text(f"{summary[0].upper()}{summary[1:]}.")]
    source = (SOURCES / "zonegit.1.in").read_text()
    return _title("zonegit", date) + source.replace("@VERBS@\n", _lines(listed))


def _heading(group: str) -> str:
    return {"zonefiles": "Zone files", "tsig": "TSIG keys"}.get(group, group.capitalize())


def _group(group: str, names: list[str], date: str) -> str:
    parts = [
        _title(f"zonegit-{group}", date),
        _lines(
            [
                ".SH NAME",
                f"zonegit\\-{group} \\- {_subject(group)}",
                ".SH SYNOPSIS",
                ".ad l",
            ]
        ),
    ]
    made = {name: parser.verb_parser(name, verbs.load(name)) for name in names}
    parts += [_synopsis(name, made[name]) for name in names]
    parts.append(
        ".ad b\n.SH DESCRIPTION\nCommon options, the ways to name a version, and exit codes are described in\n"
        ".BR zonegit (1).\n"
    )
    parts += [_verb(name, made[name]) for name in names]
    more = SOURCES / f"{group}.more"
    parts.append(more.read_text() if more.exists() else "")
    parts.append(".SH SEE ALSO\n.BR zonegit (1),\n.BR zonegitd (8),\n.BR zonegit\\-quickstart (7)\n")
    return "".join(parts)


def _subject(group: str) -> str:
    """What a group's verbs do, for the NAME section."""
    return {
        "repository": "create, inspect and check a zonegit repository",
        "housekeeping": "free space in a zonegit repository",
        "backups": "back up and restore a zonegit repository",
        "zones": "list, create, remove and restore zones",
        "zonefiles": "import, export and check zone files",
        "records": "change and show DNS records",
        "query": "show what zonegitd would answer",
        "editing": "edit a zone in an editor",
        "applying": "apply and plan desired states of a zone",
        "bulk_changes": "change many records at once",
        "history": "show the history of a zone",
        "branches": "list, create, move and delete branches and tags",
        "undo": "undo and redo operations",
        "signing": "sign commits and verify signatures",
        "merging": "merge, revert and cherry\\-pick commits",
        "publishing": "serve what passes the policy of a zone",
        "catalogs": "list, check and follow catalog zones",
        "dnssec": "have zones signed",
        "rollovers": "replace the keys of signed zones, and end signing",
        "zone_keys": "import and export the private keys of signed zones",
        "proposing": "propose and land branches",
        "reviewing": "review proposals, approve and reject commits",
        "syncing": "exchange commits with a peer",
        "transfers_in": "have zones transferred from other name servers",
        "remotes": "fetch from peers and manage them",
        "keys": "manage replication keys",
        "tsig": "manage TSIG keys",
        "metrics": "query a running zonegitd",
        "service": "check zonegitd's configuration, print completion scripts and the version",
    }[group]


def _actions(made: ArgumentParser) -> Iterable[Action]:
    own = [action for action in made._actions if not _COMMON & set(action.option_strings)]
    return [action for action in own if action.dest != "help"]  # argparse shows them nowhere else


def _synopsis(name: str, made: ArgumentParser) -> str:
    """A verb's synopsis: its arguments, and its options in brackets unless they are required."""
    words = [".B zonegit", *(f".B {_escaped(word)}" for word in name.split())]
    actions = list(_actions(made))
    words += [_usage(action) for action in actions if action.option_strings]
    words += [_usage(action) for action in actions if not action.option_strings]
    return _lines([".HP", *words])


def _usage(action: Action) -> str:
    value = _value(action)
    if action.option_strings:
        text = f"\\fB{_escaped(action.option_strings[-1])}\\fR" + (f" {value}" if value else "")
        return text if action.required else f"[{text}]"
    optional = action.nargs in ("?", "*")
    text = value + ("\\ ..." if action.nargs in ("+", "*") else "")
    return f"[{text}]" if optional else text


def _value(action: Action) -> str:
    if action.nargs == 0:
        return ""
    if action.choices and not action.metavar:
        return "|".join(f"\\fB{_escaped(str(choice))}\\fR" for choice in action.choices)
    metavar = action.metavar if isinstance(action.metavar, str) else action.dest
    return f"\\fI{_escaped(metavar)}\\fR"


def _verb(name: str, made: ArgumentParser) -> str:
    summary = verbs.summary(name)
    lines = [f".SS zonegit {_escaped(name)}", _text(f"{summary[0].upper()}{summary[1:]}.")]
    for action in _actions(made):
        names = ", ".join(f"\\fB{_escaped(option)}\\fR" for option in action.option_strings)
        value = _value(action)
        lines += [".TP", f"{names} {value}".strip(), _text(_meaning(action))]
    return _lines(lines) + _details(made.epilog or "")


def _meaning(action: Action) -> str:
    meaning = action.help or _USUAL[str(action.metavar)]
    return f"{meaning[0].upper()}{meaning[1:]}." if meaning[0].isascii() else meaning


def _details(epilog: str) -> str:
    """The text below a verb's options; indented lines are printed verbatim."""
    lines: list[str] = [".PP"] if epilog else []
    literal = False
    for line in epilog.splitlines():
        if line.startswith(" ") != literal:
            literal = not literal
            lines += [".PP", ".RS 4", ".nf"] if literal else [".fi", ".RE", ".PP"]
        lines.append(".PP" if not line.strip() else _escaped(line.strip()) if literal else _text(line))
    return _lines([*lines, *([".fi", ".RE"] if literal else [])])


def _text(text: str) -> str:
    """Running text; text in backquotes becomes bold."""
    return _guarded(_CODE.sub(r"\\fB\1\\fR", _roff(text)))


def _escaped(text: str) -> str:
    return _guarded(_roff(text))


def _roff(text: str) -> str:
    """The text with roff's special characters escaped, in pure ASCII."""
    for sign, plain in _PLAIN.items():
        text = text.replace(sign, plain)
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("^", "\\(ha").replace("~", "\\(ti")
    return "".join(char if char.isascii() else f"\\[u{ord(char):04X}]" for char in text)


def _guarded(text: str) -> str:
    return f"\\&{text}" if text[:1] in (".", "'") else text


def _lines(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
