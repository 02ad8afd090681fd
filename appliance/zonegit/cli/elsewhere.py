"""Verbs that people know from git, rndc, knotc, pdnsutil or BIND's tools, and what does the same here, if anything.

A verb that means something else is never suggested.
"""

from collections.abc import Sequence
from typing import Final

_BY_ITSELF: Final = "nothing has to be reloaded: a commit is answered by the next packet"
_SECONDARIES: Final = "secondaries hear of a commit and follow by themselves"
_NOT_YET: Final = "DNSSEC signing isn't there yet; zones that are signed elsewhere are served"
_NO_RENAME: Final = (
    "there is no rename yet: `export` the zone, write the new name for the old one in that file, and `import` it"
)

_SAME: Final = {
    "annotate": "blame NAME",
    "bisect": "when NAME TYPE VALUE",
    "checkconf": "config check",
    "checkzone": "check FILE",
    "conf-check": "config check",
    "create": "zone add ZONE",
    "create-zone": "zone add ZONE",
    "addzone": "zone add ZONE",
    "del": "delete NAME [TYPE]",
    "delete-rrset": "delete NAME TYPE",
    "delete-zone": "zone remove ZONE",
    "delzone": "zone remove ZONE",
    "dump": "export",
    "edit-zone": "edit",
    "generate-tsig-key": "tsig new NAME",
    "get": "show NAME TYPE",
    "grep": "log --grep PATTERN",
    "list": "zone list",
    "list-all-zones": "zone list",
    "list-zone": "export",
    "load-zone": "import FILE",
    "ls": "export, or zone list",
    "move": "rename OLD NEW",
    "mv": "rename OLD NEW",
    "nsupdate": "batch FILE",
    "remove": "delete NAME [TYPE]",
    "replace-rrset": "set NAME TYPE TTL RDATA",
    "add-record": "add NAME TYPE TTL RDATA",
    "rm": "delete NAME [TYPE]",
    "rollback": "undo",
    "history": "log NAME",
    "shortlog": "log --oneline",
    "showzone": "export",
    "stats": "metrics",
    "st": "status",
    "co": "checkout BRANCH",
    "br": "branch",
    "switch": "checkout BRANCH, or zone switch ZONE",
    "tsig-list": "tsig list",
    "verify": "fsck",
    "whatchanged": "log -p",
    "zone check": "check",
    "zone create": "zone add ZONE",
    "zone delete": "zone remove ZONE",
    "zone edit": "edit",
    "zone export": "export",
    "zone import": "import FILE",
    "zone show": "export",
    "zone-check": "check",
    "zone-diff": "diff",
    "zone-get": "show NAME TYPE",
    "zone-purge": "zone remove ZONE",
    "zone-read": "export",
    "zone-set": "set NAME TYPE TTL RDATA",
    "zone-status": "status --zone ZONE",
    "zone-unset": "delete NAME TYPE",
    "zonestatus": "status --zone ZONE",
}
"""Verb elsewhere -> what to type here."""

_OTHERWISE: Final = {
    "amend": "what was committed stays: correct it by another commit, or `undo` it first",
    "ci": "`set`, `add`, `delete` and `import` make a commit each, with -m for its message",
    "commit": "`set`, `add`, `delete` and `import` make a commit each, with -m for its message",
    "freeze": "zones are never frozen: every change is a commit",
    "increase-serial": "the serial rises by itself with every commit",
    "notify": "other name servers are notified by themselves when a served zone moves (also_notify)",
    "pull": "zonegitd follows its [primary] by itself; `fetch` shows what a peer has",
    "push": f"nothing is pushed: {_SECONDARIES}; elsewhere `clone` or `fetch` it",
    "rebase": "there is no rebase: what is served has one history, which only grows",
    "reconfig": "`systemctl reload zonegitd` has it read its configuration again; `config check` looks first",
    "rectify-zone": _NOT_YET,
    "refresh": _SECONDARIES,
    "reload": f"{_BY_ITSELF}; `systemctl reload zonegitd` has it read its configuration again",
    "retransfer": _SECONDARIES,
    "secure-zone": _NOT_YET,
    "sign": _NOT_YET,
    "signing": _NOT_YET,
    "stash": "`checkout -b BRANCH` and commit there: what is served stays as it is",
    "sync": "what was committed is on disk already",
    "thaw": "zones are never frozen: every change is a commit",
    "transfer": _SECONDARIES,
    **dict.fromkeys(("zone rename", "zone move", "zone mv"), _NO_RENAME),
    "zone-abort": "there are no open transactions: every change is a commit",
    "zone-begin": "there are no open transactions: `batch` makes many changes as one commit",
    "zone-commit": "every change is a commit already",
    "zone-reload": _BY_ITSELF,
}
"""Verb elsewhere -> why there is no such verb here, and what there is."""


_SOURCE: Final = "`zonegit restore NAME --from REV` does that here"
_NO_INDEX: Final = (
    "there is no index or work tree that a softer reset could leave alone: `zonegit reset --hard REV`"
)

_OPTIONS: Final = {
    "branch": {
        "-M": "`zonegit branch -m OLD NEW` renames one, and no other is ever overwritten",
        "-v": "`zonegit branch` shows each tip with its serial and message already",
        "-a": "`zonegit branch` lists the zone's; those of peers are named PEER/BRANCH, see `zonegit remote list`",
        "-r": "those of peers are named PEER/BRANCH, see `zonegit remote list`",
        "--list": "`zonegit branch` without a name lists them",
    },
    "checkout": {
        "-B": "`zonegit checkout -b BRANCH` makes a branch; `zonegit reset --hard REV` moves one that is there",
    },
    "commit": {
        "--amend": "what was committed stays: correct it by another commit, or `zonegit undo` it first",
    },
    "merge": {
        "--squash": "there is no index to squash into: `zonegit merge REV`, or `zonegit cherry-pick A..B`",
    },
    "reset": {"--soft": _NO_INDEX, "--mixed": _NO_INDEX},
    "restore": {"--source": _SOURCE, "-s": _SOURCE},
    "show": {"-p": "`zonegit show` prints the whole change already"},
}
"""Verb here -> option that it has in git -> what there is instead."""


def option_advice(verb: str, words: Sequence[str]) -> str | None:
    """What to do instead of an option among these words that git's verb of this name has."""
    known = _OPTIONS.get(verb, {})
    return next((known[option] for word in words if (option := word.partition("=")[0]) in known), None)


def advice(name: str) -> str | None:
    """What to do instead of an unknown verb that is known elsewhere."""
    if same := _SAME.get(name):
        return " or ".join(f"`zonegit {each}`" for each in same.split(", or ")) + " does that here"
    return _OTHERWISE.get(name)
