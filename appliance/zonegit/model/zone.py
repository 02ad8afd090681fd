"""The `zone` object: the root of one version of a zone's content, with what its tree was built by.

zone = header | tree id 32 | salt 32 | min u16 | target u16 | max u16 | records u64
"""

from struct import Struct
from typing import Final, NamedTuple

from zonegit.errors import InvalidObject
from zonegit.model.ids import HEADER_SIZE, Kind, ObjectId, header, kind_of

SALT_SIZE: Final = 32
_BODY: Final = Struct(">32s32sHHHQ")


class Shape(NamedTuple):
    """What decides where the nodes of a zone's tree end: sizes in bytes, and the zone's own salt."""

    salt: bytes
    smallest: int = 320
    target: int = 1280
    largest: int = 1900


class Zone(NamedTuple):
    """Content without a history: equal content under one salt has one id."""

    tree: ObjectId
    shape: Shape
    records: int

    def encode(self) -> bytes:
        shape = self.shape
        return header(Kind.ZONE) + _BODY.pack(
            self.tree, shape.salt, shape.smallest, shape.target, shape.largest, self.records
        )

    @classmethod
    def decode(cls, data: bytes) -> "Zone":
        if kind_of(data) is not Kind.ZONE or len(data) != HEADER_SIZE + _BODY.size or data[2]:
            raise InvalidObject("zone object is not in canonical form")
        tree, salt, smallest, target, largest, records = _BODY.unpack_from(data, HEADER_SIZE)
        if not 64 <= smallest <= target <= largest <= 16384:
            raise InvalidObject(
                f"zone object has node sizes {smallest}, {target}, {largest}; expected rising, 64 to 16384"
            )
        return cls(ObjectId(tree), Shape(salt, smallest, target, largest), records)
