"""What an import says of a chain that doesn't deny all that isn't there, without verifying a signature."""

import re
from pathlib import Path

import pytest

from checkkit import entries_of
from zonegit.dnssec.check import check_signatures
from zonegit.dnssec.denial import check_denial
from zonegit.model.names import owner_text, parse_apex
from zonegit.zonefile.reader import read_zone

EXAMPLE = parse_apex("example.com.")
SIGNATURE = "SOA 13 2 60 20300101000000 20200101000000 1 example.com. AQAB"
ZONE = f"@ 60 SOA ns.example.net. h 1 2 3 4 5\n@ NS ns.example.net.\n@ RRSIG {SIGNATURE}\nw A 192.0.2.1\n"
NSECS = ZONE + "@ NSEC w NS SOA RRSIG NSEC\nw NSEC @ A NSEC\n"


def told(text: str) -> list[str]:
    return [f"{owner_text(each.owner)} {each.check}" for each in check_denial(EXAMPLE, entries_of(text))]


@pytest.mark.parametrize("name", ["nsec3.zone", "optout.zone"])
def test_a_chain_with_a_link_taken_out_is_told(name: str) -> None:
    whole = read_zone(Path(__file__).with_name(name), name=name, origin=None)
    assert check_denial(whole.apex, whole.entries) == []
    hashed = [entry for entry in whole.entries if entry[0][-2:] == b"\0\x32"]
    for gone in hashed:
        left = [entry for entry in whole.entries if entry[0][:-3] != gone[0][:-3]]
        (found,) = check_denial(whole.apex, left)
        assert found.check == "broken-denial"
        assert re.search(
            r"NSEC3.*: validators refuse negative answers that this can't prove; "
            r"`zonegit --zone \S+ check` lists all",
            found.message,
        )


def test_nsec_chains() -> None:
    assert told(NSECS) == []
    assert told(NSECS.replace("w NSEC", "w TYPE65280 \\# 0 ; NSEC")) == ["w broken-denial"]
    assert told(NSECS.replace("NSEC w", "NSEC v")) == ["@ broken-denial"]
    assert told(ZONE) == ["@ broken-denial"], "it has none at all"


def test_nothing_is_said_of_an_unsigned_zone() -> None:
    assert told(ZONE.replace("@ RRSIG", "w RRSIG")) == []


@pytest.mark.parametrize(
    ("iterations", "expected"), [(0, "broken-denial"), (150, "broken-denial"), (151, "nsec3-costly")]
)
def test_iterations_that_validators_do_not_follow(iterations: int, expected: str) -> None:
    zone = f"{ZONE}@ NSEC3PARAM 1 0 {iterations} -\n"
    assert told(zone) == [f"@ {expected}"]
    found = check_signatures(EXAMPLE, 1, entries_of(zone), 1.7e9)
    assert ("nsec3-missing" in {each.check for each in found}) == (iterations <= 150), (
        "what isn't followed isn't hashed"
    )
