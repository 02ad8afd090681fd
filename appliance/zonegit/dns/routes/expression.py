"""Typed expressions as values, and their one written form, which reads back as the same expression."""

from datetime import date
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from typing import Final, Literal, NamedTuple

Network = IPv4Network | IPv6Network
Value = int | str | bytes | date | Network
"""A number or a type; a country or a weekday; a name in wire format; a date; a network."""


class Operator(StrEnum):
    """How a field is compared."""

    EQUAL = "=="
    UNEQUAL = "!="
    LESS = "<"
    AT_MOST = "<="
    MORE = ">"
    AT_LEAST = ">="
    IN = "in"
    UNDER = "under"


LISTING: Final = frozenset({Operator.IN, Operator.UNDER})
"""Operators that take several values."""


class Condition(NamedTuple):
    """A field compared with values of its type: one, or several for an operator in `LISTING`."""

    field: str
    operator: Operator
    values: tuple[Value, ...]


class Not(NamedTuple):
    """The opposite; missing if `inner` is."""

    inner: "Expression"


class Group(NamedTuple):
    """At least two parts, of which all (`and`) or any (`or`) must hold."""

    word: Literal["and", "or"]
    parts: tuple["Expression", ...]


Expression = Condition | Not | Group


def fields(expression: Expression) -> set[str]:
    """The fields that an expression tests."""
    match expression:
        case Condition(field):
            return {field}
        case Not(inner):
            return fields(inner)
        case Group(_, parts):
            return set().union(*map(fields, parts))
