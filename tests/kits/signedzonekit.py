"""Zones signed by BIND's and ldns' signers, in any algorithm and chain of denial, and trees of them."""

import re
import subprocess
from base64 import b64decode
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric import ed25519

from treekit import SHAPES, Objects
from zonegit.dnssec.private_key import PrivateKey
from zonegit.model.names import WireName
from zonegit.model.rrset import RRKey
from zonegit.tree.build import build
from zonegit.tree.edit import edit
from zonegit.tree.zone_tree import Tree
from zonegit.zonefile.reader import read_zone

ALGORITHMS = {8: "RSASHA256", 13: "ECDSAP256SHA256", 14: "ECDSAP384SHA384", 15: "ED25519"}
CHAINS = ("nsec", "nsec3", "optout")
DAY = 86_400
_BIND_CHAIN = {"nsec": (), "nsec3": ("-3", "-", "-H", "0"), "optout": ("-3", "-", "-H", "0", "-A")}
_LDNS_CHAIN = {"nsec": (), "nsec3": ("-n", "-t", "0"), "optout": ("-n", "-t", "0", "-p")}

Find = Callable[[str], str]
"""`needs_program`."""


Zone = dict[RRKey, bytes]
"""Stored RRsets."""


class SignedZone(NamedTuple):
    """A zone as it is served."""

    apex: WireName
    serial: int
    entries: list[tuple[RRKey, bytes]]


def read(text: str) -> SignedZone:
    zone = read_zone(BytesIO(text.encode()), name="zone", origin=None)
    return SignedZone(zone.apex, zone.serial, zone.entries)


def tree_of(entries: Iterable[tuple[RRKey, bytes]], objects: Objects | None = None) -> Tree:
    """The tree of these entries; with `objects` it shares their nodes."""
    objects = objects or Objects()
    return Tree(objects.nodes, objects.take(build(SHAPES[0], entries)).root)


def edited(tree: Tree, zone: Zone, changed: Zone, objects: Objects) -> Tree:
    """The tree of a zone, made one of another; `InvalidObject` if records are so damaged that none can be made."""
    edits = [(key, changed.get(key)) for key in zone.keys() | changed.keys() if zone.get(key) != changed.get(key)]
    return tree._replace(root=objects.take(edit(tree.nodes, tree.root, SHAPES[0], edits)).root)


class Keys(NamedTuple):
    """Key files as BIND writes them, which ldns reads, too."""

    directory: Path
    ksk: str
    zsk: str
    """Empty: the KSK signs everything."""


def make_keys(find: Find, directory: Path, apex: str, algorithm: int = 13, *, split: bool = False) -> Keys:
    """A CSK, or a KSK and a ZSK."""
    directory.mkdir(parents=True, exist_ok=True)
    options = ["-q", "-a", ALGORITHMS[algorithm], *(("-b", "2048") if algorithm == 8 else ()), "-n", "ZONE"]
    keygen = find("dnssec-keygen")
    ksk = run(directory, keygen, *options, "-f", "KSK", apex).strip()
    return Keys(directory, ksk, run(directory, keygen, *options, apex).strip() if split else "")


def sign_with_bind(find: Find, keys: Keys, text: str, apex: str, chain: str, now: int) -> str:
    """By dnssec-signzone, with absolute names. Signatures are valid from a day before `now` on, for eleven days."""
    (keys.directory / "zone").write_text(text)
    options = ["-q", "-P", "-Q", "-O", "full", "-o", apex, "-f", "signed", *_BIND_CHAIN[chain], "-S", "-K", "."]
    options += ["-s", stamp(now - DAY), "-e", stamp(now + 10 * DAY), "-x" if keys.zsk else "-z"]
    run(keys.directory, find("dnssec-signzone"), *options, "zone", *filter(None, (keys.ksk, keys.zsk)))
    return (keys.directory / "signed").read_text()


def sign_with_ldns(find: Find, keys: Keys, text: str, apex: str, chain: str, now: int, *more: str) -> str:
    """By ldns-signzone, likewise. It can't write names with quotes, so that nobody can read them."""
    (keys.directory / "zone").write_text(text)
    options = ["-o", apex, "-f", "signed", *_LDNS_CHAIN[chain], "-i", stamp(now - DAY), "-e", stamp(now + 10 * DAY)]
    run(keys.directory, find("ldns-signzone"), *options, *more, "zone", *filter(None, (keys.ksk, keys.zsk)))
    return (keys.directory / "signed").read_text()


def stamp(seconds: int) -> str:
    """A time as RRSIG records show it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y%m%d%H%M%S")


def run(directory: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=directory, check=False, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def ed25519_key(keys: Keys, name: str) -> PrivateKey:
    """The private key of algorithm 15 in one of these files."""
    text = (keys.directory / f"{name}.private").read_text()
    (secret,) = re.findall(r"^PrivateKey: (\S+)$", text, re.MULTILINE)
    return PrivateKey(ed25519.Ed25519PrivateKey.from_private_bytes(b64decode(secret)))
