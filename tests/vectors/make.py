"""Writes objects.json beside this file: golden bytes of every object kind, of keys, a tree, the ref index, a view.

Run `python tests/vectors/make.py` only to add a vector. Once a format version is released its bytes never change:
a difference in a line that stood there before is a bug in the code, not in the file.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from zonegit.model.commit import Commit, Stamp, Tag
from zonegit.model.ids import ObjectId, object_id
from zonegit.model.names import Owner, join, owner_key, to_text
from zonegit.model.node import encode_inner, encode_leaf, encode_rrset, make_stub
from zonegit.model.refs import RefName, head, tag
from zonegit.model.rrset import RRset
from zonegit.model.zone import Shape, Zone
from zonegit.store.port import RefLogEntry
from zonegit.store.refindex import RefIndex
from zonegit.store.reflog import encode_entry
from zonegit.tree.build import build
from zonegit.tree.version import block_item

FILE = Path(__file__).with_name("objects.json")

SALT = bytes(range(32))
ADA = Stamp("Ada Lovelace <ada@example.org>", 1767225600, 60)
BOB = Stamp("Bob <bob@example.org>", 1767229200, -210)

SOA = RRset.of(Owner(b""), 6, 3600, [b"\2ns\7example\3org\0\5admin\7example\3org\0" + bytes(8) + b"\0\0\1\x2c" * 3])
NS = RRset.of(Owner(b""), 2, 3600, [b"\2NS\7Example\3org\0", b"\2ns\7example\3net\0"])
WWW = RRset.of(join([b"www"]), 1, 300, [b"\xc0\0\2\2", b"\xc0\0\2\1"])
WILD = RRset.of(join([b"*", b"a\0\1b"]), 16, 0, [b"\5hello\5world"])
SIG = RRset.of(Owner(b""), 46, 0, [b"\0\6\x0f\2\0\0\x0e\x10" + bytes(10) + b"\7example\3org\0" + b"\xaa" * 8])
MANY = RRset.of(join([b"many"]), 1, 60, [bytes((10, 0, 0, n)) for n in range(50)])


def objects() -> dict[str, bytes]:
    """Name -> bytes, children before parents."""
    large = encode_rrset(MANY.encode())
    stub = make_stub(MANY.key, MANY.owner, 50, object_id(large))
    first = encode_leaf([NS.encode(), SOA.encode(), SIG.encode()])
    second = encode_leaf([WILD.encode(), stub, WWW.encode()])
    inner = encode_inner(1, [SIG.key, WWW.key], [object_id(first), object_id(second)], [4, 53])
    zone = Zone(object_id(inner), Shape(SALT), 57).encode()
    oid = object_id(zone)
    root = Commit(oid, (), "example.org.", 2026112001, 1, ADA, ADA, "import: example.org.zone\n").encode()
    extra = (("signature", "ed25519 not-a-real-one"),)
    child = Commit(oid, (object_id(root),), "example.org.", 1 << 32, 2, ADA, BOB, "zwölf\n\nmore\n", extra)
    return {
        "rrset": large,
        "leaf": first,
        "leaf with a stub": second,
        "leaf of an empty zone": encode_leaf(()),
        "inner node": inner,
        "zone": zone,
        "commit": root,
        "commit with a parent and a further header": child.encode(),
        "tag": Tag(object_id(root), "example.org.", "v1", BOB, "first\n").encode(),
    }


def owners() -> Iterator[Owner]:
    """In canonical order."""
    yield Owner(b"")
    yield from map(join, [[b"\0"], [b"\1"], [b"\2"], [b"*"], [b"a"], [b"x", b"a"], [b"a\0"], [b"a-b"], [b"\xff"]])


def refs() -> dict[RefName, ObjectId]:
    found = {head(f"z{n}.example.", "main"): ObjectId(bytes((n,)) * 32) for n in range(40)}
    return {**found, tag("z0.example.", "v1"): ObjectId(bytes(32))}


def tree() -> dict[str, str]:
    """The root of 2,000 flat names, under two shapes: where nodes end is part of the format."""
    owners = (join([b"host%d" % n]) for n in range(2000))
    entries = sorted((RRset.of(owner, 1, 300, [b"\xc0\0\2\1"]).key, owner) for owner in owners)
    rrsets = [(key, RRset.of(owner, 1, 300, [b"\xc0\0\2\1"]).encode()) for key, owner in entries]
    return {
        "shipped sizes": build(Shape(SALT), rrsets).root.hex(),
        "small nodes": build(Shape(SALT, 64, 128, 256), rrsets).root.hex(),
    }


def index() -> dict[str, object]:
    found = RefIndex({})
    for name, oid in refs().items():
        found.set(name, oid)
    return {
        "refs": {name: oid.hex() for name, oid in refs().items()},
        "root": found.root.hex(),
        "buckets": {f"{bucket.prefix:02x}": bucket.digest.hex() for bucket in found.buckets()},
    }


def vectors() -> dict[str, object]:
    entry = RefLogEntry(None, ObjectId(SALT), BOB, "import: example.org.zone")
    return {
        "objects": {name: {"id": object_id(data).hex(), "hex": data.hex()} for name, data in objects().items()},
        "owner keys": {to_text(owner): owner_key(owner).hex() for owner in owners()},
        "trees": tree(),
        "ref index": index(),
        "reflog entry": encode_entry(entry).hex(),
        "apex block with serial 7": b"".join(block_item(rrset.encode(), 7) for rrset in (NS, SOA, SIG)).hex(),
    }


if __name__ == "__main__":
    FILE.write_text(json.dumps(vectors(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
