"""Catalog zones for tests: written as zone files, read as the program reads them."""

from io import BytesIO

from zonegit.model.names import parse_apex
from zonegit.model.rrset import RRset
from zonegit.repo.catalog.reading import read_catalog
from zonegit.repo.catalog.values import Broken, Catalog, Member
from zonegit.zonefile.reader import read_zone

NAME = "catalog.example."
HEAD = "@ 0 IN SOA invalid. invalid. 1 3600 600 2419200 0\n@ 0 IN NS invalid.\n"
VERSION = 'version 0 IN TXT "2"\n'


def catalog_of(body: str, name: str = NAME, version: str = VERSION) -> Catalog | Broken:
    """The catalog that these lines of a zone file make, below the SOA, NS and version."""
    parsed = read_zone(BytesIO((HEAD + version + body).encode()), name="catalog", origin=parse_apex(name))
    return read_catalog(name, (RRset.decode(payload) for _, payload in parsed.entries))


def members_of(body: str) -> dict[str, Member]:
    found = catalog_of(body)
    assert isinstance(found, Catalog), found
    return dict(found.members)


def catalog(*members: Member, name: str = NAME) -> Catalog:
    return Catalog(name, {member.zone: member for member in members})


def member(zone: str, ident: str = "", *groups: str, coo: str | None = None) -> Member:
    return Member(zone, (ident or zone.split(".")[0]).encode(), groups, coo)
