"""Verbs known from git, rndc, knotc, pdnsutil or BIND's tools, and what does the same here, if anything.

A verb with another meaning is never suggested.
"""

from collections.abc import Sequence
from typing import Final

_BY_ITSELF: Final = "no reload is needed: the next query is answered from the new commit"
_SECONDARIES: Final = "secondaries are notified of each commit and update themselves"
_SIGNED: Final = "`zonegit dnssec enable ZONE` has a zone signed whenever it is published"
_NO_RENAME: Final = (
    "a zone can't be renamed yet: `export` it, replace the old name by the new one in the file, and `import` that"
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
    "dnssec-dsfromkey": "dnssec ds ZONE",
    "dnssec-keygen": "dnssec enable ZONE",
    "dnssec-signzone": "dnssec enable ZONE",
    "disable-dnssec": "dnssec disable ZONE",
    "export-zone-ds": "dnssec ds ZONE",
    "import-zone-key": "dnssec import-key FILE",
    "show-zone": "dnssec status ZONE",
    "zone-ksk-submitted": "dnssec status ZONE",
    "zone-sign": "dnssec sign ZONE",
    "del": "delete NAME [TYPE]",
    "delete-rrset": "delete NAME TYPE",
    "delete-zone": "zone remove ZONE",
    "delzone": "zone remove ZONE",
    "dump": "export",
    "edit-zone": "edit",
    "gen-key": "keygen",
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
    "pull-request": "propose",
    "request-pull": "propose",
    "replace-rrset": "set NAME TYPE TTL RDATA",
    "add-record": "add NAME TYPE TTL RDATA",
    "rm": "delete NAME [TYPE]",
    "rollback": "undo",
    "history": "log NAME",
    "refresh": "transfer ZONE",
    "retransfer": "transfer --any-serial ZONE",
    "shortlog": "log --oneline",
    "showzone": "export",
    "stats": "metrics",
    "st": "status",
    "co": "checkout BRANCH",
    "br": "branch",
    "switch": "checkout BRANCH, or zone switch ZONE",
    "tsig-list": "tsig list",
    "verify-commit": "verify REV",
    "verify-tag": "verify TAG",
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
"""Verb of another tool -> what to type here."""

_OTHERWISE: Final = {
    "amend": "commits are never changed: make another commit, or `undo` this one first",
    "ci": "`set`, `add`, `delete` and `import` each make a commit; -m gives its message",
    "commit": "`set`, `add`, `delete` and `import` each make a commit; -m gives its message",
    "freeze": "zones are never frozen: every change is a commit",
    "increase-serial": "every commit increases the serial",
    "notify": "zonegitd notifies other name servers whenever a served zone changes (also_notify)",
    "rebase": "a served history only grows; `pull --rebase` rebases your own commits",
    "reconfig": "`systemctl reload zonegitd` rereads the configuration; `config check` checks it first",
    "rectify-zone": _SIGNED,
    "reload": f"{_BY_ITSELF}; `systemctl reload zonegitd` rereads the configuration",
    "secure-zone": _SIGNED,
    "sign": f"{_SIGNED}; `zonegit sign-commit` signs a commit",
    "signing": _SIGNED,
    "stash": "`checkout -b BRANCH` and commit there: what is served doesn't change",
    "thaw": "zones are never frozen: every change is a commit",
    **dict.fromkeys(("zone rename", "zone move", "zone mv"), _NO_RENAME),
    "zone-abort": "there are no open transactions: every change is a commit",
    "zone-begin": "there are no open transactions: `batch` makes many changes as one commit",
    "zone-commit": "every change is already a commit",
    "zone-reload": _BY_ITSELF,
}
"""Verb of another tool -> why there is no such verb here, and what to do instead."""


_SOURCE: Final = "`zonegit restore NAME --from REV` does that here"
_NO_INDEX: Final = "there is no index or work tree, so only `zonegit reset --hard REV` exists"
_NO_FORCE: Final = (
    "a peer's history is never overwritten: `zonegit pull`, then push again; to undo commits, push a commit that "
    "reverts them, such as `zonegit reset --hard REV` makes"
)
_PUSH_REMOVAL: Final = (
    "`zonegit branch -D BRANCH --tombstone` here, then `zonegit push ZONE:BRANCH` removes it there too"
)
_UPSTREAM: Final = "`zonegit push --set-default REMOTE ZONE:BRANCH` sets the default of later calls"
_PRUNED: Final = "a fetch always removes branches that are gone at the peer"

_OPTIONS: Final = {
    "branch": {
        "-M": "`zonegit branch -m OLD NEW` renames a branch, and never overwrites another",
        "-v": "`zonegit branch` already shows each tip with its serial and message",
        "-a": "`zonegit branch` lists the zone's; a peer's are named PEER/BRANCH, see `zonegit remote list`",
        "-r": "a peer's branches are named PEER/BRANCH, see `zonegit remote list`",
        "--list": "`zonegit branch` without a name lists them",
    },
    "checkout": {
        "-B": "`zonegit checkout -b BRANCH` creates a branch; `zonegit reset --hard REV` moves an existing one",
    },
    "commit": {
        "--amend": "commits are never changed: make another commit, or `zonegit undo` this one first",
    },
    "merge": {
        "--squash": "there is no index to squash into: `zonegit merge REV`, or `zonegit cherry-pick A..B`",
    },
    "clone": {
        "--bare": "every repository is bare: there is no work tree; `--mirror` creates a mirror",
        "-b": "after the clone, `zonegit zone switch ZONE` and `zonegit checkout BRANCH` set HEAD",
        "--branch": "name what to copy after the directory, as ZONE:BRANCH",
        "--depth": "the complete history is always copied: merges need it, and it is small",
        "-o": "`--name NAME` is the name of the remote and of the peer",
        "--origin": "`--name NAME` is the name of the remote and of the peer",
    },
    "fetch": {
        "--all": "`zonegit fetch REMOTE` fetches everything from one peer; call it once for each",
        "-p": _PRUNED,
        "--prune": _PRUNED,
        "--tags": "`zonegit pull` fetches tags, by patterns such as ZONE:v* or with --all",
    },
    "pull": {
        "--ff-only": "`zonegit fetch`, then `zonegit merge --ff-only REMOTE/BRANCH` does that here",
        "--no-rebase": "`zonegit pull` merges unless --rebase is given",
        "-r": "`zonegit pull --rebase` does that here",
        "--autostash": "there are no uncommitted changes here: `zonegit pull --rebase` is enough",
        "-p": _PRUNED,
        "--prune": _PRUNED,
        "--tags": "tags are pulled by patterns, such as ZONE:v*, or with --all",
    },
    "push": {
        "--force": _NO_FORCE,
        "-f": _NO_FORCE,
        "--force-with-lease": _NO_FORCE,
        "-d": _PUSH_REMOVAL,
        "--delete": _PUSH_REMOVAL,
        "-u": _UPSTREAM,
        "--set-upstream": _UPSTREAM,
        "--tags": "tags are pushed by patterns, such as ZONE:v*, or with --all",
        "--follow-tags": "tags are pushed by patterns, such as ZONE:v*, or with --all",
        "--mirror": "`zonegit push --all` pushes every branch and tag of every zone, and deletes none",
        "-n": "`zonegit push --dry-run` does that here",
    },
    "remote add": {"-f": "`zonegit fetch NAME` afterwards does that here"},
    "reset": {"--soft": _NO_INDEX, "--mixed": _NO_INDEX},
    "restore": {"--source": _SOURCE, "-s": _SOURCE},
    "show": {"-p": "`zonegit show` already prints the complete change"},
}
"""Verb -> option that git's verb has -> what to use instead."""
_NEEDED: Final = {("reset", "--hard"): _NO_INDEX}
"""Verb and an option that it requires -> why."""


def option_advice(verb: str, words: Sequence[str]) -> str | None:
    """Advice on the first of these words that is an option of git's verb, but not of this one."""
    known = _OPTIONS.get(verb, {})
    return next((known[option] for word in words if (option := word.partition("=")[0]) in known), None)


def need_advice(verb: str, words: Sequence[str]) -> str | None:
    """Why one of these missing options is required, although git doesn't require it."""
    return next(filter(None, (_NEEDED.get((verb, word)) for word in words)), None)


def advice(name: str) -> str | None:
    """Advice on an unknown verb that another tool has."""
    if same := _SAME.get(name):
        return " or ".join(f"`zonegit {each}`" for each in same.split(", or ")) + " does that here"
    return _OTHERWISE.get(name)
