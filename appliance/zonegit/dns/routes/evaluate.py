"""From an expression to a function of facts: true, false, or None where a fact is missing (Kleene's logic)."""

import operator
from bisect import bisect_left
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final

from zonegit.dns.routes import checker
from zonegit.dns.routes.expression import Condition, Expression, Group, Network, Not, Operator, Value
from zonegit.dns.routes.facts import Facts
from zonegit.model.names import ROOT, suffixes

Predicate = Callable[[Facts], bool | None]
"""Never raises, reads nothing, and always ends."""

_COMPARE: Final[dict[Operator, Callable[[Any, Any], bool]]] = {  # operands have one type: the checker saw to it
    Operator.EQUAL: operator.eq,
    Operator.UNEQUAL: operator.ne,
    Operator.LESS: operator.lt,
    Operator.AT_MOST: operator.le,
    Operator.MORE: operator.gt,
    Operator.AT_LEAST: operator.ge,
}
_OF_TIME: Final[dict[str, Callable[[datetime], Value]]] = {
    checker.HOUR: lambda now: now.hour,
    checker.MINUTE: lambda now: now.minute,
    checker.WEEKDAY: lambda now: checker.WEEKDAYS[now.weekday()],
    checker.DATE: lambda now: now.date(),
}


def predicate(expression: Expression) -> Predicate:
    """The function that an expression means."""
    match expression:
        case Condition():
            return _condition(expression)
        case Not(inner):
            return _not(predicate(inner))
        case Group(word, parts):
            return _group([predicate(part) for part in parts], ends=word == "or")


def _not(inner: Predicate) -> Predicate:
    def opposite(facts: Facts) -> bool | None:
        found = inner(facts)
        return None if found is None else not found

    return opposite


def _group(parts: Sequence[Predicate], *, ends: bool) -> Predicate:
    """`ends` is the value of a part that decides alone: true for `or`, false for `and`."""

    def together(facts: Facts) -> bool | None:
        missing = False
        for part in parts:
            found = part(facts)
            if found is ends:
                return ends
            missing = missing or found is None
        return None if missing else not ends

    return together


def _condition(tested: Condition) -> Predicate:
    if tested.field == checker.SUBNET:
        return _within([value for value in tested.values if isinstance(value, Network)])
    value_of = _value_of(tested.field)
    if tested.operator is Operator.UNDER:
        tops = frozenset(tested.values)
        return lambda facts: _is_under(facts.name, tops)
    if tested.operator is Operator.IN:
        values = frozenset(tested.values)
        return lambda facts: None if (found := value_of(facts)) is None else found in values
    compare = _COMPARE[tested.operator]
    (wanted,) = tested.values
    return lambda facts: None if (found := value_of(facts)) is None else compare(found, wanted)


def _value_of(field: str) -> Callable[[Facts], Value | None]:
    of_time = _OF_TIME.get(field)
    if of_time is not None:
        return lambda facts: of_time(facts.now)
    return _VALUES[field]


_VALUES: Final[dict[str, Callable[[Facts], Value | None]]] = {
    checker.COUNTRY: lambda facts: facts.country,
    checker.ASN: lambda facts: facts.asn,
    checker.QUERY_NAME: lambda facts: facts.name,
    checker.QUERY_TYPE: lambda facts: facts.qtype,
}


def _is_under(name: bytes, tops: frozenset[Value]) -> bool:
    """Whether a name is one of `tops` or below one."""
    return any(suffix in tops for suffix in (*suffixes(name), ROOT))


class _Family:
    """The networks of one address family, found without looking at each."""

    def __init__(self, networks: Sequence[Network], bits: int) -> None:
        self._bits = bits
        listed = sorted((int(network.network_address), network.prefixlen) for network in networks)
        self._starts = [start for start, _ in listed]
        self._prefixes = [prefix for _, prefix in listed]
        self._by_prefix = [
            (prefix, frozenset(start >> bits - prefix for start, each in listed if each == prefix))
            for prefix in sorted(set(self._prefixes))
        ]
        """From the widest on."""

    def within(self, address: int, known: int) -> tuple[bool | None, int]:
        """Whether an address whose first `known` bits are known is in a network, and how many bits show it.

        The other bits of `address` are zero. None: it may be in one or not.
        """
        bits, starts = self._bits, self._starts
        for prefix, heads in self._by_prefix:
            if prefix <= known and address >> bits - prefix in heads:
                return True, prefix
        # Networks that begin between `low` and `high` are inside of what is known. Of all others those right before
        # and behind have the most bits in common with the address, and differ in the next one.
        low = bisect_left(starts, address)
        high = bisect_left(starts, address + (1 << bits - known))
        beside = [starts[at] for at in (low - 1, high) if 0 <= at < len(starts)]
        looked = max([bits + 1 - (address ^ start).bit_length() for start in beside], default=0)
        if low == high:
            return False, looked
        return None, max(looked, *self._prefixes[low:high])


def _within(networks: Sequence[Network]) -> Predicate:
    """Whether the client is in one of these networks."""
    families = {
        size: _Family([network for network in networks if network.max_prefixlen == 8 * size], 8 * size)
        for size in (4, 16)
    }

    def within(facts: Facts) -> bool | None:
        family = families.get(len(facts.address))
        if family is None:
            return False
        found, looked = family.within(int.from_bytes(facts.address, "big"), facts.known)
        facts.extend_scope(looked)
        return found

    return within
