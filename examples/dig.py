"""A minimal replacement of dig for `make demo`, built on dnspython, with dig's output format.

dig @SERVER -p PORT [-b ADDRESS] [+short | +noall +answer] NAME TYPE
"""

import socket
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import dns.rrset

SECONDS = 5.0


def main() -> int:
    parser = ArgumentParser(prog="dig", description="the little that `make demo` needs of dig")
    parser.add_argument("-p", type=int, dest="port", default=53, help="the server's port")
    parser.add_argument("-b", dest="source", help="ask from this address")
    parser.add_argument("words", nargs="+", help="@SERVER, NAME, TYPE, +short, +noall, +answer")
    args = parser.parse_intermixed_args()
    try:
        (server,) = (word[1:] for word in args.words if word.startswith("@"))
        name, rtype = (word for word in args.words if word[0] not in "@+")
        wanted = dns.message.make_query(name, rtype)
    except (ValueError, dns.exception.DNSException):
        parser.error("give @SERVER, NAME and TYPE")
    try:
        if rtype.upper() == "AXFR":
            for rrset in transferred(wanted, server, args.port):
                print(rrset.to_text())
        else:
            show(dns.query.udp(wanted, server, SECONDS, args.port, args.source), args)
    except (OSError, EOFError, dns.exception.DNSException) as error:
        print(f";; {server}#{args.port}: {error}")
        return 9
    return 0


def show(answer: dns.message.Message, args: Namespace) -> None:
    if "+short" in args.words:
        for rrset in answer.answer:
            for rdata in rrset:
                print(rdata.to_text())
        return
    if "+noall" not in args.words:
        print(f";; ->>HEADER<<- opcode: QUERY, status: {dns.rcode.to_text(answer.rcode())}, id: {answer.id}")
        print(f";; flags: {dns.flags.to_text(answer.flags).lower()}; ANSWER: {len(answer.answer)}")
    for rrset in answer.answer:
        print(rrset.to_text())


def transferred(question: dns.message.Message, server: str, port: int) -> Iterator[dns.rrset.RRset]:
    """The records of a zone transfer as they arrive, from one SOA to the next (RFC 5936 §2.2)."""
    ends = 0
    with socket.create_connection((server, port), SECONDS) as sock:
        dns.query.send_tcp(sock, question)
        while ends < 2:
            message, _ = dns.query.receive_tcp(sock, one_rr_per_rrset=True)
            if message.rcode():
                raise OSError(f"the transfer is refused: {dns.rcode.to_text(message.rcode())}")
            for rrset in message.answer:
                ends += rrset.rdtype == dns.rdatatype.SOA
                yield rrset


if __name__ == "__main__":
    sys.exit(main())
