"""The verbs, and the module that each lives in, so that running one verb imports one module.

A verb's module holds `VERBS`, which maps the verb to its declaration. `zonegit --help` needs only this table.
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Final, NamedTuple

from zonegit.cli.output import Output


class Verb(NamedTuple):
    """A verb's declaration: its own arguments (`parser` adds the common ones), and what it does."""

    arguments: Callable[[ArgumentParser], None]
    run: Callable[[Namespace, Output], int]
    """Returns the exit code; raises from `zonegit.errors`."""
    details: str = ""
    """What `--help` prints below the arguments."""
    pages: bool = False
    """Whether output longer than the terminal goes through a pager."""


GROUPS: Final[dict[str, dict[str, str]]] = {
    "repository": {
        "init": "create a repository, and a first zone if one is named",
        "status": "show where HEAD is, the zone's state and any problems",
        "fsck": "check every object, ref, index and view",
        "reindex": "rebuild the ref index and the served views from the refs",
        "cat-object": "show one object by its id",
    },
    "housekeeping": {
        "gc": "delete objects that no branch, tag or reflog entry reaches",
        "compact": "shrink the data file by its free pages",
    },
    "backups": {
        "backup": "write the whole repository to one file",
        "restore": "replace the repository with a backup, or restore records from a version",
    },
    "zones": {
        "zone list": "list the repository's zones",
        "zone add": "create a zone with an SOA record and NS records",
        "zone switch": "make HEAD name another zone",
        "zone remove": "delete a zone's branches and tags",
        "zone restore": "restore a removed zone as it was",
    },
    "zonefiles": {
        "import": "commit a zone file",
        "export": "write a version as a zone file",
        "check": "find errors in a zone file or in a version",
    },
    "records": {
        "set": "replace the records of a name and type",
        "add": "add records to a name and type",
        "delete": "delete all records of a name, those of one type, or single records",
        "show": "show a version and what it changed, or the records of a name and type",
    },
    "query": {
        "query": "show what zonegitd would answer to a DNS query",
    },
    "editing": {
        "edit": "edit a zone, or a name and the names below it, in an editor",
    },
    "applying": {
        "apply": "change a zone to match a zone file, with the fewest changes; or carry out a plan",
        "plan": "write what apply would do to a file, to be applied later",
    },
    "bulk_changes": {
        "batch": "make many changes at once, read from a file or standard input",
        "ttl": "set the TTL of all records of one or many names",
        "rename": "rename a name and the names below it, and update the records that point there",
    },
    "history": {
        "log": "list commits, newest first",
        "diff": "show the differences between two versions",
        "blame": "show which commit added each record",
        "when": "list the commits that added or removed a record",
        "reflog": "list the moves of a branch",
    },
    "branches": {
        "branch": "list, create, rename or delete branches",
        "checkout": "make HEAD name another branch",
        "tag": "list, create or delete tags",
        "reset": "move a branch to any version",
    },
    "undo": {
        "undo": "undo the last operation on a branch",
        "redo": "redo the operation that was undone last",
    },
    "merging": {
        "merge": "merge another branch into this one",
        "revert": "undo the change of a commit with a new commit",
        "cherry-pick": "apply the change of a commit to this branch",
    },
    "publishing": {
        "publish": "serve what passes the policy of a zone, and show what it holds",
    },
    "dnssec": {
        "dnssec enable": "have a zone signed",
        "dnssec status": "show the keys and signatures of a zone, and what it waits for",
        "dnssec ds": "show the DS records that the parent zone should have",
    },
    "rollovers": {
        "dnssec rollover": "replace the keys of a zone",
        "dnssec disable": "end signing a zone in the safe way",
        "dnssec sign": "publish a signed zone now, as zonegitd does",
    },
    "zone_keys": {
        "dnssec import-key": "take over the private keys of a zone",
        "dnssec export-key": "write the private keys of a zone as BIND has them",
    },
    "catalogs": {
        "catalog list": "list the catalog zones that are made or followed here, or the members of one",
        "catalog check": "find what breaks a catalog zone",
        "catalog allow": "let a followed catalog remove the zones that it waits to remove",
    },
    "proposing": {
        "propose": "propose to merge a branch into another one",
        "land": "merge a proposal into its target",
    },
    "reviewing": {
        "review": "list proposals, or show what would change if one landed now",
        "approve": "approve of a commit or a proposal, so that a policy lets it through",
        "reject": "reject a commit or a proposal, so that a policy holds it",
    },
    "syncing": {
        "clone": "copy a peer's repository, to work in or as a mirror",
        "push": "send a peer the commits that it lacks",
        "pull": "fetch a peer's commits and merge them",
        "sync": "pull, merge automatically and push",
    },
    "remotes": {
        "fetch": "fetch a peer's commits, without moving a branch",
        "remote add": "add a peer to exchange zones with",
        "remote list": "list the peers that were added",
        "remote remove": "remove a peer, and its remote-tracking branches",
        "remote adopt": "replace a zone's local history with a peer's, and mirror it",
        "peer accept-epoch": "accept a peer that was restored or created again",
    },
    "transfers_in": {
        "transfer": "have a zone transferred from its primaries now",
    },
    "signing": {
        "config": "show or change your settings: author, signing key, allowed signers",
        "keygen": "write a new key to sign commits with",
        "sign-commit": "sign the newest commit of a branch",
        "verify": "check the signatures of commits and tags",
    },
    "keys": {
        "key new": "write a new key file for replication",
        "key list": "list the keys in a directory, without their secrets",
        "key promote": "make clients sign with a key",
        "key retire": "refuse a key from now on",
    },
    "tsig": {
        "tsig new": "write a new TSIG key for transfers and NOTIFY",
        "tsig list": "list the TSIG keys in a directory, without their secrets",
    },
    "metrics": {
        "metrics": "show the metrics of a running zonegitd",
        "ready": "wait until a running zonegitd answers queries",
    },
    "service": {
        "config check": "check zonegitd's configuration",
        "completion": "write a completion script for a shell",
        "version": "show the version of zonegit",
    },
}
"""Module of this package -> verb -> what it does, in the order of `--help`."""

OTHER_NAMES: Final = {"zone-keygen": "dnssec enable", "sign-zone": "dnssec sign", "ds": "dnssec ds"}
"""Verbs of the first zonegit, which was written in Go, and what they are called here."""
_MODULES: Final = {verb: module for module, verbs in GROUPS.items() for verb in verbs}
FAMILIES: Final = frozenset(verb.split()[0] for verb in _MODULES if " " in verb)
"""The first words of two-word verbs. `config` is also a verb of its own."""


def length(words: Sequence[str]) -> int:
    """How many of the words, which begin with a verb, are the verb: 1 or 2."""
    both = len(words) > 1 and f"{words[0]} {words[1]}" in _MODULES
    return 2 if words[0] in FAMILIES and (both or words[0] not in _MODULES) else 1


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
