"""A zone's keys and the state of its rollovers, which one look after another brings on."""

from typing import Final

from zonegit.dnssec.pkcs11_uri import read_uri
from zonegit.dnssec.policy import DnssecPolicy
from zonegit.dnssec.private_key import tags_of
from zonegit.dnssec.rollover.machine import first_state, next_state, with_keys
from zonegit.dnssec.rollover.requests import requested
from zonegit.dnssec.rollover.state import State, from_json, to_json
from zonegit.dnssec.rollover.table import Kind
from zonegit.dnssec.rollover.values import Facts
from zonegit.errors import DnssecError
from zonegit.model.names import WireName, to_text
from zonegit.repo.dnssec.key_directory import ZoneKeys
from zonegit.repo.dnssec.requests import Wanted

_KINDS: Final = {
    Wanted.ENABLE: Kind.ENABLE,
    Wanted.KSK: Kind.KSK,
    Wanted.ZSK: Kind.ZSK,
    Wanted.ALGORITHM: Kind.ALGORITHM,
    Wanted.DISABLE: Kind.DISABLE,
}


def read_state(keys: ZoneKeys, apex: WireName, policy: DnssecPolicy, now: int) -> State:
    """The state on the disk; for a zone without one, that of a zone that is to be signed. `DnssecError`."""
    data = keys.read_state()
    if data is None:
        return first_state(apex, policy, now)
    state = from_json(data)
    if state.apex != apex:
        raise DnssecError(f"{keys.path}: the key state is that of {to_text(state.apex)}: restore this zone's own")
    return state


def write_state(keys: ZoneKeys, state: State) -> None:
    """Write the state, unless that is what is on the disk."""
    data = to_json(state)
    if keys.read_state() != data:
        keys.write_state(data)


def with_request(state: State, wanted: Wanted, policy: DnssecPolicy, now: int) -> State:
    """The state after what an operator asked for. `DnssecError` if that can't begin."""
    return requested(state, _KINDS[wanted], policy, now)


def advanced(keys: ZoneKeys, state: State, facts: Facts, policy: DnssecPolicy) -> State:
    """The state after a look, at most one step further, with the keys that it wants. It isn't written yet."""
    found = next_state(state, facts, policy)
    taken = set[int]().union(*map(tags_of, facts.published | facts.foreign | found.state.dnskeys))
    made = []
    token = read_uri(policy.token) if policy.token else None
    for role, algorithm in found.wants:
        made.append(keys.generate(role, algorithm, facts.now, taken, token))
        taken |= tags_of(made[-1].dnskey)
    return with_keys(found.state, made)
