"""Completion scripts for bash, zsh and fish, generated from the parser's verbs, options and choices.

These are written into the script, so completing them starts no process. For what a repository holds (zones,
branches, names, …) the script runs `zonegit __complete` (`cli.completing`).
"""

from argparse import Action, ArgumentParser
from collections.abc import Iterable, Iterator
from typing import Final

from zonegit.cli import parser, verbs
from zonegit.cli.completing import is_dynamic

_FILES: Final = frozenset({"FILE", "FILE|REV", "BACKUP|NAME"})
"""Metavars of file names."""
_DIRECTORY: Final = "DIR"
"""Metavar of directory names."""


def script(shell: str) -> str:
    """The script for one of `SHELLS`."""
    return SHELLS[shell]()


def _verb_actions(name: str) -> list[Action]:
    return list(_actions(parser.verb_parser(name, verbs.load(name))))


def _actions(made: ArgumentParser) -> Iterable[Action]:
    return made._actions  # argparse shows them nowhere else


def _options(name: str) -> dict[str, Action]:
    return {option: action for action in _verb_actions(name) for option in action.option_strings}


def _choices(name: str) -> list[str]:
    """The values of a verb's positional arguments that have a fixed set of them."""
    return [
        str(choice)
        for action in _verb_actions(name)
        if not action.option_strings
        for choice in action.choices or ()
    ]


def _takes(name: str, *metavars: str) -> bool:
    """Whether one of a verb's arguments has one of these metavars."""
    return any(not action.option_strings and action.metavar in metavars for action in _verb_actions(name))


def _asks(name: str) -> bool:
    """Whether the repository completes one of a verb's arguments."""
    return any(not action.option_strings and is_dynamic(name, action) for action in _verb_actions(name))


def _first_words() -> list[str]:
    return list(dict.fromkeys(name.split()[0] for name in verbs.names()))


def _second_words(family: str) -> list[str]:
    """What follows the first word: of `config`, which is a verb of its own, also its keys."""
    seconds = [name.split()[1] for name in verbs.names() if name.startswith(f"{family} ")]
    return [*seconds, *(_choices(family) if family in verbs.names() else ())]


_ASK: Final = f"""\
_zonegit_ask() {{
  local line
  while IFS= read -r line; do
    [ -n "$ZSH_VERSION" ] || {{ printf -v line %q "$line"; line="${{line//\\\\,/,}}"; }}
    COMPREPLY+=("$line")
  done < <(zonegit {parser.HIDDEN} "${{COMP_WORDS[@]:1:$COMP_CWORD}}" 2>/dev/null)
}}"""


def _bash() -> str:
    lines = [
        "# bash completion for zonegit",
        _ASK,
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
        '    "")',
        '      case "$before" in',
        "        --zone|--branch) _zonegit_ask; return ;;",
        '        -C|--repo) COMPREPLY=($(compgen -d -- "$word")); return ;;',
        "      esac",
        f'      COMPREPLY=($(compgen -W "{" ".join(_first_words())}" -- "$word")) ;;',
    ]
    lines += [
        f'    "{family}") COMPREPLY=($(compgen -W "{" ".join(_second_words(family))}" -- "$word")) ;;'
        for family in sorted(verbs.FAMILIES)
    ]
    for name in verbs.names():
        lines += [f'    "{name}")', '      case "$before" in', *_bash_values(name), "      esac"]
        lines += ['      case "$word" in']
        lines += [f'        -*) COMPREPLY=($(compgen -W "{" ".join(_options(name))}" -- "$word")); return ;;']
        lines += ["      esac", *_bash_arguments(name), "      ;;"]
    return "\n".join([*lines, "  esac", "}", "complete -F _zonegit zonegit", ""])


def _bash_values(name: str) -> Iterator[str]:
    """The cases that complete the values of options."""
    for option, action in _options(name).items():
        if action.choices:
            words = " ".join(map(str, action.choices))
            yield f'        {option}) COMPREPLY=($(compgen -W "{words}" -- "$word")); return ;;'
        elif is_dynamic(name, action):
            yield f"        {option}) _zonegit_ask; return ;;"
        elif action.metavar in _FILES:
            yield f'        {option}) COMPREPLY=($(compgen -f -- "$word")); return ;;'
        elif action.metavar == _DIRECTORY:
            yield f'        {option}) COMPREPLY=($(compgen -d -- "$word")); return ;;'
        elif action.nargs != 0:
            yield f"        {option}) return ;;"


def _bash_arguments(name: str) -> Iterator[str]:
    if choices := _choices(name):
        yield f'      COMPREPLY=($(compgen -W "{" ".join(choices)}" -- "$word"))'
    if _asks(name):
        yield "      _zonegit_ask"
    if _takes(name, *_FILES):
        yield '      COMPREPLY+=($(compgen -f -- "$word"))'
    elif _takes(name, _DIRECTORY):
        yield '      COMPREPLY+=($(compgen -d -- "$word"))'


def _zsh() -> str:
    """The bash script, through zsh's emulation of bash completion."""
    return "#compdef zonegit\nautoload -U +X bashcompinit && bashcompinit\n" + _bash()


def _fish() -> str:
    return "\n".join(["# fish completion for zonegit", *_fish_lines(), ""])


_FISH_ASK: Final = f"(zonegit {parser.HIDDEN} (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)"
_FISH_DIRECTORIES: Final = "(__fish_complete_directories (commandline -ct))"


def _fish_lines() -> Iterator[str]:
    words = _first_words()
    none_yet = f"not __fish_seen_subcommand_from {' '.join(words)}"
    yield f"complete -c zonegit -n '{none_yet}' -l zone -x -a '{_FISH_ASK}'"
    yield f"complete -c zonegit -n '{none_yet}' -l repo -x -a '{_FISH_DIRECTORIES}'"
    yield f"complete -c zonegit -n '{none_yet}' -s C -x -a '{_FISH_DIRECTORIES}'"
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
        yield from _fish_verb(name, seen)


def _fish_verb(name: str, seen: str) -> Iterator[str]:
    for option, action in _options(name).items():
        letter = f"-l {option[2:]}" if option.startswith("--") else f"-s {option[1:]}"
        values = ""
        if action.choices:
            values = f" -x -a '{' '.join(map(str, action.choices))}'"
        elif is_dynamic(name, action):
            values = f" -x -a '{_FISH_ASK}'"
        elif action.metavar == _DIRECTORY:
            values = f" -x -a '{_FISH_DIRECTORIES}'"
        elif action.nargs != 0:
            values = " -r" if action.metavar in _FILES else " -x"
        yield f"complete -c zonegit -n '{seen}' {letter}{values}"
    for choice in _choices(name):
        yield f"complete -c zonegit -f -n '{seen}' -a {choice}"
    files = "" if _takes(name, *_FILES) else " -f"
    if _takes(name, _DIRECTORY):
        yield f"complete -c zonegit -f -n '{seen}' -a '{_FISH_DIRECTORIES}'"
    if _asks(name):
        yield f"complete -c zonegit{files} -n '{seen}' -a '{_FISH_ASK}'"
    elif files:
        yield f"complete -c zonegit -f -n '{seen}'"


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")


SHELLS: Final = {"bash": _bash, "zsh": _zsh, "fish": _fish}
