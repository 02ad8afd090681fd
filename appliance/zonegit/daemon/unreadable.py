"""A zone that is here and can't be read: it is answered SERVFAIL, since REFUSED would say that it isn't here."""

from typing import NoReturn

from zonegit.errors import CorruptStore
from zonegit.model.ids import ObjectId, short
from zonegit.model.names import OwnerKey, WireName, to_text


class UnreadableVersion:
    """The `ZoneVersion` of a commit whose own objects are damaged or gone."""

    def __init__(self, apex: WireName, commit: ObjectId) -> None:
        self.apex = apex
        self.commit = commit

    @property
    def serial(self) -> int:
        self._fail()

    def at(self, _owner: OwnerKey) -> bytes | None:
        self._fail()

    def before(self, _owner: OwnerKey) -> tuple[OwnerKey, bytes] | None:
        self._fail()

    def after(self, _owner: OwnerKey) -> OwnerKey | None:
        self._fail()

    def _fail(self) -> NoReturn:
        raise CorruptStore(f"commit {short(self.commit)} of {to_text(self.apex)} can't be read; run `zonegit fsck`")
