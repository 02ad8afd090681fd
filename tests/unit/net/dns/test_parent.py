"""The name servers of the parent zone: BIND, NSD and Knot DNS, and those that fail, refuse, lie or send garbage."""

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import dns.resolver
import dns.rrset
import pytest

from parentkit import DS, DS_TEXT, OTHER, OTHER_TEXT, answering, child_zone, fake, parent_zone
from peerkit import HOST, PEERS, free_ports, running
from zonegit.dnssec.rollover.values import Parent
from zonegit.net.dns.parent import ask_parent

ZONE = "example.org."


@pytest.fixture
def peer(needs_program: Callable[[str], str], tmp_path: Path) -> Iterator[Callable[..., str]]:
    """`peer("nsd", {"org.": path})` starts one and returns its `ADDRESS:PORT`."""
    with ExitStack() as stack:
        number = iter(range(100))

        def start(program: str, zones: dict[str, Path]) -> str:
            directory = tmp_path / f"{program}{next(number)}"
            return f"{HOST}:{stack.enter_context(running(program, needs_program(program), directory, zones))}"

        yield start


def errors(parent: Parent) -> list[str]:
    assert all((each.ds is None) == bool(each.error) for each in parent.answers)
    assert all(len(each.error.splitlines()) <= 1 for each in parent.answers)
    return [each.error for each in parent.answers]


def ds_of(parent: Parent) -> list[frozenset[bytes] | None]:
    return [each.ds for each in parent.answers]


@pytest.mark.parametrize("program", PEERS)
class TestRealServers:
    def test_ds_records_are_read(self, program, peer, tmp_path):
        server = peer(program, {"org.": parent_zone(tmp_path, DS_TEXT, OTHER_TEXT)})
        begin = time.time()
        parent = ask_parent(ZONE, [server])
        assert ds_of(parent) == [{DS, OTHER}]
        (answer,) = parent.answers
        assert (answer.server, answer.ttl, answer.error, parent.error) == (server, 1800, "", "")
        assert begin <= parent.asked <= time.time() + 1

    def test_no_ds_is_an_answer_with_the_negative_ttl(self, program, peer, tmp_path):
        parent = ask_parent(ZONE, [peer(program, {"org.": parent_zone(tmp_path)})])
        assert ds_of(parent) == [frozenset()]
        assert parent.answers[0].ttl == 900

    def test_the_child_on_the_same_server_does_not_answer_for_the_parent(self, program, peer, tmp_path):
        zones = {"org.": parent_zone(tmp_path, DS_TEXT), ZONE: child_zone(tmp_path)}
        assert ds_of(ask_parent(ZONE, [peer(program, zones)])) == [{DS}]

    def test_a_server_of_the_child_alone_is_no_parent(self, program, peer, tmp_path):
        (error,) = errors(ask_parent(ZONE, [peer(program, {ZONE: child_zone(tmp_path)})]))
        assert error == "it answers for the zone example.org., not for the parent of example.org."

    def test_a_referral_does_not_count(self, program, peer, tmp_path):
        server = peer(program, {"org.": parent_zone(tmp_path, DS_TEXT)})
        (error,) = errors(ask_parent("deep.example.org.", [server]))
        assert error == "its answer isn't authoritative: it doesn't serve the parent zone"

    def test_a_server_without_the_zone_refuses(self, program, peer, tmp_path):
        (error,) = errors(ask_parent("example.net.", [peer(program, {"org.": parent_zone(tmp_path)})]))
        assert error == "it answers REFUSED"

    def test_a_name_that_is_not_delegated(self, program, peer, tmp_path):
        (error,) = errors(ask_parent("other.org.", [peer(program, {"org.": parent_zone(tmp_path)})]))
        assert error == "it answers NXDOMAIN: other.org. isn't delegated there"

    def test_more_records_than_fit_into_udp(self, program, peer, tmp_path):
        texts = [f"{tag} 15 2 {tag:064x}" for tag in range(60)]
        (ds,) = ds_of(ask_parent(ZONE, [peer(program, {"org.": parent_zone(tmp_path, *texts)})]))
        assert ds is not None and len(ds) == 60


def test_every_server_is_reported_by_itself(peer, tmp_path):
    """One that lags behind, one that refuses, one that is away, and one that is right."""
    right = peer("named", {"org.": parent_zone(tmp_path, DS_TEXT, serial=2)})
    behind = peer("nsd", {"org.": parent_zone(tmp_path, OTHER_TEXT, serial=1)})
    refusing = peer("knotd", {"net.": parent_zone(tmp_path, apex="net.")})
    away = f"{HOST}:{free_ports(1)[0]}"
    parent = ask_parent(ZONE, [right, behind, refusing, away])
    assert ds_of(parent) == [{DS}, {OTHER}, None, None]
    assert errors(parent) == ["", "", "it answers REFUSED", "Connection refused"]
    assert [each.server for each in parent.answers] == [right, behind, refusing, away]


def test_a_silent_server_costs_no_more_than_the_timeout():
    with silent() as server, fake(answering(ds_answer)) as good:
        begin = time.monotonic()
        parent = ask_parent(ZONE, [server, good, server], timeout=0.5)
        assert time.monotonic() - begin < 5
    assert ds_of(parent) == [None, {DS}, None]
    assert errors(parent) == ["no answer within 0.5 s", "", "no answer within 0.5 s"]


def test_a_server_that_sends_byte_after_byte_costs_no_more_than_the_timeout():
    def drip(sock: socket.socket, query: bytes) -> None:
        sock.sendall(b"\x10\x00")
        while True:
            sock.sendall(b"\0")
            time.sleep(0.05)

    with fake(drip) as server:
        begin = time.monotonic()
        assert errors(ask_parent(ZONE, [server], timeout=0.5)) == ["no answer within 0.5 s"]
        assert time.monotonic() - begin < 5


@contextmanager
def silent() -> Iterator[str]:
    """A server that accepts connections and says nothing."""
    with socket.create_server((HOST, 0)) as listener:
        yield f"{HOST}:{listener.getsockname()[1]}"


def ds_answer(query: bytes, *, owner: str = ZONE, ttl: int = 300) -> bytes:
    response = response_to(query)
    response.answer.append(dns.rrset.from_text(owner, ttl, "IN", "DS", DS_TEXT))
    return response.to_wire()


def response_to(query: bytes) -> dns.message.Message:
    response = dns.message.make_response(dns.message.from_wire(query))
    response.flags |= dns.flags.AA
    return response


def of_other_name(query: bytes) -> bytes:
    return ds_answer(query, owner="example.net.")


def empty(query: bytes) -> bytes:
    return response_to(query).to_wire()


def of_child(query: bytes) -> bytes:
    return with_soa(query, ZONE)


def of_other_zone(query: bytes) -> bytes:
    return with_soa(query, "net.")


def with_soa(query: bytes, owner: str) -> bytes:
    response = response_to(query)
    response.authority.append(dns.rrset.from_text(owner, 60, "IN", "SOA", f"ns.{owner} h.{owner} 1 2 3 4 30"))
    return response.to_wire()


def with_other_id(query: bytes) -> bytes:
    return bytes([query[0] ^ 1]) + ds_answer(query)[1:]


def without_flag(query: bytes) -> bytes:
    response = dns.message.from_wire(ds_answer(query))
    response.flags &= ~dns.flags.AA
    return response.to_wire()


def truncated(query: bytes) -> bytes:
    response = dns.message.from_wire(ds_answer(query))
    response.flags |= dns.flags.TC
    return response.to_wire()


def failed(query: bytes) -> bytes:
    response = response_to(query)
    response.set_rcode(dns.rcode.SERVFAIL)
    return response.to_wire()


def alias(query: bytes) -> bytes:
    response = response_to(query)
    response.answer.append(dns.rrset.from_text(ZONE, 60, "IN", "CNAME", "example.net."))
    response.answer.append(dns.rrset.from_text("example.net.", 60, "IN", "DS", DS_TEXT))
    return response.to_wire()


def malformed_ds(query: bytes) -> bytes:
    return ds_answer(query)[:-1]


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (without_flag, "its answer isn't authoritative: it doesn't serve the parent zone"),
        (truncated, "its answer is truncated, although it was asked over TCP"),
        (failed, "it answers SERVFAIL"),
        (alias, "its answer has no DS records of example.org., but others"),
        (of_other_name, "its answer has no DS records of example.org., but others"),
        (empty, "its answer has neither DS records nor the SOA record of the parent zone"),
        (of_child, "it answers for the zone example.org., not for the parent of example.org."),
        (of_other_zone, "it answers for the zone net., not for the parent of example.org."),
        (with_other_id, "what it sent isn't a response to the query"),
        (lambda query: query, "what it sent isn't a response to the query"),
        (lambda _: bytes(9000), "its answer has 9000 bytes; no more than 8192 are read"),
    ],
)
def test_what_does_not_count(make, error):
    with fake(answering(make)) as server:
        assert errors(ask_parent(ZONE, [server])) == [error]


@pytest.mark.parametrize("make", [malformed_ds, lambda _: b"", lambda _: b"\xff" * 40, lambda query: query[:11]])
def test_malformed_answers(make):
    with fake(answering(make)) as server:
        (error,) = errors(ask_parent(ZONE, [server]))
        assert error.startswith("its answer is malformed: ")


def test_any_garbage_is_an_error_of_its_server():
    """Answers with bytes changed at random: each is read, or told in one line. Nothing is raised."""

    def garble(query: bytes) -> bytes:
        answer = bytearray(ds_answer(query))
        for _ in range(1 + os.urandom(1)[0] % 8):
            answer[2 + int.from_bytes(os.urandom(2), "big") % (len(answer) - 2)] = os.urandom(1)[0]
        return bytes(answer)

    with fake(answering(garble)) as server:
        for _ in range(20):
            parent = ask_parent(ZONE, [server] * 30)
            assert len(parent.answers) == 30
            errors(parent)


def test_a_connection_that_closes_early():
    with fake(lambda sock, _: sock.sendall(b"\0\x40abc")) as server, fake(lambda *_: None) as other:
        error = "it closed the connection without a complete answer"
        assert errors(ask_parent(ZONE, [server, other])) == [error, error]


def test_the_owner_may_be_in_capitals():
    with fake(answering(lambda query: ds_answer(query, owner="EXAMPLE.org."))) as server:
        assert ds_of(ask_parent(ZONE, [server])) == [{DS}]


def test_no_ttl_makes_anybody_wait_for_years():
    with fake(answering(lambda query: ds_answer(query, ttl=2**31 - 1))) as server:
        assert ask_parent(ZONE, [server]).answers[0].ttl == 7 * 86_400


def test_a_server_over_ipv6(needs_ipv6):
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as listener:
        server = f"[::1]:{listener.getsockname()[1]}"
    assert errors(ask_parent(ZONE, [server])) == ["Connection refused"]


@pytest.mark.parametrize("server", ["ns1.example.org", "192.0.2.1:domain", "[192.0.2.1]:53", "", "192.0.2.1:70000"])
def test_what_is_no_address(server):
    parent = ask_parent(ZONE, [server])
    assert parent.answers == ()
    assert "is not an address with a port: write 192.0.2.1:53" in parent.error


def test_too_many_servers():
    parent = ask_parent(ZONE, ["192.0.2.1"] * 65)
    assert parent.answers == ()
    assert "has 65 name servers; no more than 64 are asked" in parent.error
