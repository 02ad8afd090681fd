"""The same zones in zonegitd, BIND, NSD and Knot DNS, the same questions to all, and what the answers differ in.

Compared are rcode, AA and TC, and each section as a set of records, on every point on which the three peers agree.
"""

import re
import subprocess
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from random import Random
from typing import NamedTuple

from daemonkit import Daemon
from differzones import DEPTH, LABELS, MadeZone
from peerkit import UDP_SIZE, running
from zonegit.model.names import from_text, lower, to_text
from zonegit.model.rdata import CNAME, DS, NSEC, RRSIG, name_end
from zonegit.repo import Repository
from zonegit.zonefile.reader import read_zone

RR = tuple[bytes, int, int, bytes]
"""Lowercase owner, type, TTL, RDATA with its names whole and lowercase."""
TYPES = {
    "A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "MX": 15, "TXT": 16, "AAAA": 28, "SRV": 33, "DNAME": 39, "DS": 43,
    "RRSIG": 46, "NSEC": 47, "DNSKEY": 48, "NSEC3": 50, "NSEC3PARAM": 51, "HTTPS": 65, "ANY": 255, "CAA": 257,
    "TYPE999": 999,
}  # fmt: skip
_NAMES = {2: (0, 1), 5: (0, 1), 6: (0, 2), 12: (0, 1), 15: (2, 1), 33: (6, 1), 39: (0, 1)}
"""Bytes before the names in RDATA, and how many names."""
_COMMON = (1, 2, 5, 16, 43, 255, 15, 999, 39, 6, 65, 46, 47, 50, 28, 51, 48)
_SIGN = {
    "nsec": (),
    "nsec3": ("-3", "AABB", "-H", "3"),
    "optout": ("-3", "-", "-H", "0", "-A"),
}


class Read(NamedTuple):
    """A response as it is compared."""

    rcode: int
    aa: bool
    tc: bool
    answer: frozenset[RR]
    authority: frozenset[RR]
    additional: frozenset[RR]


def read(packet: bytes) -> Read:
    """A response's parts; OPT is taken in, names are lowercase."""
    counts = [int.from_bytes(packet[at : at + 2], "big") for at in (4, 6, 8, 10)]
    rcode = packet[3] & 15
    at = 12
    for _ in range(counts[0]):
        at = _name(packet, at)[1] + 4
    sections = []
    for count in counts[1:]:
        records = []
        for _ in range(count):
            owner, at = _name(packet, at)
            rtype = packet[at] << 8 | packet[at + 1]
            ttl = int.from_bytes(packet[at + 4 : at + 8], "big")
            start = at + 10
            at = start + int.from_bytes(packet[at + 8 : start], "big")
            if rtype == 41:
                rcode |= ttl >> 24 << 4
                continue
            records.append((owner, rtype, ttl, _rdata(packet, start, at, rtype)))
        sections.append(frozenset(records))
    assert at == len(packet), "bytes behind the records"
    return Read(rcode, bool(packet[2] & 4), bool(packet[2] & 2), *sections)


def _name(packet: bytes, at: int) -> tuple[bytes, int]:
    """A name in lowercase, and where it ends."""
    parts = []
    end = 0
    while label := packet[at]:
        if label >= 0xC0:
            end = end or at + 2
            target = (label & 0x3F) << 8 | packet[at + 1]
            assert target < at, "a pointer that leads on"
            at = target
        else:
            parts.append(packet[at : at + 1 + label])
            at += 1 + label
    return lower(b"".join(parts) + b"\0"), end or at + 1


def _rdata(packet: bytes, start: int, end: int, rtype: int) -> bytes:
    if rtype not in _NAMES:
        return packet[start:end]
    skip, names = _NAMES[rtype]
    out = packet[start : start + skip]
    start += skip
    for _ in range(names):
        name, start = _name(packet, start)
        out += name
    return out + packet[start:end]


class Question(NamedTuple):
    name: str
    rtype: int
    do: bool
    size: int = UDP_SIZE

    def packet(self) -> bytes:
        opt = b"\0\0\x29" + self.size.to_bytes(2, "big") + bytes((0, 0, 0x80 if self.do else 0, 0, 0, 0))
        head = b"\0\0\0\0\0\1\0\0\0\0\0\1"
        return head + from_text(self.name) + self.rtype.to_bytes(2, "big") + b"\0\1" + opt

    def __str__(self) -> str:
        return f"{self.name} TYPE{self.rtype}{' +dnssec' if self.do else ''} +bufsize={self.size}"


def questions(zone: MadeZone, seed: int, per_name: int) -> list[Question]:
    """All names of the zone and all that its few labels make, with every type that stands there and some more."""
    rng = Random(f"questions {seed} {zone.apex}")
    names = dict.fromkeys(rel for depth in range(DEPTH + 1) for rel in product(LABELS, repeat=depth))
    names.update(dict.fromkeys(zone.records))
    names.update({("x", *rel): None for rel in zone.records})
    found = []
    for rel in names:
        text = zone.name(rel)
        try:
            from_text(text)
        except ValueError:
            continue
        held = dict.fromkeys(TYPES[rtype] for rtype, _ in zone.records.get(rel, ()))
        types = [*held, *rng.choices(_COMMON, weights=range(len(_COMMON), 0, -1), k=per_name)]
        for rtype in dict.fromkeys(types):
            do = rng.random() < (0.5 if zone.mode == "plain" else 0.8)
            size = 512 if not do and rng.random() < 0.1 else UDP_SIZE
            found.append(Question(text, rtype, do, size))
    return found


def hashed_questions(path: Path) -> list[Question]:
    """For some hashed owners of a signed zone and names below them: they are no names (RFC 5155 §7.2.8)."""
    owners = re.findall(r"^([0-9A-Z]{32}\.\S+)\s.*\sNSEC3\s", path.read_text(), re.MULTILINE)
    names = [label + owner for owner in owners[:6] for label in ("", "x.", "*.")]
    return [
        Question(name, rtype, do) for name in names for rtype in (1, 5, 16, 46, 50, 255) for do in (False, True)
    ]


def differences(ours: Read, theirs: Sequence[Read], name: bytes, inside: Callable[[bytes], bool]) -> list[str]:
    """The points on which the peers agree and we don't. `inside`: whether a name belongs to the question's zone."""
    found = []
    spare = frozenset(rr for rr in ours.authority if _shows_empty_wildcard(rr, name))
    spare |= {rr for rr in ours.authority if rr[1] == RRSIG and rr[0] in {owner for owner, *_ in spare}}
    if len({peer.tc for peer in theirs}) > 1:
        return found
    points = ("rcode", "aa", "tc") if len({peer.answer for peer in theirs}) == 1 else ("rcode", "aa")
    for point in points if len({peer.rcode for peer in theirs}) == 1 else ():
        values = {getattr(peer, point) for peer in theirs}
        if len(values) == 1 and values != {getattr(ours, point)}:
            found.append(point)
    if theirs[0].tc or ours.tc:
        return found
    for point in ("answer", "authority"):
        sections = {_without_hints(peer, point) for peer in theirs}
        mine = _without_hints(ours, point)
        if len(sections) == 1 and not all(section <= mine and mine - section <= spare for section in sections):
            found.append(point)
    additional = {peer.additional for peer in theirs}
    if len(additional) == 1 and len({peer.answer for peer in theirs}) == 1:
        (agreed,) = additional
        beyond = _behind_aliases(ours.additional, inside)
        if agreed - ours.additional or any(
            inside(rr[0]) and rr[0] not in beyond for rr in ours.additional - agreed
        ):
            found.append("additional")  # only zonegitd gives addresses from other zones that it holds
    return found


def _behind_aliases(additional: frozenset[RR], inside: Callable[[bytes], bool]) -> set[bytes]:
    """The names that aliases in other zones lead to, back into the question's zone perhaps."""
    aliases = {owner: rdata for owner, rtype, _, rdata in additional if rtype == CNAME}
    found = {target for owner, target in aliases.items() if not inside(owner)}
    for _ in aliases:
        found |= {aliases[name] for name in found & aliases.keys()}
    return found


def _shows_empty_wildcard(rr: RR, name: bytes) -> bool:
    """Whether an NSEC's next name is below a wildcard beside `name` or its ancestors: the wildcard is there, then.

    The peers leave this proof out, and their denials incomplete (RFC 4035 §3.1.3.4).
    """
    below = rr[3][: name_end(rr[3], 0)] if rr[1] == NSEC else b"\0"
    while below[0]:
        below = below[1 + below[0] :]
        if below.startswith(b"\1*") and name.endswith(below[2:]):
            return True
    return False


def leads_out(ours: Read, apex: bytes | None, apexes: Collection[bytes], qtype: int) -> bool:
    """Whether an alias led into another zone: only zonegitd and NSD go on there, each in its own way.

    The DS of an apex is in the zone above it (RFC 4035 §3.1.4.1), which only zonegitd heeds behind an alias.
    """
    targets = [rdata for _, rtype, _, rdata in ours.answer if rtype == CNAME]
    return any(home(target, apexes) not in (apex, None) or (qtype == DS and target in apexes) for target in targets)


def home(name: bytes, apexes: Collection[bytes]) -> bytes | None:
    """The longest apex at or above a wire name."""
    while name not in apexes:
        if not name[0]:
            return None
        name = name[1 + name[0] :]
    return name


def _without_hints(answer: Read, point: str) -> frozenset[RR]:
    """A section without the apex NS that some servers add to full answers."""
    section: frozenset[RR] = getattr(answer, point)
    if point == "authority" and answer.aa and answer.answer:
        apexes = {rr[0] for rr in section if rr[1] == 2}
        if apexes and not any(rr[1] == 6 for rr in section):
            return frozenset(rr for rr in section if rr[1] != 2 and (rr[1], rr[3][:2]) != (46, b"\0\2"))
    return section


def table(answers: Sequence[tuple[str, Read]]) -> str:
    """What several servers answer, for people: each record behind the names of those who sent it."""
    lines = [f"  {who}: rcode {a.rcode}{' AA' if a.aa else ''}{' TC' if a.tc else ''}" for who, a in answers]
    for section in ("answer", "authority", "additional"):
        held = [(who, getattr(answer, section)) for who, answer in answers]
        for owner, rtype, ttl, rdata in sorted(frozenset[RR]().union(*(records for _, records in held))):
            who = [who for who, records in held if (owner, rtype, ttl, rdata) in records]
            value = to_text(rdata) if rtype in (2, 5, 39) else rdata.hex()
            among = "all" if len(who) == len(held) else ",".join(who)
            lines.append(f"  {section:10} {among:20} {to_text(owner)} {ttl} TYPE{rtype} {value[:80]}")
    return "\n".join(lines)


def write_zones(zones: Iterable[MadeZone], directory: Path, signzone: str, keygen: str) -> dict[str, Path]:
    """A file for each zone, signed as its mode says."""
    directory.mkdir()
    found = {}
    for number, zone in enumerate(zones):
        path = directory / f"zone{number}"
        path.write_text(zone.text())
        if zone.mode != "plain":
            key = _run(directory, keygen, "-q", "-a", "ED25519", "-f", "KSK", "-n", "ZONE", zone.apex).strip()
            signed = directory / f"signed{number}"
            options = [*_SIGN[zone.mode], "-o", zone.apex, "-f", str(signed)]
            options += ["-q", "-z", "-P", "-Q", "-S", "-K", ".", "-O", "full"]
            _run(directory, signzone, *options, str(path), key)
            path = signed
        found[zone.apex] = path
    return found


def _run(directory: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=directory, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def serving(directory: Path, files: dict[str, Path], programs: dict[str, str]) -> Iterator[list[int]]:
    """Ports of zonegitd and of each peer, in this order, all with these zones."""
    repo = directory / "repo"
    with Repository.init(repo) as repository:
        for name, path in files.items():
            with path.open("rb") as stream:
                repository.import_zone(read_zone(stream, name=path.name, origin=from_text(name)), source=path.name)
    config = directory / "zonegit.toml"
    config.write_text(f"[dns]\nudp_size = {UDP_SIZE}\n")
    daemon = Daemon.start(repo, "--config", config)
    try:
        with _peers(directory, files, list(programs.items())) as ports:
            yield [daemon.port(), *ports]
    finally:
        daemon.stop()


@contextmanager
def _peers(directory: Path, files: dict[str, Path], programs: list[tuple[str, str]]) -> Iterator[list[int]]:
    if not programs:
        yield []
        return
    name, program = programs[0]
    with running(name, program, directory / name, files) as port, _peers(directory, files, programs[1:]) as others:
        yield [port, *others]
