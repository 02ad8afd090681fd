"""Signaling records (RFC 9615) between the zones of one repository.

A zone that waits for its first DS notes, for each zone that has names of its name servers, what that one is to
publish for it. Notes are settings of the repository: `dnssec-signal/HOST CHILD`.
"""

import json
from collections.abc import Collection, Iterator
from typing import Final

from zonegit.dnssec.rollover.machine import PublishedKeys
from zonegit.dnssec.rollover.state import State
from zonegit.dnssec.rollover.table import Kind
from zonegit.dnssec.signing.bootstrap import Bootstrapped, signaling_name
from zonegit.model.names import APEX_KEY, WireName, suffixes, to_text
from zonegit.model.rdata import NS
from zonegit.model.refs import RefKind
from zonegit.model.rrset import RRKey, rdatas, rr_key
from zonegit.repo.results import Position
from zonegit.store.port import Reader, Store
from zonegit.tree.zone_tree import Tree

_SIGNAL: Final = "dnssec-signal/"
_HOSTS: Final = "dnssec-hosts/"
"""In front of a child's name: the setting with the zones that it has notes for."""
_NEWS: Final = "dnssec-news/"
"""In front of a host's name: a note has come or gone since it was looked at."""
_ADDED: Final = "dnssec-added/"
"""In front of zone and branch: the setting with the keys of RRsets that versions may have beside their content."""


def bootstrapped(state: State, wanted: PublishedKeys, zone: Tree, ttl: int) -> Bootstrapped | None:
    """What other zones are to publish for a zone; None once it has a DS, and before it may have one."""
    if state.process is None or state.process.kind is not Kind.ENABLE or not wanted.cds:
        return None
    servers = zone.payload(rr_key(APEX_KEY, NS))
    names = tuple(map(WireName, rdatas(servers))) if servers else ()
    return Bootstrapped(state.apex, names, wanted.cds, wanted.cdnskeys, ttl)


def announce(store: Store, child: str, wanted: Bootstrapped | None) -> None:
    """Note what other zones of the repository are to publish for a zone (canonical name)."""
    with store.read() as reader:
        before = reader.setting(_HOSTS + child)
        if wanted is None and before is None:
            return
        notes = dict(_notes(reader, child, wanted)) if wanted else {}
        hosts = json.dumps(sorted(notes)).encode() if notes else None
        old = set(json.loads(before)) if before else set()
        changed = [host for host in notes.keys() | old if reader.setting(_name(host, child)) != notes.get(host)]
    if changed or hosts != before:
        with store.write() as writer:
            for host in changed:
                writer.set_setting(_name(host, child), notes.get(host))
                writer.set_setting(_NEWS + host, b"1")
            writer.set_setting(_HOSTS + child, hosts)


def announced(reader: Reader, host: str) -> Iterator[Bootstrapped]:
    """The zones for which a zone (canonical name) is to publish signaling records."""
    for _, value in reader.settings(_name(host, "")):
        table = json.loads(value)
        names, cds, cdnskeys = (
            tuple(map(bytes.fromhex, table[each])) for each in ("name_servers", "cds", "cdnskeys")
        )
        yield Bootstrapped(
            WireName(bytes.fromhex(table["apex"])), tuple(map(WireName, names)), cds, cdnskeys, table["ttl"]
        )


def hosts_with_news(reader: Reader) -> Iterator[str]:
    """The zones that have to be looked at, since a note for them has come or gone."""
    return (name.removeprefix(_NEWS) for name, _ in reader.settings(_NEWS))


def take_news(store: Store, host: str) -> None:
    """A zone is looked at now: what comes from now on is news again."""
    with store.read() as reader:
        if reader.setting(_NEWS + host) is None:
            return
    with store.write() as writer:
        writer.set_setting(_NEWS + host, None)


def noted_additions(reader: Reader, place: Position) -> frozenset[RRKey]:
    """The keys of RRsets that the versions of a branch may have as additions."""
    value = reader.setting(_added(place))
    return frozenset(RRKey(bytes.fromhex(key)) for key in json.loads(value)) if value else frozenset()


def note_additions(store: Store, place: Position, keys: Collection[RRKey]) -> None:
    """Keep them; it is done before a version with them is published."""
    value = json.dumps(sorted(key.hex() for key in keys)).encode() if keys else None
    with store.read() as reader:
        if reader.setting(_added(place)) == value:
            return
    with store.write() as writer:
        writer.set_setting(_added(place), value)


def _notes(reader: Reader, child: str, wanted: Bootstrapped) -> Iterator[tuple[str, bytes]]:
    table = {
        "apex": wanted.apex.hex(),
        "name_servers": [name.hex() for name in wanted.name_servers],
        "cds": [rdata.hex() for rdata in wanted.cds],
        "cdnskeys": [rdata.hex() for rdata in wanted.cdnskeys],
        "ttl": wanted.ttl,
    }
    value = json.dumps(table, sort_keys=True).encode()
    for server in wanted.name_servers:
        name = signaling_name(wanted.apex, server)
        host = _zone_of(reader, name) if name else None
        if host is not None and host != child:
            yield host, value


def _zone_of(reader: Reader, name: WireName) -> str | None:
    """The zone of the repository that a name is in."""
    for suffix in suffixes(name):
        zone = to_text(suffix)
        if any(True for _ in reader.refs(f"refs/{RefKind.HEAD}/{zone}/", lambda _: None)):
            return zone
    return None


def _name(host: str, child: str) -> str:
    return f"{_SIGNAL}{host} {child}"


def _added(place: Position) -> str:
    return f"{_ADDED}{place.zone}/{place.branch}"
