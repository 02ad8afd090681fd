"""What verbs there are, and which module each lives in, so that starting one verb imports one module.

A verb's module holds `VERBS`, which maps the verb to its declaration. `zonegit --help` needs this table alone.
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from importlib import import_module
from typing import Final, NamedTuple

from zonegit.cli.output import Output


class Verb(NamedTuple):
    """A verb's declaration: its own arguments (the common ones are added by `parser`), and what it does.

    (Not a dataclass: importing `dataclasses` costs a fifth of what `zonegit version` may take.)
    """

    arguments: Callable[[ArgumentParser], None]
    run: Callable[[Namespace, Output], int]
    """Returns the exit code; raises from `zonegit.errors`."""
    details: str = ""
    """Shown under the arguments by `--help`."""
    pages: bool = False
    """Whether an answer that is longer than the terminal goes through a pager."""


GROUPS: Final[dict[str, dict[str, str]]] = {
    "repository": {
        "init": "make a repository, with a first zone if one is named",
        "status": "where HEAD is, and what the zone holds",
        "fsck": "check every object, ref, index and view",
        "reindex": "make the ref index and the served views anew from the refs",
        "cat-object": "show one object by its id",
    },
    "housekeeping": {
        "gc": "delete objects that no branch, tag or reflog reaches",
        "compact": "give free pages of the data file back to the disk",
    },
    "backups": {
        "backup": "write the whole repository to one file",
        "restore": "put a backup in the repository's place, or records back as they were",
    },
    "zones": {
        "zone list": "the repository's zones",
        "zone add": "begin a zone with a SOA and a NS record",
        "zone switch": "make HEAD name another zone",
        "zone remove": "delete a zone's branches and tags",
        "zone restore": "bring a removed zone back as it was",
    },
    "zonefiles": {
        "import": "commit a zone file",
        "export": "write a version as a zone file",
        "check": "look for mistakes in a zone file or in a version",
    },
    "records": {
        "set": "make these the records of a name and type",
        "add": "add records to a name and type",
        "delete": "delete a name, a type of it, or single records",
        "show": "a version and what it changed, or the records of a name and type",
    },
    "editing": {
        "edit": "change a zone, or a name and what is below it, in an editor",
    },
    "applying": {
        "apply": "make a zone hold what a zone file says, by the least change; or do what a plan says",
        "plan": "write what apply would do to a file, for apply to do later",
    },
    "together": {
        "batch": "make many changes at once, read from a file or standard input",
        "ttl": "give all records of a name, or of many, one TTL",
        "rename": "move a name, what is below it, and what points there",
    },
    "history": {
        "log": "commits, newest first",
        "diff": "what differs between two versions",
        "blame": "which commit put each record there",
        "when": "the commits in which a record came and went",
        "reflog": "where a branch has been",
    },
    "branches": {
        "branch": "list, make or delete branches",
        "checkout": "make HEAD name another branch",
        "tag": "list, make or delete tags",
        "reset": "move a branch to any version",
    },
    "undo": {
        "undo": "take the last operation on a branch back",
        "redo": "make the operation again that was undone last",
    },
    "merging": {
        "merge": "bring what another branch has into this one",
        "revert": "take the change of a commit back",
        "cherry-pick": "make the change of a commit again on this branch",
    },
    "remotes": {
        "clone": "copy a peer's repository, as a mirror of it",
        "fetch": "see what a peer has, without moving a branch",
        "remote add": "name a peer to fetch from",
        "remote list": "the peers to fetch from",
        "remote remove": "forget a peer, and what it was seen to have",
        "remote adopt": "give up what is here of a zone for what a peer has",
        "peer accept-epoch": "take a peer that was restored or made again",
    },
    "keys": {
        "key new": "write a new key file for replication",
        "key list": "the keys in a directory, without their secrets",
        "key promote": "make clients sign with a key",
        "key retire": "have a key refused from now on",
    },
    "tsig": {
        "tsig new": "write a new key for transfers and notifies",
        "tsig list": "the TSIG keys in a directory, without their secrets",
    },
    "metrics": {
        "metrics": "what a running zonegitd counts",
        "ready": "wait until a running zonegitd answers from its zones",
    },
    "service": {
        "config check": "look for mistakes in zonegitd's configuration",
        "completion": "write a completion script for a shell",
        "version": "the version of zonegit",
    },
}
"""Module of this package -> verb -> what it does, in the order that `--help` has them."""

_MODULES: Final = {verb: module for module, verbs in GROUPS.items() for verb in verbs}
FAMILIES: Final = frozenset(verb.split()[0] for verb in _MODULES if " " in verb)
"""First words of verbs that are two words."""


def names() -> list[str]:
    """Every verb."""
    return list(_MODULES)


def summary(name: str) -> str:
    """One line on what a verb does."""
    return GROUPS[_MODULES[name]][name]


def load(name: str) -> Verb:
    """The declaration of a verb in `names()`; imports its module."""
    declared: dict[str, Verb] = import_module(f"zonegit.cli.{_MODULES[name]}").VERBS
    return declared[name]
