"""From tokens to a tree: `or` binds weakest, then `and`, then `not`.

disjunction = conjunction *("or" conjunction)
conjunction = unary *("and" unary)
unary       = "not" unary / "(" disjunction ")" / comparison
comparison  = field operator (value / "[" value *("," value) "]")
"""

from typing import Final, NamedTuple

from zonegit.dns.routes.lexer import Kind, Token, error_at, tokens
from zonegit.errors import ConfigError

DEEPEST: Final = 32
"""How deep parentheses and `not` may be nested."""


class Comparison(NamedTuple):
    """A field compared with values."""

    field: Token
    operator: Token
    values: tuple[Token, ...]
    listed: bool
    """Whether they were in brackets."""


class NotTree(NamedTuple):
    """The opposite of something."""

    inner: "Tree"


class GroupTree(NamedTuple):
    """At least two parts, joined by `and` or by `or`."""

    word: str
    parts: tuple["Tree", ...]


Tree = Comparison | NotTree | GroupTree


def parse(text: str) -> Tree:
    """The tree of an expression. `ConfigError` names the column and what is expected there."""
    parser = _Parser(list(tokens(text)))
    tree = parser.disjunction(0)
    if parser.next.kind is not Kind.END:
        raise parser.unexpected("'and', 'or' or the end")
    return tree


class _Parser:
    def __init__(self, found: list[Token]) -> None:
        self._tokens = found
        self._at = 0

    @property
    def next(self) -> Token:
        return self._tokens[self._at]

    def unexpected(self, expected: str) -> ConfigError:
        return error_at(self.next.column, f"{self.next} is not expected here: write {expected}")

    def disjunction(self, depth: int) -> Tree:
        parts = [self._conjunction(depth)]
        while self._skip(Kind.OR):
            parts.append(self._conjunction(depth))
        return parts[0] if len(parts) == 1 else GroupTree("or", tuple(parts))

    def _conjunction(self, depth: int) -> Tree:
        parts = [self._unary(depth)]
        while self._skip(Kind.AND):
            parts.append(self._unary(depth))
        return parts[0] if len(parts) == 1 else GroupTree("and", tuple(parts))

    def _unary(self, depth: int) -> Tree:
        if depth > DEEPEST:
            raise error_at(self.next.column, f"nested too deeply: write at most {DEEPEST} levels")
        if self._skip(Kind.NOT):
            return NotTree(self._unary(depth + 1))
        if self._skip(Kind.OPEN):
            inner = self.disjunction(depth + 1)
            self._take(Kind.CLOSE, "'and', 'or' or ')'")
            return inner
        return self._comparison()

    def _comparison(self) -> Comparison:
        field = self._take(Kind.FIELD, "a field, such as client.subnet")
        operator = self._take(Kind.OPERATOR, "an operator, such as == or in")
        if not self._skip(Kind.LIST):
            return Comparison(field, operator, (self._value(),), listed=False)
        values = [self._value()]
        while self._skip(Kind.COMMA):
            values.append(self._value())
        self._take(Kind.END_OF_LIST, "',' or ']'")
        return Comparison(field, operator, tuple(values), listed=True)

    def _value(self) -> Token:
        if self.next.kind is Kind.NUMBER:
            return self._take(Kind.NUMBER, "")
        return self._take(Kind.STRING, "a number, or a string in double quotes")

    def _skip(self, kind: Kind) -> bool:
        if self.next.kind is not kind:
            return False
        self._at += 1
        return True

    def _take(self, kind: Kind, expected: str) -> Token:
        token = self.next
        if not self._skip(kind):
            raise self.unexpected(expected)
        return token
