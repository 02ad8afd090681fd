"""Every error that zonegit raises on purpose, and what each means to a shell, an HTTP client and a resolver.

A leaf's message is one line that says what is wrong and what to do about it. `exit_code` is the process's
(0 done, 1 refused or failed, 2 usage, 3 differences, 4 conflict, 5 not found, 6 corrupt store, 7 not
authorised, 8 unreachable), `http_status` the `/v0` server's, `rcode` the DNS server's (RFC 1035 §4.1.1).
"""

from collections.abc import Sequence


class ZonegitError(Exception):
    """Root of the tree; raised only through its leaves."""

    exit_code = 1
    http_status = 500
    rcode = 2  # SERVFAIL


class UsageError(ZonegitError):
    """The call itself is wrong: an unknown option, two options that exclude each other."""

    exit_code = 2
    http_status = 400
    rcode = 1  # FORMERR


class ConfigError(UsageError):
    """The configuration file or a flag holds something that the daemon can't run with."""


class RevisionError(UsageError):
    """A revision expression can't be read; an expression that reads well but names nothing is `NotFound`."""


class InvalidData(ZonegitError):
    """Data from a user or a peer that zonegit refuses. Nothing of it is kept."""

    http_status = 400
    rcode = 1  # FORMERR


class InvalidName(InvalidData):
    """A domain name that breaks RFC 1035 §2.3.4 (label 63, name 255 bytes) or can't be read at all."""


class OutOfZone(InvalidData):
    """An owner name that isn't the zone's apex nor below it."""

    rcode = 10  # NOTZONE


class InvalidRecord(InvalidData):
    """A record whose type, TTL or RDATA can't be read."""


class InvalidZone(InvalidData):
    """Records that are well-formed one by one but don't make a zone (no SOA, CNAME beside other data, ...)."""

    rcode = 5  # REFUSED

    def __init__(self, message: str, places: Sequence[tuple[str, bytes]] = ()) -> None:
        super().__init__(message)
        self.places = places
        """Zone and owner of what is wrong, where that is known."""


class ZoneFileError(InvalidData):
    """A zone file that can't be read; the message begins with `file:line:`."""


class InvalidObject(InvalidData):
    """Bytes that aren't the canonical form of any object, or that point to something absent."""


class InvalidFrame(InvalidData):
    """A replication stream that breaks the grammar of its frames or ends too early."""


class LimitExceeded(InvalidData):
    """A size or count beyond a configured bound."""

    http_status = 413


class SyncCut(LimitExceeded):
    """A sync has taken in as much as one may. What came is kept, and the next one goes on behind it."""


class Refused(ZonegitError):
    """A well-formed request that policy turns down (a commit on a mirrored zone, a branch in use, ...)."""

    http_status = 403
    rcode = 5  # REFUSED


class AlreadyThere(Refused):
    """A repository where a new one was to be made, or files where a clone was to be."""

    exit_code = 4
    http_status = 409


class Conflict(ZonegitError):
    """A compare-and-swap lost: the ref moved since it was read, or two edits touch the same RRset."""

    exit_code = 4
    http_status = 409
    rcode = 5  # REFUSED


class MergeConflict(ZonegitError):
    """Changes that contradict each other: somebody has to say what holds. `conflicts` has each of them."""

    exit_code = 4
    http_status = 409
    rcode = 5  # REFUSED

    def __init__(
        self,
        message: str,
        conflicts: Sequence[object] = (),
        together: Sequence[str] = (),
        done: Sequence[object] = (),
    ) -> None:
        super().__init__(message)
        self.conflicts = conflicts
        """As `repo.results.Contradiction`."""
        self.together = together
        """What is wrong with both sides together, where each of them is valid."""
        self.done = done
        """Commits that were made before, as `repo.results.Committed`."""


class NotFound(ZonegitError):
    """A zone, ref, revision, object or record that isn't there."""

    exit_code = 5
    http_status = 404
    rcode = 3  # NXDOMAIN


class BranchGone(NotFound):
    """A branch that isn't there, or not any more."""

    def __init__(self, message: str, renamed: str | None = None) -> None:
        super().__init__(message)
        self.renamed = renamed
        """What it is called now."""


class BaseGone(NotFound):
    """The commit that a change was made from isn't here, or was collected as garbage."""


class UnknownVersion(NotFound):
    """No branch, tag or commit is called so."""

    def __init__(self, message: str, name: str = "") -> None:
        super().__init__(message)
        self.name = name
        """What was looked for, if that is known."""


class OtherZone(NotFound):
    """What is named is a commit of another zone."""


class StoreError(ZonegitError):
    """The store can't be used at all: not a repository, wrong format version, no permission."""

    http_status = 503


class NoBackup(StoreError):
    """What was to be restored is another kind of file."""


class StoreFull(StoreError):
    """The disk or the map is full. Nothing was written; the same call works once there is space."""

    http_status = 507


class QuotaUsedUp(StoreError):
    """A peer had as much stored here today as it may. Nothing was written; tomorrow it can be."""

    http_status = 507


class StoreBusy(StoreError):
    """Another process was writing for longer than the caller wants to wait. Nothing was written."""

    exit_code = 4


class StoreUnfinished(StoreError):
    """The making of a repository was cut short. Nothing is in it; making it again goes on."""


class StorePanicked(StoreError):
    """A write failed half-way. This process can't use the store any more; its successor and all others can."""


class CorruptStore(StoreError):
    """Stored bytes no longer match their hash, or an index contradicts what it was derived from."""

    exit_code = 6
    http_status = 500


class OverBudget(ZonegitError):
    """Answering a query would take more work than one query may cost: something in this zone is made for that."""


class NotAuthorised(ZonegitError):
    """A request without a valid `Authorization`, or outside its key's scope."""

    exit_code = 7
    http_status = 401
    rcode = 9  # NOTAUTH


class KeyFileError(ZonegitError):
    """A key file that is unsafe or malformed. The whole set is refused and the old one stays."""

    exit_code = 7


class KeyFileExists(KeyFileError):
    """A key file where a new one was to be written."""

    exit_code = 4
    http_status = 409


class Unreachable(ZonegitError):
    """The peer didn't answer, or stopped half-way. Safe to try again."""

    exit_code = 8
    http_status = 502
