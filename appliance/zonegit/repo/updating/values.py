"""What an UPDATE asks for (RFC 2136), who may have what updated, and what came of it."""

from enum import Enum, IntEnum, StrEnum
from typing import NamedTuple

from zonegit.model.names import Owner, WireName, labels, to_text
from zonegit.repo.results import Committed


class UpdateRcode(IntEnum):
    """The response codes of an UPDATE that was read and whose sender is known (RFC 2136 §2.2)."""

    NOERROR = 0
    FORMERR = 1
    NXDOMAIN = 3
    REFUSED = 5
    YXDOMAIN = 6
    YXRRSET = 7
    NXRRSET = 8
    NOTAUTH = 9
    NOTZONE = 10


class Form(StrEnum):
    """The prerequisites of RFC 2136 §2.4 and the operations of §2.5, by their names there."""

    RRSET_EXISTS = "RRset exists (value independent)"
    RRSET_EXISTS_WITH_VALUE = "RRset exists (value dependent)"
    RRSET_DOES_NOT_EXIST = "RRset does not exist"
    NAME_IS_IN_USE = "name is in use"
    NAME_IS_NOT_IN_USE = "name is not in use"
    ADD_TO_RRSET = "add to an RRset"
    DELETE_RRSET = "delete an RRset"
    DELETE_ALL_RRSETS = "delete all RRsets from a name"
    DELETE_RR = "delete an RR from an RRset"


class Prerequisite(NamedTuple):
    """One record of the prerequisite section. Those of one RRset with a value count together."""

    form: Form
    owner: Owner
    rtype: int
    """ANY where the form is about a name."""
    rdata: bytes | None = None
    """Canonical; None unless the form has a value."""


class Operation(NamedTuple):
    """One record of the update section."""

    form: Form
    owner: Owner
    rtype: int
    """ANY for `DELETE_ALL_RRSETS`."""
    ttl: int = 0
    """Seconds, for `ADD_TO_RRSET`."""
    rdata: bytes | None = None
    """Canonical, for `ADD_TO_RRSET` and `DELETE_RR`; None for the others."""


class Fault(NamedTuple):
    """A record that ends the processing of a message once it is reached: those before it count first."""

    rcode: UpdateRcode
    """FORMERR or NOTZONE."""
    why: str


class Update(NamedTuple):
    """An UPDATE message, in its order. Only the last element of each section may be a `Fault`."""

    apex: WireName
    """Lowercase."""
    prerequisites: tuple[Prerequisite | Fault, ...] = ()
    operations: tuple[Operation | Fault, ...] = ()


class Wild(Enum):
    """What stands for labels in a pattern."""

    ONE = "*"
    MANY = "**"
    """Any number of labels, and none, too."""


class OwnerPattern(NamedTuple):
    """Owners, as labels from left to right; the apex is the pattern without any."""

    labels: tuple[bytes | Wild, ...]
    """Lowercase."""

    def matches(self, owner: Owner) -> bool:
        """Whether an owner is one of these. Takes no longer than labels times labels."""
        wanted, found = self.labels, labels(owner)
        at = here = 0
        back = resumed = -1  # where the last `**` is, and which label follows those that it stands for so far
        while here < len(found):
            if at < len(wanted) and wanted[at] is Wild.MANY:
                back, resumed, at = at, here, at + 1
            elif at < len(wanted) and wanted[at] in (Wild.ONE, found[here]):
                at, here = at + 1, here + 1
            elif back >= 0:
                resumed += 1
                at, here = back + 1, resumed
            else:
                return False
        return all(each is Wild.MANY for each in wanted[at:])

    def __str__(self) -> str:
        return ".".join(_label_text(each) for each in self.labels) or "@"


def _label_text(label: bytes | Wild) -> str:
    from zonegit.model.names import join, owner_text

    if isinstance(label, Wild):
        return label.value
    text = owner_text(join([label]))
    return f"\\{text}" if text in ("*", "**") else text


def key_text(key: WireName) -> str:
    """A TSIG key's name as operators write it: without its final dot."""
    return to_text(key).removesuffix(".")


class UpdateRule(NamedTuple):
    """What one key may have updated."""

    key: WireName
    """The TSIG key's name, lowercase."""
    owners: OwnerPattern
    types: frozenset[int] | None = None
    """None: all that can be updated."""

    def allows(self, key: WireName, owner: Owner, rtype: int) -> bool:
        """Whether the rule lets a key update records of a type at an owner."""
        return key == self.key and (self.types is None or rtype in self.types) and self.owners.matches(owner)


class UpdatePolicy(NamedTuple):
    """How UPDATEs of a zone are treated."""

    rules: tuple[UpdateRule, ...]
    """One that allows it is enough."""
    strict: frozenset[str] = frozenset()
    """Checks whose warnings refuse an UPDATE, as they refuse other commits."""
    coalesce: float | None = None
    """Seconds within which the UPDATEs of one key become one commit; None: each is a commit."""

    def knows(self, key: WireName) -> bool:
        """Whether a key may have anything updated."""
        return any(rule.key == key for rule in self.rules)

    def types_at(self, key: WireName, owner: Owner) -> frozenset[int] | None:
        """The types that a key may update at an owner; None: all. Looks at every rule: ask once for each owner."""
        every: set[int] = set()
        for rule in self.rules:
            if rule.key == key and rule.owners.matches(owner):
                if rule.types is None:
                    return None
                every |= rule.types
        return frozenset(every)


class Asked(NamedTuple):
    """An UPDATE whose signature was verified."""

    update: Update
    key: WireName
    """The TSIG key's name, lowercase."""
    when: int
    """When it came, in Unix seconds."""


class Done(NamedTuple):
    """What came of an UPDATE."""

    rcode: UpdateRcode
    committed: Committed | None = None
    """The commit; None if nothing changed or it was refused."""
    why: str = ""
    """One line for the log if it was refused."""
