"""The laws of routes: the written form reads back, nothing raises, and what is missing never matches."""

from datetime import date
from ipaddress import IPv4Network, IPv6Network, ip_address

from hypothesis import example, given
from hypothesis import strategies as st

from zonegit.dns.access.client_subnet import ClientSubnet, read_subnet
from zonegit.dns.access.requestor import Requestor
from zonegit.dns.routes import checker
from zonegit.dns.routes.checker import FIELDS, read, written
from zonegit.dns.routes.evaluate import predicate
from zonegit.dns.routes.expression import LISTING, Condition, Expression, Group, Not, Operator
from zonegit.dns.routes.facts import Facts, NoPlaces
from zonegit.dns.wire.message import Query, Transport
from zonegit.errors import ConfigError
from zonegit.model.names import WireName, from_text

NAMES = (".", "org.", "example.org.", "www.example.org.", r"a\.b\010.example.org.", r"\(\)\;.")
networks = st.one_of(
    st.builds(
        lambda bits, size: IPv4Network((bits >> (32 - size) << (32 - size), size)),
        st.integers(0, 2**32 - 1),
        st.integers(0, 32),
    ),
    st.builds(
        lambda bits, size: IPv6Network((bits >> (128 - size) << (128 - size), size)),
        st.integers(0, 2**128 - 1),
        st.integers(0, 128),
    ),
)
VALUES = {
    checker.SUBNET: networks,
    checker.COUNTRY: st.sampled_from(["DE", "FR", "US"]),
    checker.ASN: st.integers(0, 2**32 - 1),
    checker.QUERY_NAME: st.sampled_from([from_text(name) for name in NAMES]),
    checker.QUERY_TYPE: st.sampled_from([1, 28, 255, 65280]),
    checker.HOUR: st.integers(0, 23),
    checker.MINUTE: st.integers(0, 59),
    checker.WEEKDAY: st.sampled_from(checker.WEEKDAYS),
    checker.DATE: st.dates(date(1970, 1, 1), date(2100, 1, 1)),
}


@st.composite
def conditions(draw, chosen=tuple(FIELDS)) -> Condition:
    field = draw(st.sampled_from(chosen))
    operator = draw(st.sampled_from(FIELDS[field].operators))
    count = 3 if operator in LISTING else 1
    return Condition(field, operator, tuple(draw(st.lists(VALUES[field], min_size=1, max_size=count))))


def expressions(single=None) -> st.SearchStrategy[Expression]:
    return st.recursive(
        single if single is not None else conditions(),
        lambda inner: st.one_of(
            inner.map(Not),
            st.builds(Group, st.sampled_from(["and", "or"]), st.lists(inner, min_size=2, max_size=3).map(tuple)),
        ),
        max_leaves=8,
    )


class Known:
    """Something is known of every address, for a prefix of this many bits."""

    def __init__(self, bits: int) -> None:
        self._bits = bits

    def country(self, _address: bytes) -> tuple[str | None, int]:
        return "DE", self._bits

    def asn(self, _address: bytes) -> tuple[int | None, int]:
        return 64500, self._bits


clients = st.one_of(st.binary(min_size=4, max_size=4), st.binary(min_size=16, max_size=16))
names = st.sampled_from(NAMES).map(from_text)
moments = st.integers(0, 2**32)


def facts(client: bytes, name: WireName, moment: float, places) -> Facts:
    requestor = Requestor(client, Transport.UDP)
    requestor.question = Query(b"\0\0", 0, name=name, qtype=1)
    return Facts(requestor, lambda: moment, places)


@given(expressions())
def test_the_written_form_reads_back(expression) -> None:
    assert read(written(expression)) == expression


@given(expressions(), clients, names, moments, st.integers(0, 128))
def test_an_expression_is_true_false_or_missing(expression, client, name, moment, bits) -> None:
    assert predicate(expression)(facts(client, name, moment, Known(bits))) in (True, False, None)


@given(expressions(), clients, names, moments)
def test_not_is_the_opposite_and_keeps_what_is_missing(expression, client, name, moment) -> None:
    found = predicate(expression)(facts(client, name, moment, NoPlaces()))
    opposite = predicate(Not(expression))(facts(client, name, moment, NoPlaces()))
    assert opposite is (None if found is None else not found)


@given(expressions(conditions((checker.COUNTRY, checker.ASN))), clients, names, moments)
def test_what_is_missing_never_matches(expression, client, name, moment) -> None:
    assert predicate(expression)(facts(client, name, moment, NoPlaces())) is None


@given(st.text(max_size=60))
@example("((((")
@example('"')
@example("time.hour == ٣")
def test_any_text_is_read_or_refused(text) -> None:
    try:
        expression = read(text)
    except ConfigError as error:
        assert str(error).startswith("column ")
    else:
        assert read(written(expression)) == expression


class Halves:
    """The addresses of each half of the address space are in another country."""

    def country(self, address: bytes) -> tuple[str | None, int]:
        return ("DE" if address[0] >> 7 else None), 1

    def asn(self, address: bytes) -> tuple[int | None, int]:
        return address[0], 8


NEAR = st.sampled_from(
    [f"192.0.2.{last}" for last in (0, 1, 127, 128, 255)] + ["192.0.3.0", "2001:db8::", "0.0.0.0"]
)


def told(address: bytes, source: int) -> ClientSubnet:
    """The option of a resolver for the first `source` bits of an address."""
    bits = 8 * len(address)
    kept = int.from_bytes(address, "big") >> (bits - source) << (bits - source)
    prefix = kept.to_bytes(len(address), "big")[: -(-source // 8)]
    return ClientSubnet(1 if bits == 32 else 2, source, prefix)


def decided(expression: Expression, address: bytes, source: int) -> tuple[bool | None, int]:
    """What an expression says of a network, and the scope of an answer by it."""
    requestor = Requestor(bytes(4), Transport.UDP)
    requestor.question = Query(b"\0\0", 0)
    requestor.subnet = told(address, source)
    found = predicate(expression)(Facts(requestor, lambda: 0.0, Halves()))
    return found, requestor.scope


@given(st.lists(networks, min_size=1, max_size=12), st.one_of(clients, NEAR), st.data())
def test_a_list_of_networks_is_searched_as_if_each_were_looked_at(listed, client, data) -> None:
    address = client if isinstance(client, bytes) else ip_address(client).packed
    bits = 8 * len(address)
    source = data.draw(st.integers(1, bits))
    subnet = told(address, source)
    same = [network for network in listed if network.max_prefixlen == bits]
    known = (IPv4Network if bits == 32 else IPv6Network)((subnet.address, source))
    found, scope = decided(Condition(checker.SUBNET, Operator.IN, tuple(listed)), address, source)
    around = [network.prefixlen for network in same if known.subnet_of(network)]
    if around:
        assert (found, scope) == (True, min(around))
    elif inside := [network.prefixlen for network in same if network.subnet_of(known)]:
        assert found is None and scope == max(inside)
    else:
        assert found is False and scope <= source
        assert not any(known.supernet(new_prefix=scope).overlaps(network) for network in same)
        assert not scope or any(known.supernet(new_prefix=scope - 1).overlaps(network) for network in same)


@given(st.binary(max_size=20))
def test_any_option_is_read_or_refused(data) -> None:
    found = read_subnet(data)
    if found is not None:
        assert found.answer(0)[4:] == data
        assert len(found.address) in (0, 4, 16)


by_client = expressions(conditions((checker.SUBNET, checker.COUNTRY, checker.ASN)))


@given(by_client, st.one_of(clients, NEAR.map(lambda text: ip_address(text).packed)), st.data())
def test_an_answer_holds_for_all_addresses_in_its_scope(expression, address, data) -> None:
    """RFC 7871 §7.2.1: scopes of different answers don't overlap."""
    bits = 8 * len(address)
    source = data.draw(st.integers(1, bits))
    found, scope = decided(expression, address, source)
    assert 0 <= scope <= bits
    if scope <= source:
        rest = bits - scope
        other = int.from_bytes(address, "big") >> rest << rest | data.draw(st.integers(0, (1 << rest) - 1))
        finer = data.draw(st.integers(max(scope, 1), bits))
        assert decided(expression, other.to_bytes(len(address), "big"), finer) == (found, scope)


words = st.sampled_from(
    ["and", "or", "not", "(", ")", "[", "]", ",", "in", "under", "==", "<", "1", '"A"', '"::/0"', *FIELDS, "&", "'"]
)


@given(st.lists(words, max_size=12).map(" ".join))
def test_words_in_any_order_are_read_or_refused(text) -> None:
    test_any_text_is_read_or_refused.hypothesis.inner_test(text)


def test_every_operator_is_of_some_field() -> None:
    assert {operator for known in FIELDS.values() for operator in known.operators} == set(Operator)
    assert set(VALUES) == set(FIELDS)
