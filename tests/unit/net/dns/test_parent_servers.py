"""Finding the name servers of the parent zone through resolvers."""

import errno
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import dns.resolver
import pytest

from parentkit import DS, DS_TEXT, child_zone, parent_zone
from peerkit import HOST, running
from zonegit.net.dns.parent import ask_parent

ROOT = """. 3600 SOA ns. h. 1 7200 3600 1209600 300
. NS ns1.org.
{records}
"""


@pytest.fixture
def serve(needs_program: Callable[[str], str], tmp_path: Path) -> Iterator[Callable[[dict[str, Path]], int]]:
    with ExitStack() as stack:
        yield lambda zones: stack.enter_context(running("nsd", needs_program("nsd"), tmp_path / "nsd", zones))


def resolver(port: int) -> dns.resolver.Resolver:
    made = dns.resolver.Resolver(configure=False)
    made.nameservers = [HOST]
    made.port = port
    return made


def test_all_addresses_of_all_name_servers_are_asked(serve, tmp_path):
    """The server that plays the resolver is the only one of the parent zone that runs."""
    port = serve({"org.": parent_zone(tmp_path, DS_TEXT)})
    parent = ask_parent("example.org.", resolver=resolver(port), port=port)
    assert parent.error == ""
    assert [(each.server, each.ds, each.error) for each in parent.answers] == [
        ("ns1.org. (127.0.0.1)", {DS}, ""),
        ("ns2.org. (127.0.0.1)", {DS}, ""),
        ("ns2.org. (127.0.0.2)", None, "Connection refused"),
    ]


def test_the_parent_zone_may_be_several_labels_up(serve, tmp_path):
    port = serve({"org.": parent_zone(tmp_path, DS_TEXT)})
    parent = ask_parent("a.b.c.org.", resolver=resolver(port), port=port)
    assert parent.answers[0].server == "ns1.org. (127.0.0.1)"
    assert parent.answers[0].error == "it answers NXDOMAIN: a.b.c.org. isn't delegated there"


def test_the_zone_itself_is_not_its_parent(serve, tmp_path):
    port = serve({"org.": parent_zone(tmp_path, DS_TEXT), "example.org.": child_zone(tmp_path)})
    parent = ask_parent("example.org.", resolver=resolver(port), port=port)
    assert parent.answers[0].ds == {DS}


@pytest.mark.parametrize(
    ("records", "error"),
    [
        ("ns1.org. AAAA 2001:db8::1", None),
        ("other. A 127.0.0.1", "it has no address; name its servers in the zone's setting `parent`"),
    ],
)
def test_name_servers_that_cannot_be_reached(records, error, serve, tmp_path):
    zone = tmp_path / "root.zone"
    zone.write_text(ROOT.format(records=records))
    port = serve({".": zone})
    parent = ask_parent("example.", resolver=resolver(port), port=port, timeout=1)
    (answer,) = parent.answers
    assert answer.ds is None
    assert answer.error == error if error else answer.error


class WithoutIPv6(socket.socket):
    def connect(self, address: Any) -> None:
        if self.family == socket.AF_INET6:
            raise OSError(errno.ENETUNREACH, "Network is unreachable")
        super().connect(address)


def test_ipv6_addresses_do_not_count_on_a_machine_without_ipv6(serve, tmp_path, monkeypatch):
    monkeypatch.setattr(socket, "socket", WithoutIPv6)
    zone = tmp_path / "root.zone"
    zone.write_text(ROOT.format(records="ns1.org. AAAA 2001:db8::1\nns1.org. A 127.0.0.1\nexample. NS ns1.org."))
    port = serve({".": zone})
    parent = ask_parent("example.", resolver=resolver(port), port=port)
    assert [(each.server, each.ds) for each in parent.answers] == [("ns1.org. (127.0.0.1)", frozenset())]


def test_too_many_name_servers(serve, tmp_path):
    zone = parent_zone(tmp_path, DS_TEXT)
    with zone.open("a") as file:
        file.writelines(f"@ NS ns{number}.example.net.\n" for number in range(100))
    port = serve({"org.": zone})
    parent = ask_parent("example.org.", resolver=resolver(port), port=port)
    assert parent.answers == ()
    assert parent.error == (
        "the zone org. has 102 name servers; no more than 64 are asked: "
        "name its servers in the zone's setting `parent`"
    )


def test_the_root_zone_has_no_parent():
    assert ask_parent(".").error == "the root zone has no parent"


def test_resolvers_that_do_not_answer():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind((HOST, 0))
        begin = time.monotonic()
        parent = ask_parent("example.org.", resolver=resolver(silent.getsockname()[1]), timeout=0.5)
        assert time.monotonic() - begin < 5
    assert parent.answers == ()
    assert parent.error == "the parent of example.org. can't be looked up: the resolvers don't answer in time"


def test_resolvers_that_refuse(serve, tmp_path):
    port = serve({"net.": parent_zone(tmp_path, apex="net.")})
    parent = ask_parent("example.org.", resolver=resolver(port), timeout=1)
    assert parent.answers == ()
    assert parent.error.startswith("the parent of example.org. can't be looked up: ")


@pytest.mark.parametrize("zone", ["a" * 64 + ".org.", "..", ""])
def test_what_is_no_zone_name(zone):
    parent = ask_parent(zone)
    assert parent.error and parent.answers == ()
