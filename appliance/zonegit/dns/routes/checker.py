"""From a tree to a typed expression: each field has a type, operators and values of that type. And back to text."""

import difflib
from collections.abc import Callable, Mapping
from datetime import date
from ipaddress import ip_network
from typing import Final, NamedTuple

from zonegit.dns.routes.expression import LISTING, Condition, Expression, Group, Network, Not, Operator, Value
from zonegit.dns.routes.lexer import Kind, Token, error_at
from zonegit.dns.routes.parser import Comparison, GroupTree, NotTree, Tree, parse
from zonegit.errors import InvalidName, InvalidRecord
from zonegit.model.names import from_text, lower, to_text
from zonegit.zonefile.types import parse_type, type_text

_EQUALITY: Final = (Operator.EQUAL, Operator.UNEQUAL, Operator.IN)
_ORDER: Final = (*_EQUALITY, Operator.LESS, Operator.AT_MOST, Operator.MORE, Operator.AT_LEAST)
WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LARGEST_ASN: Final = (1 << 32) - 1


class _Type(NamedTuple):
    operators: tuple[Operator, ...]
    kind: Kind
    read: Callable[[str], Value]
    """The value of a token's text; `ValueError` with what to write."""


def read(text: str) -> Expression:
    """The expression of a text. `ConfigError` names the column and what to write there."""
    return _checked(parse(text))


def written(expression: Expression) -> str:
    """The text of an expression; `read` gives the same expression again."""
    match expression:
        case Condition(field, operator, values):
            texts = [_value_text(field, value) for value in values]
            return f"{field} {operator} " + (f"[{', '.join(texts)}]" if operator in LISTING else texts[0])
        case Not(inner):
            return f"not ({written(inner)})" if isinstance(inner, Group) else f"not {written(inner)}"
        case Group(word, parts):
            return f" {word} ".join(_part(word, part) for part in parts)


def _part(word: str, part: Expression) -> str:
    """A part of a group, in parentheses unless it binds more strongly."""
    binds = not isinstance(part, Group) or (word, part.word) == ("or", "and")
    return written(part) if binds else f"({written(part)})"


def _checked(tree: Tree) -> Expression:
    match tree:
        case Comparison():
            return _condition(tree)
        case NotTree(inner):
            return Not(_checked(inner))
        case GroupTree(word, parts):
            return Group("and" if word == "and" else "or", tuple(map(_checked, parts)))


def _condition(found: Comparison) -> Condition:
    field, operator, values, listed = found
    known = FIELDS.get(field.text)
    if known is None:
        near = difflib.get_close_matches(field.text, FIELDS, 1, 0.75)
        meant = f"did you mean {near[0]}?" if near else f"write one of {', '.join(FIELDS)}"
        raise error_at(field.column, f"unknown field {field.text[:40]!r}; {meant}")
    chosen = Operator(operator.text)
    if chosen not in known.operators:
        allowed = ", ".join(known.operators)
        raise error_at(operator.column, f"{field.text} can't be compared by {chosen}: write {allowed}")
    if listed and chosen not in LISTING:
        raise error_at(values[0].column, f"{chosen} takes one value: write in for a list")
    return Condition(field.text, chosen, tuple(_value(known, each) for each in values))


def _value(known: _Type, token: Token) -> Value:
    if token.kind is not known.kind:
        needs = "without quotes" if known.kind is Kind.NUMBER else "in double quotes"
        raise error_at(token.column, f"{token.text[:40]!r} must be {known.kind}: write it {needs}")
    try:
        return known.read(token.text)
    except ValueError as error:
        raise error_at(token.column, f"{token.text[:80]!r} is not {error}") from None


def _number(low: int, high: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if len(text) > 10 or not low <= int(text) <= high:
            raise ValueError(f"a number from {low} to {high}")
        return int(text)

    return number


def _network(text: str) -> Network:
    try:
        return ip_network(text)
    except ValueError:
        raise ValueError("a network: write 192.0.2.0/24, 2001:db8::/32 or an address") from None


def _country(text: str) -> str:
    if len(text) != 2 or not text.isascii() or not text.isalpha():
        raise ValueError('a country: write two letters (ISO 3166-1), such as "DE"')
    return text.upper()


def _name(text: str) -> bytes:
    try:
        name = lower(from_text(text)) if text else b""
    except InvalidName:
        name = b""
    if not name or '"' in to_text(name):
        raise ValueError('a name: write "www.example.org."')
    return name


def _rtype(text: str) -> int:
    try:
        return parse_type(text)
    except InvalidRecord:
        raise ValueError('a type: write "A" or "TYPE65280"') from None


def _weekday(text: str) -> str:
    if text.lower() not in WEEKDAYS:
        raise ValueError(f"a weekday: write {', '.join(WEEKDAYS)}")
    return text.lower()


def _date(text: str) -> date:
    try:
        if len(text) != len("2026-12-24"):
            raise ValueError
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError('a date: write "2026-12-24"') from None


def _value_text(field: str, value: Value) -> str:
    if field == QUERY_TYPE and isinstance(value, int):
        return f'"{type_text(value)}"'
    if isinstance(value, int):
        return str(value)
    return f'"{to_text(value) if isinstance(value, bytes) else value}"'


SUBNET: Final = "client.subnet"
COUNTRY: Final = "client.country"
ASN: Final = "client.asn"
QUERY_NAME: Final = "query.name"
QUERY_TYPE: Final = "query.type"
HOUR: Final = "time.hour"
MINUTE: Final = "time.minute"
WEEKDAY: Final = "time.weekday"
DATE: Final = "time.date"
FIELDS: Final[Mapping[str, _Type]] = {
    SUBNET: _Type((Operator.IN,), Kind.STRING, _network),
    COUNTRY: _Type(_EQUALITY, Kind.STRING, _country),
    ASN: _Type(_ORDER, Kind.NUMBER, _number(0, _LARGEST_ASN)),
    QUERY_NAME: _Type((*_EQUALITY, Operator.UNDER), Kind.STRING, _name),
    QUERY_TYPE: _Type(_EQUALITY, Kind.STRING, _rtype),
    HOUR: _Type(_ORDER, Kind.NUMBER, _number(0, 23)),
    MINUTE: _Type(_ORDER, Kind.NUMBER, _number(0, 59)),
    WEEKDAY: _Type(_EQUALITY, Kind.STRING, _weekday),
    DATE: _Type(_ORDER, Kind.STRING, _date),
}
"""What can be tested. Times are UTC."""
