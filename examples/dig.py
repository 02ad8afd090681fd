"""A minimal replacement of dig for `make demo`, built on dnspython, with dig's output format.

dig @SERVER -p PORT [-b ADDRESS] [+short | +noall +answer] [+subnet=NETWORK] NAME TYPE, or -x ADDRESS
"""

import socket
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from typing import NamedTuple

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.reversename
import dns.rrset

SECONDS = 5.0


class Question(NamedTuple):
    """A query, and whether its answer is a transfer."""

    message: dns.message.QueryMessage
    transfer: bool


def main() -> int:
    parser = ArgumentParser(prog="dig", description="the little that `make demo` needs of dig")
    parser.add_argument("-p", type=int, dest="port", default=53, help="the server's port")
    parser.add_argument("-b", dest="source", help="ask from this address")
    parser.add_argument("-x", dest="reverse", help="ask for the PTR records of this address")
    parser.add_argument("words", nargs="+", help="@SERVER, NAME, TYPE, +short, +noall, +answer, +subnet=NETWORK")
    args = parser.parse_intermixed_args()
    try:
        (server,) = (word[1:] for word in args.words if word.startswith("@"))
        question = read_question(args)
    except (ValueError, dns.exception.DNSException):
        parser.error("give @SERVER, NAME and TYPE")
    try:
        if question.transfer:
            for rrset in transferred(question.message, server, args.port):
                print(rrset.to_text())
        else:
            show(dns.query.udp(question.message, server, SECONDS, args.port, args.source), args)
    except (OSError, EOFError, dns.exception.DNSException) as error:
        print(f";; {server}#{args.port}: {error}")
        return 9
    return 0


def read_question(args: Namespace) -> Question:
    """The query that the arguments ask for. Raises `ValueError` or `DNSException`."""
    options = [
        dns.edns.ECSOption.from_text(f"ECS {word.removeprefix('+subnet=')}")
        for word in args.words
        if word.startswith("+subnet=")
    ]
    if args.reverse:
        name = dns.reversename.from_address(args.reverse)
        return Question(dns.message.make_query(name, "PTR", options=options), transfer=False)
    text, rtype = (word for word in args.words if word[0] not in "@+")
    name = dns.name.from_text(text)
    rtype, _, serial = rtype.upper().partition("=")
    message = dns.message.make_query(name, rtype, options=options)
    if rtype == "IXFR":
        soa = dns.rrset.from_text(name, 0, "IN", "SOA", f". . {int(serial)} 0 0 0 0")
        message.authority.append(soa)
    return Question(message, transfer=rtype in ("AXFR", "IXFR"))


def show(answer: dns.message.Message, args: Namespace) -> None:
    if "+short" in args.words:
        for rrset in answer.answer:
            for rdata in rrset:
                print(rdata.to_text())
        return
    if "+noall" not in args.words:
        print(f";; ->>HEADER<<- opcode: QUERY, status: {dns.rcode.to_text(answer.rcode())}, id: {answer.id}")
        print(f";; flags: {dns.flags.to_text(answer.flags).lower()}; ANSWER: {len(answer.answer)}")
        for option in answer.options:
            if isinstance(option, dns.edns.ECSOption):
                print(f"; CLIENT-SUBNET: {option.address}/{option.srclen}/{option.scopelen}")
    for rrset in answer.answer:
        print(rrset.to_text())


def transferred(question: dns.message.Message, server: str, port: int) -> Iterator[dns.rrset.RRset]:
    """The records of a zone transfer as they arrive.

    The first one is the new SOA. An AXFR ends with its second one (RFC 5936 §2.2). In an IXFR it also begins the
    additions of the last difference, so there the third one ends it (RFC 1995 §4).
    """
    seen: list[dns.rrset.RRset] = []
    last = 2
    with socket.create_connection((server, port), SECONDS) as sock:
        dns.query.send_tcp(sock, question)
        while sum(rrset == seen[0] for rrset in seen) < last:
            message, _ = dns.query.receive_tcp(sock, one_rr_per_rrset=True)
            if message.rcode():
                raise OSError(f"the transfer is refused: {dns.rcode.to_text(message.rcode())}")
            for rrset in message.answer:
                seen.append(rrset)
                yield rrset
            if len(seen) > 1 and seen[1].rdtype == dns.rdatatype.SOA and seen[1] != seen[0]:
                last = 3


if __name__ == "__main__":
    sys.exit(main())
