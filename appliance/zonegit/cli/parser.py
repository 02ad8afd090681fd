"""Parse the command line into a verb and its options. Only the parser of that verb is built.

Options may precede the verb, as in `git -C DIR log`, or follow it, before or between its arguments.
"""

import os
from argparse import Action, ArgumentError, ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, NoReturn

from zonegit.cli import verbs
from zonegit.errors import UsageError

BEFORE_VERB: Final = frozenset(
    {"-C", "--repo", "--zone", "--branch", "--author", "-m", "--message", "--color", "--lock-timeout"}
)
"""Options with a value that may precede the verb: needed to tell the verb from their values."""

HIDDEN: Final = "__complete"
"""The hidden verb of the completion scripts (`cli.completing`)."""

_PATTERN: Final = "PATTERN"
"""The metavar of a regular expression; an empty one matches everything."""
_JUDGED_LATER: Final = frozenset({"directories", "message", "strict"})
"""Options whose empty value has a meaning, or an error message of its own."""

_ENDING: Final = """\
Common options: -C DIR (work in that directory), --repo DIR (default: $ZONEGIT_REPO, else .zonegit here or in a
parent directory, else /var/lib/zonegit if it exists), --zone ZONE, --color WHEN, --no-pager. `zonegit VERB --help`
describes a verb.

exit codes: 0 done, 1 refused or failed, 2 usage, 3 differences found (diff --exit-code), 4 conflict, 5 not found,
            6 corrupt store, 7 not authorised, 8 unreachable, 130 interrupted"""

_ALIKE: Final = 0.65
"""Least similarity (0 to 1) of a suggested verb: `log` is suggested for `lgo`, but `branch` not for `rndc`."""
_LITERAL: Final = "\0"
"""Marks an argument after `--`; command line arguments can't contain this character."""


class AfterDashes(str):
    """An argument after `--`."""


class _Parser(ArgumentParser):
    """argparse, but an error is an exception, which becomes one line like every other error.

    argparse drops a `--` that comes first or after an option, so `parse` removes it beforehand.
    """

    def _get_value(self, action: Action, arg_string: str) -> object:
        if action.option_strings and arg_string.startswith(_LITERAL):
            raise ArgumentError(action, "expected one argument")
        value: object = super()._get_value(action, arg_string.removeprefix(_LITERAL))
        return AfterDashes(value) if arg_string.startswith(_LITERAL) and isinstance(value, str) else value

    def _get_values(self, action: Action, arg_strings: list[str]) -> object:
        may_be_empty = action.metavar == _PATTERN or action.dest in _JUDGED_LATER
        if action.option_strings and "" in arg_strings and not may_be_empty:
            raise ArgumentError(action, "the value is empty; leave the option out, or give it a value")
        return super()._get_values(action, arg_strings)

    def error(self, message: str) -> NoReturn:
        message = message.replace(_LITERAL, "")
        hint = (
            self._of_git(message)
            or self._near_miss(message)
            or self._record_hint(message)
            or f"see `{self.prog} --help`"
        )
        raise UsageError(f"{self.prog.removeprefix('zonegit ')}: {message}; {hint}")

    def _of_git(self, message: str) -> str:
        """Advice on an option that git's verb has, or on one that only this verb requires."""
        from zonegit.cli.elsewhere import need_advice, option_advice

        unknown = message.partition("unrecognized arguments: ")[2].split()
        missing = message.partition("arguments are required: ")[2].split(", ")
        verb = self.prog.removeprefix("zonegit ")
        return option_advice(verb, unknown) or need_advice(verb, missing) or ""

    def _near_miss(self, message: str) -> str:
        """The known option that is most similar to an unknown one."""
        from difflib import get_close_matches

        _, unknown, words = message.partition("unrecognized arguments: ")
        word = next((word for word in words.split() if word.startswith("--")), "").partition("=")[0]
        known = [option for option in self._option_string_actions if option.startswith("--")]
        near = get_close_matches(word, known, 1, 0.7) if unknown and word else []
        return f"did you mean `{near[0]}`?" if near else ""

    def _record_hint(self, message: str) -> str:
        """How to write a record, for verbs that take one."""
        if not any(action.dest == "rdata" for action in self._actions):
            return ""
        if "unrecognized arguments: -" in message:
            return "quote a record with spaces as one argument, or put -- before words that begin with a dash"
        if "arguments are required: " in message and "NAME" not in message:
            return f"expected NAME TYPE TTL RDATA; a TTL of - keeps the present one; see `{self.prog} --help`"
        return ""

    def with_numbers(self, words: list[str]) -> list[str]:
        """Read `-3` as `--number=3`, as git does, for verbs that have that option."""
        if "--number" not in self._option_string_actions:
            return words
        found: list[str] = []
        for at, word in enumerate(words):
            before = self._option_string_actions.get(words[at - 1]) if at else None
            is_value = before is not None and before.nargs != 0
            number = word[1:] if word[:1] == "-" and word[1:].isdecimal() and not is_value else ""
            found.append(f"--number={number}" if number else word)
        return found


class _Formatter(RawDescriptionHelpFormatter):
    """As wide as argparse's own, which imports shutil for the width even if no help is printed."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_columns() - 2)


def _columns() -> int:
    """The width of the terminal: COLUMNS, else that of stdout, else 80."""
    with suppress(ValueError):
        if (columns := int(os.environ.get("COLUMNS", "0"))) > 0:
            return columns
    with suppress(OSError):
        return os.get_terminal_size().columns or 80
    return 80


def parse(argv: Sequence[str]) -> tuple[verbs.Verb | None, Namespace]:
    """The verb and its arguments; for a help text, no verb, and the text in `text`."""
    at = verb_at(argv)
    if at == len(argv):
        if "--version" in argv:
            return verbs.load("version"), Namespace(json=False, color="auto", directories=[], pager=True)
        if not argv or not {"-h", "--help"} & set(argv):
            raise UsageError("no verb was given; `zonegit --help` lists them")
        return None, Namespace(text=overview())
    if argv[at] in verbs.OTHER_NAMES:
        argv = [*argv[:at], *verbs.OTHER_NAMES[argv[at]].split(), *argv[at + 1 :]]
    name = argv[at]
    rest = [*argv[:at], *argv[at + 1 :]]
    if name == "help":
        return _help(argv[at + 1 :])
    if verbs.length(argv[at:]) == 2:
        if at + 1 == len(argv):
            second_words = [verb.split()[1] for verb in verbs.names() if verb.startswith(f"{name} ")]
            what = "one of " if len(second_words) > 1 else ""
            raise UsageError(
                f"{name}: expected a second word, {what}{', '.join(second_words)}; see `zonegit {name} --help`"
            )
        if argv[at + 1] in ("-h", "--help"):
            return None, Namespace(text=_overview_of(name))
        rest = [*argv[:at], *argv[at + 2 :]]
        name = f"{name} {argv[at + 1]}"
    verb = _verb(name, rest)
    ended = "--" in rest
    if ended:
        end = rest.index("--")
        rest[end:] = [_LITERAL + word for word in rest[end + 1 :]]
    parser = verb_parser(name, verb)
    parser.set_defaults(ended=ended)
    return verb, parser.parse_intermixed_args(parser.with_numbers(rest))


def overview() -> str:
    """What `zonegit --help` prints."""
    lines = [
        "usage: zonegit VERB …",
        "",
        "git for authoritative DNS: a zone is a history of immutable commits.",
        "",
    ]
    width = max(map(len, verbs.names()))
    for group in verbs.GROUPS.values():
        lines += [f"  {name:<{width}} {text}" for name, text in group.items()]
        lines.append("")
    return "\n".join([*lines, _ENDING])


def _overview_of(family: str) -> str:
    names = [name for name in verbs.names() if name.startswith(f"{family} ")]
    width = max(map(len, names))
    return "\n".join(
        [f"usage: zonegit {family} VERB …", "", *(f"  {name:<{width}} {verbs.summary(name)}" for name in names)]
    )


def _help(words: Sequence[str]) -> tuple[None, Namespace]:
    name = " ".join(words)
    if not words:
        return None, Namespace(text=overview())
    if name in verbs.FAMILIES and name not in verbs.names():
        return None, Namespace(text=_overview_of(name))
    return None, Namespace(text=verb_parser(name, _verb(name)).format_help().rstrip())


def verb_at(argv: Sequence[str]) -> int:
    """The index of the verb, after options and their values."""
    at = 0
    while at < len(argv) and argv[at].startswith("-") and argv[at] != "--":
        at += 2 if argv[at] in BEFORE_VERB else 1
    return min(at, len(argv))


def _verb(name: str, words: Sequence[str] = ()) -> verbs.Verb:
    if name in verbs.names():
        return verbs.load(name)
    from difflib import get_close_matches

    from zonegit.cli.elsewhere import advice, option_advice

    if hint := option_advice(name, words) or advice(name):
        raise UsageError(f"{name!r} is not a verb; {hint}")
    near = get_close_matches(name, verbs.names(), 1, _ALIKE) or get_close_matches(name, verbs.FAMILIES, 1, _ALIKE)
    hint = f"did you mean `{near[0]}`?" if near else "`zonegit --help` lists the verbs"
    raise UsageError(f"{name[:80]!r} is not a verb; {hint}")


def verb_parser(name: str, verb: verbs.Verb) -> _Parser:
    """The parser of a verb's arguments and the common options."""
    parser = _Parser(
        prog=f"zonegit {name}",
        description=verbs.summary(name)[:1].upper() + verbs.summary(name)[1:] + ".",
        epilog=verb.details or None,
        formatter_class=_Formatter,
        allow_abbrev=False,
    )
    verb.arguments(parser)
    common = parser.add_argument_group("common options")
    common.add_argument(
        "-C", dest="directories", metavar="DIR", action="append", default=[], help="work in DIR; may be repeated"
    )
    common.add_argument(
        "--repo", metavar="DIR", help="the repository (default: $ZONEGIT_REPO, else the nearest .zonegit)"
    )
    common.add_argument("--zone", metavar="ZONE", help="the zone (default: the one that HEAD names)")
    common.add_argument(
        "--color", choices=("auto", "always", "never"), default="auto", help="when to use colour; respects NO_COLOR"
    )
    common.add_argument(
        "--no-pager", dest="pager", action="store_false", help="don't pipe long answers into a pager"
    )
    parser.set_defaults(json=False)
    return parser
