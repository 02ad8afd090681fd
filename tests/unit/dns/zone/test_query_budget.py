"""The budget of a query: who spends it, what happens at its end, and that the next query has all of it."""

from itertools import pairwise

import dns.edns
import dns.rcode
import pytest

from dnskit import DictVersion, Server, version
from zonegit.dns.wire.message import Transport
from zonegit.dns.zone.query_budget import ABSENT, QUERY, Budget
from zonegit.dns.zone.zone_state import ZoneState
from zonegit.errors import OverBudget
from zonegit.model.names import OwnerKey

_TOP = "$TTL 60\n@ SOA a b 1 2 3 4 5\n@ NS ns.out.\n@ NSEC a NS SOA RRSIG NSEC\n"
DEEPEST = ".".join("x" * 120)
BARE = _TOP + "".join(f"{DEEPEST[2 * number :]} A 192.0.2.1\n" for number in range(120))
"""A zone that says that it is signed with NSEC, and has none at any of 120 names below each other."""


def test_a_zone_spends_and_stops() -> None:
    budget = Budget(5 * ABSENT)
    told: list[Exception] = []
    zone = ZoneState(version(_TOP, "test."), None, told.append, budget=budget)
    for _ in range(5):
        assert zone.node(OwnerKey(b"none\0")) is None
    assert budget.left == 0
    for _ in range(2):
        with pytest.raises(OverBudget, match=r"zone test\. takes more work"):
            zone.node(OwnerKey(b"none\0"))
    assert [type(error) for error in told] == [OverBudget, OverBudget]
    budget.restore()
    assert zone.node(OwnerKey(b"")) is not None


def test_no_budget_is_any_budget() -> None:
    zone = ZoneState(version(_TOP, "test."), None, lambda _: None)
    for _ in range(QUERY // ABSENT + 1):
        zone.node(OwnerKey(b"none\0"))


def test_what_takes_too_much_is_servfail_and_told_once() -> None:
    server = Server(version(BARE, "bare."), version(_TOP, "test."))
    for number in range(3):
        response = server.ask(f"z{number}.{DEEPEST}.bare.", do=True)
        assert response.rcode() == dns.rcode.SERVFAIL
        assert [(option.otype, option.code) for option in response.options] == [
            (dns.edns.OptionType.EDE, dns.edns.EDECode.INVALID_DATA)
        ]
        assert server.ask("test.", "SOA").rcode() == dns.rcode.NOERROR
    assert [str(error)[:27] for error in server.errors] == ["zone bare. takes more work "]


def test_the_longest_names_are_answered() -> None:
    """127 labels, all but the last one empty non-terminals, or none of them."""
    name = ".".join("x" * 126)
    for text in (f"{name} A 192.0.2.1\n", "".join(f"{name[2 * number :]} A 192.0.2.1\n" for number in range(126))):
        server = Server(version(_TOP + text, "."))
        for rtype, rcode in (("A", dns.rcode.NOERROR), ("TXT", dns.rcode.NOERROR)):
            assert server.ask(f"{name}.", rtype).rcode() == rcode
        assert server.ask("y" + name[1:] + ".").rcode() == dns.rcode.NXDOMAIN
        assert server.errors == []


class Counting(DictVersion):
    """Counts how often an owner is looked for."""

    reads = 0

    def at(self, owner: OwnerKey) -> bytes | None:
        self.reads += 1
        return super().at(owner)


def test_no_owner_is_read_twice_for_a_query() -> None:
    """Sixteen aliases, each a label below the one before, so that all of them stand on the way to the last."""
    rungs = [".".join("x" * size) for size in range(8, 25)]
    plain = version(_TOP + "".join(f"{rung} CNAME {deeper}\n" for rung, deeper in pairwise(rungs)), "test.")
    ladder = Counting(plain.apex, plain.serial, plain.rrsets)
    server = Server(ladder)
    assert len(server.ask(f"{rungs[0]}.test.", "TXT", transport=Transport.TCP).answer) == 16
    assert ladder.reads <= 1 + 1 + 17 + 1, (
        "the apex, what is above all, aliases and end, the wildcard below the last"
    )
