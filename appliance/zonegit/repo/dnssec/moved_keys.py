"""Takes over the keys of a zone that was signed elsewhere, or brings lost ones back: all of them, or none."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from zonegit.dnssec.private_key import tag_of
from zonegit.dnssec.rollover.machine import imported_state
from zonegit.dnssec.rollover.state import from_json, to_json
from zonegit.dnssec.rollover.values import ManagedKey, Role
from zonegit.errors import DnssecError
from zonegit.model.names import parse_apex
from zonegit.repo.dnssec.key_directory import ZoneKeys
from zonegit.repo.dnssec.key_files import foreign


class KeyFile(NamedTuple):
    """A private key as it was found elsewhere."""

    name: str
    """Of the file, for messages."""
    private: bytes
    public: bytes | None
    """The text of BIND's `.key`."""
    role: Role

    def __repr__(self) -> str:
        return f"<key file {self.name}>"


def import_keys(keys: ZoneKeys, files: Sequence[KeyFile], now: int, others: Collection[bytes]) -> list[ManagedKey]:
    """Import keys, and begin the zone's key state with them; if there is one, they must be keys that it lacks.

    `others`: the RDATA of the zone's DNSKEY records. A file that is here already counts as imported, so that the
    call can be repeated. `DnssecError`.
    """
    with keys.locked():
        data, here = keys.read_state(), keys.dnskeys()
        known = {held.key.dnskey: held.key for held in from_json(data).keys} if data is not None else None
        found: list[ManagedKey] = []
        try:
            for file in files:  # those before a faulty one are in the list when it is found
                found.append(_imported(keys, file, now, others, known))  # noqa: PERF401
            if known is None:
                keys.write_state(to_json(imported_state(parse_apex(keys.zone), found)))
        except DnssecError:
            for key in found:
                if key.dnskey not in here:
                    keys.remove(key.dnskey)
            raise
    return found


def _imported(
    keys: ZoneKeys, file: KeyFile, now: int, others: Collection[bytes], known: Mapping[bytes, ManagedKey] | None
) -> ManagedKey:
    try:
        new = foreign(file.private, file.role, keys.zone)
        dnskey = new.dnskey
        if known is not None and dnskey not in known:
            raise DnssecError(
                f"{keys.zone} is signed with keys of its own here, and key {tag_of(dnskey)} is none of them: only "
                "keys that it has lost can be imported now"
            )
        if dnskey in keys.dnskeys():
            key = ManagedKey(dnskey, file.role, new.created or now)
        else:
            key = keys.import_(file.private, file.role, now, file.public, others)
    except DnssecError as error:
        raise DnssecError(f"{file.name} can't be imported: {error}") from None
    return known[dnskey] if known else key
