"""Every error that zonegit raises on purpose, with its exit code and HTTP status.

A message is one line that says what is wrong and what to do about it. `exit_code` is the command's (0 done,
1 refused or failed, 2 usage, 3 differences, 4 conflict, 5 not found, 6 corrupt store, 7 not authorised,
8 unreachable), `http_status` the `/v0` server's.
"""

from collections.abc import Sequence


class ZonegitError(Exception):
    """The base class; only subclasses are raised."""

    exit_code = 1
    http_status = 500


class UsageError(ZonegitError):
    """The command line or the call is wrong: an unknown option, two options that exclude each other."""

    exit_code = 2
    http_status = 400


class ConfigError(UsageError):
    """The configuration file or a flag has a value that the daemon can't use."""

    def __init__(self, reason: str, where: tuple[str, ...] = ()) -> None:
        """`where`: the path of tables and keys to what is wrong, as far as the file that has it must be named."""
        super().__init__(reason)
        self.where = where


class RevisionError(UsageError):
    """A revision expression has a syntax error; a valid expression that names nothing is `NotFound`."""


class InvalidData(ZonegitError):
    """Data from a user or a peer that zonegit refuses. None of it is kept."""

    http_status = 400


class InvalidName(InvalidData):
    """A domain name that exceeds the limits of RFC 1035 §2.3.4 (label 63, name 255 bytes) or can't be parsed."""


class OutOfZone(InvalidData):
    """An owner name that is neither the zone's apex nor below it."""


class InvalidRecord(InvalidData):
    """A record whose type, TTL or RDATA can't be parsed."""


class InvalidZone(InvalidData):
    """Records that are valid one by one but not as a zone (no SOA, CNAME beside other data, ...)."""

    def __init__(self, message: str, places: Sequence[tuple[str, bytes]] = ()) -> None:
        super().__init__(message)
        self.places = places
        """The zone and owner of each error, as far as known."""


class ZoneFileError(InvalidData):
    """A zone file that can't be parsed; the message begins with `file:line:`."""


class InvalidObject(InvalidData):
    """Bytes that aren't the canonical form of an object, or that refer to a missing object."""


class InvalidFrame(InvalidData):
    """A replication stream with a malformed frame, or that ends too early."""


class InvalidSSH(InvalidData):
    """An SSH key, certificate or signature that is malformed or wrong. The message says what it does: `it …`."""


class UnsupportedKey(InvalidSSH):
    """An SSH key of a type or size that isn't accepted."""


class ValidatorUnavailable(ZonegitError):
    """A validator of a publishing policy that can't be started, so that it says nothing about the zone."""


class AllowedSignersError(InvalidData):
    """A file of allowed signers that can't be read; the message begins with `file:` or `file:line:`."""


class DnssecError(ZonegitError):
    """A zone that can't be signed as its policy says, or a private key that can't be used."""


class Incomplete(InvalidObject):
    """Objects that refer to others that are neither stored nor sent along. None of them is kept."""

    http_status = 409


class LimitExceeded(InvalidData):
    """A size or count beyond a configured bound."""

    http_status = 413


class SyncCut(LimitExceeded):
    """A sync has received as much as one sync may. What arrived is kept, and the next sync continues after it."""


class Refused(ZonegitError):
    """A valid request that policy refuses (a commit to a mirrored zone, deleting a branch in use, ...)."""

    http_status = 403


class AlreadyThere(Refused):
    """The target of `init`, `clone`, `backup` or `plan` already exists."""

    exit_code = 4
    http_status = 409


class Conflict(ZonegitError):
    """A compare-and-swap failed: the ref has moved since it was read, or two edits touch the same RRset."""

    exit_code = 4
    http_status = 409


class MergeConflict(ZonegitError):
    """Changes that contradict each other and need a decision; `conflicts` lists them."""

    exit_code = 4
    http_status = 409

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
        """Errors of the merged zone that neither side has alone."""
        self.done = done
        """Commits that were made before the conflict, as `repo.results.Committed`."""


class NotFound(ZonegitError):
    """A zone, ref, revision, object or record that doesn't exist."""

    exit_code = 5
    http_status = 404


class BranchGone(NotFound):
    """A branch that doesn't exist, or no longer exists."""

    def __init__(self, message: str, renamed: str | None = None) -> None:
        super().__init__(message)
        self.renamed = renamed
        """Its new name, if it was renamed."""


class BaseGone(NotFound):
    """The commit that a change is based on isn't here, or was garbage-collected."""


class UnknownVersion(NotFound):
    """No branch, tag or commit has this name."""

    def __init__(self, message: str, name: str = "") -> None:
        super().__init__(message)
        self.name = name
        """The name that was looked up, if known."""


class OtherZone(NotFound):
    """The name is that of a commit of another zone."""


class StoreError(ZonegitError):
    """The store can't be used: not a repository, wrong format version, no permission."""

    http_status = 503


class NoBackup(StoreError):
    """The file to restore isn't a backup."""


class StoreFull(StoreError):
    """The disk or the map is full. Nothing was written; the same call succeeds once there is space."""

    http_status = 507


class QuotaUsedUp(StoreError):
    """A peer has used up its daily quota. Nothing was written; it can be tomorrow."""

    http_status = 507


class StoreBusy(StoreError):
    """Another process held the write lock for longer than the caller wanted to wait. Nothing was written."""

    exit_code = 4


class StoreUnfinished(StoreError):
    """The creation of a repository was interrupted. It is empty; creating it again completes it."""


class StorePanicked(StoreError):
    """A write failed halfway. This process can no longer use the store; a new process and all others can."""


class CorruptStore(StoreError):
    """Stored bytes don't match their hash, or an index contradicts the data that it was derived from."""

    exit_code = 6
    http_status = 500


class OverBudget(ZonegitError):
    """Answering a query would take more work than one query may cost; the zone may be built to cause that."""


class NotAuthorised(ZonegitError):
    """A request without a valid `Authorization`, or outside its key's scope."""

    exit_code = 7
    http_status = 401


class Forbidden(NotAuthorised):
    """A request whose key doesn't permit it for one of its zones or branches."""

    http_status = 403


class Replayed(NotAuthorised):
    """A request that was accepted before."""


class KeyFileError(ZonegitError):
    """A key file that is unsafe or malformed. The whole set is refused, and the previous one stays in use."""

    exit_code = 7


class KeyFileExists(KeyFileError):
    """The key file to be written already exists."""

    exit_code = 4
    http_status = 409


class SigningFailed(ZonegitError):
    """A commit or tag that can't be signed: the key can't be used, or ssh-keygen refused. Nothing was written."""

    exit_code = 7


class Unreachable(ZonegitError):
    """The peer didn't answer, or stopped halfway. Safe to try again."""

    exit_code = 8
    http_status = 502


class TransferError(ZonegitError):
    """A zone transfer that failed: what the primary sent is malformed, contradictory or not what was asked for.

    The zone stays as it is.
    """

    result = "invalid"
    """The kind of failure, for metrics."""
    http_status = 502


class TransferInterrupted(TransferError):
    """The primary can't be reached, is silent or too slow, or ends the connection in the middle of an answer."""

    exit_code = 8
    result = "unreachable"


class TransferRefused(TransferError):
    """The primary answered with an error: an rcode, or one of TSIG's (RFC 8945 §3)."""

    exit_code = 7
    result = "refused"


class TransferForged(TransferError):
    """A message whose TSIG is missing or doesn't verify, or a server whose certificate doesn't."""

    exit_code = 7
    result = "forged"


class TransferTooLarge(TransferError):
    """A transfer beyond a configured bound: of records, bytes or seconds."""

    result = "too_large"


class DifferenceUnfit(TransferError):
    """Differences that don't fit the zone, which an IXFR answer brought. A transfer of the whole zone may help."""

    result = "unfit"


class SerialBehind(TransferError):
    """The primary's serial isn't ahead of the zone's (RFC 1982), so that secondaries wouldn't take its version."""

    result = "behind"
