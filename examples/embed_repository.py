"""A program that changes a zone and prints the result: embed_repository.py REPOSITORY NAME TYPE TTL RDATA

Prints the records that changed and the new serial; refuses whatever `zonegit set` refuses, in one line.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from zonegit import Repository
from zonegit.errors import ZonegitError
from zonegit.model.names import parse_apex
from zonegit.zonefile.text import parse_rdata, rrset_lines
from zonegit.zonefile.types import parse_ttl, parse_type


def change(path: Path, name: str, rtype: str, ttl: str, rdata: str) -> Iterator[str]:
    with Repository.open(path) as repository:
        apex = parse_apex(repository.position().zone)
        number = parse_type(rtype)
        done = repository.set(name, number, parse_ttl(ttl), [parse_rdata(number, [rdata], apex)], who="a program")
        for changed in done.changes:
            for sign, rrset in (("-", changed.old), ("+", changed.new)):
                yield from (f"{sign}{line}" for line in rrset_lines(rrset, apex)) if rrset else ()
        yield f"{done.zone} {done.branch} serial {done.serial}"


if __name__ == "__main__":
    try:
        print(*change(Path(sys.argv[1]), *sys.argv[2:6]), sep="\n")
    except ZonegitError as error:
        sys.exit(str(error))
