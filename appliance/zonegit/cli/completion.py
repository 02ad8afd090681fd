"""Completion scripts for bash, zsh and fish, made from what the parser is made of: verbs, options, choices.

A script is static: it knows what this version of zonegit knows, and starts nothing while somebody types.
"""

from argparse import Action, ArgumentParser
from collections.abc import Iterable, Iterator
from typing import Final

from zonegit.cli import parser, verbs

_Options = dict[str, list[str]]
"""Option -> what it may be followed by; empty for anything, which is completed as a file's name."""


def script(shell: str) -> str:
    """The script for one of `SHELLS`."""
    return SHELLS[shell]()


def _options(name: str) -> _Options:
    found: _Options = {}
    for action in _actions(parser.verb_parser(name, verbs.load(name))):
        for option in action.option_strings:
            found[option] = list(map(str, action.choices or ()))
    return found


def _actions(made: ArgumentParser) -> Iterable[Action]:
    return made._actions  # argparse shows them nowhere else


def _choices(name: str) -> list[str]:
    """What a verb's positional arguments may be, where that is a fixed set."""
    return [
        str(choice)
        for action in _actions(parser.verb_parser(name, verbs.load(name)))
        if not action.option_strings
        for choice in action.choices or ()
    ]


def _first_words() -> list[str]:
    return list(dict.fromkeys(name.split()[0] for name in verbs.names()))


def _bash() -> str:
    lines = [
        "# bash completion for zonegit",
        "_zonegit() {",
        '  local word="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD-1]}" verb="" at',
        "  COMPREPLY=()",
        "  for ((at = 1; at < COMP_CWORD; at++)); do",
        '    case "${COMP_WORDS[at]}" in',
        f"      {'|'.join(sorted(parser.BEFORE_VERB))}) ((at++)) ;;",
        "      -*) ;;",
        f"      {'|'.join(sorted(verbs.FAMILIES))})",
        '        verb="${COMP_WORDS[at]}"',
        '        ((at + 1 < COMP_CWORD)) && verb="$verb ${COMP_WORDS[at+1]}"',
        "        break ;;",
        '      *) verb="${COMP_WORDS[at]}"; break ;;',
        "    esac",
        "  done",
        '  case "$verb" in',
        f'    "") COMPREPLY=($(compgen -W "{" ".join(_first_words())}" -- "$word")) ;;',
    ]
    lines += [
        f'    "{family}") COMPREPLY=($(compgen -W "{" ".join(_second_words(family))}" -- "$word")) ;;'
        for family in sorted(verbs.FAMILIES)
    ]
    for name in verbs.names():
        lines += [f'    "{name}")', '      case "$before" in']
        lines += [
            f'        {option}) COMPREPLY=($(compgen -W "{" ".join(choices)}" -- "$word")); return ;;'
            for option, choices in _options(name).items()
            if choices
        ]
        words = " ".join((*_options(name), *_choices(name)))
        lines += ["      esac", f'      COMPREPLY=($(compgen -W "{words}" -- "$word") $(compgen -f -- "$word")) ;;']
    return "\n".join([*lines, "  esac", "}", "complete -F _zonegit zonegit", ""])


def _second_words(family: str) -> list[str]:
    return [name.split()[1] for name in verbs.names() if name.startswith(f"{family} ")]


def _zsh() -> str:
    """bash's, through zsh's own emulation of it."""
    return "#compdef zonegit\nautoload -U +X bashcompinit && bashcompinit\n" + _bash()


def _fish() -> str:
    return "\n".join(["# fish completion for zonegit", *_fish_lines(), ""])


def _fish_lines() -> Iterator[str]:
    words = _first_words()
    none_yet = f"not __fish_seen_subcommand_from {' '.join(words)}"
    for word in words:
        summary = f"{word} …" if word in verbs.FAMILIES else verbs.summary(word)
        yield f"complete -c zonegit -f -n '{none_yet}' -a {word} -d '{_quoted(summary)}'"
    for name in verbs.names():
        first, _, second = name.partition(" ")
        seen = f"__fish_seen_subcommand_from {first}"
        if second:
            others = " ".join(_second_words(first))
            lacking = f"{seen}; and not __fish_seen_subcommand_from {others}"
            yield f"complete -c zonegit -f -n '{lacking}' -a {second} -d '{_quoted(verbs.summary(name))}'"
            seen += f"; and __fish_seen_subcommand_from {second}"
        for option, choices in _options(name).items():
            letter = f"-l {option[2:]}" if option.startswith("--") else f"-s {option[1:]}"
            values = f" -x -a '{' '.join(choices)}'" if choices else ""
            yield f"complete -c zonegit -n '{seen}' {letter}{values}"
        for choice in _choices(name):
            yield f"complete -c zonegit -f -n '{seen}' -a {choice}"


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")


SHELLS: Final = {"bash": _bash, "zsh": _zsh, "fish": _fish}
