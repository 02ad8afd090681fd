"""Laws of RDATA over all types: what is accepted is shown and exported in forms that read back as the same."""

from random import Random

from hypothesis import assume, example, given
from hypothesis import strategies as st

from rdatakit import APEX, accepted, sample_wires, spoilt_text, spoilt_wire
from rdatasamples import SAMPLES
from zonegit.errors import InvalidRecord
from zonegit.model.names import ROOT, WireName
from zonegit.model.rdata import SOA, is_canonical
from zonegit.zonefile.portable import portable_record
from zonegit.zonefile.rdata import presentation
from zonegit.zonefile.rdata.fitting import misfit
from zonegit.zonefile.rdata.layouts import LAYOUTS
from zonegit.zonefile.types import parse_type

mnemonics = st.sampled_from(sorted(SAMPLES))
chances = st.randoms(use_true_random=False)


def may_enter(rtype: int, wire: bytes) -> bool:
    """Whether a version with this record may be fetched from others."""
    try:
        return is_canonical(rtype, wire) and misfit(rtype, wire) is None
    except InvalidRecord:
        return False


def holds(rtype: int, wire: bytes, origin: WireName | None) -> None:
    assert may_enter(rtype, wire)
    presentation.check(rtype, wire)
    assert presentation.parse(rtype, presentation.text(rtype, wire, origin), origin) == wire
    assert presentation.parse(rtype, presentation.generic_text(wire), None) == wire
    portable_type, portable = portable_record(rtype, wire)
    assert presentation.parse(parse_type(portable_type), portable, None) == wire


@given(mnemonics, chances, st.sampled_from([None, APEX, ROOT]))
def test_text_that_is_accepted_reads_back(mnemonic: str, rng: Random, origin: WireName | None) -> None:
    rtype = parse_type(mnemonic)
    wire = accepted(rtype, spoilt_text(rng, SAMPLES[mnemonic]))
    assume(wire is not None)
    assert wire is not None
    holds(rtype, wire, origin)


@given(mnemonics, chances)
def test_wire_that_is_accepted_reads_back(mnemonic: str, rng: Random) -> None:
    rtype = parse_type(mnemonic)
    wire = accepted(rtype, presentation.generic_text(spoilt_wire(rng, sample_wires(mnemonic))))
    assume(wire is not None)
    assert wire is not None
    holds(rtype, wire, None)


@given(st.integers(0, 65535), st.binary(max_size=40))
@example(29, bytes.fromhex("00121613934fd9018000000000989680"))
def test_any_bytes_of_any_type_are_accepted_and_read_back_or_refused(rtype: int, data: bytes) -> None:
    wire = accepted(rtype, presentation.generic_text(data))
    if wire is not None:
        holds(rtype, wire, None)


@given(mnemonics, chances)
@example("NAPTR", Random(0))
def test_what_enters_by_replication_is_what_a_zone_file_may_hold(mnemonic: str, rng: Random) -> None:
    rtype, wires = parse_type(mnemonic), sample_wires(mnemonic)
    for wire in (spoilt_wire(rng, wires), *wires):
        read = accepted(rtype, presentation.generic_text(wire))
        assert may_enter(rtype, wire) == (read == wire), wire.hex()


def test_each_type_s_records_that_are_cut_off_enter_nowhere_or_everywhere() -> None:
    assert LAYOUTS.keys() - {SOA} <= {parse_type(mnemonic) for mnemonic in SAMPLES}, "all types have samples"
    for mnemonic in SAMPLES:
        rtype = parse_type(mnemonic)
        for wire in sample_wires(mnemonic):
            for end in range(min(len(wire), 80)):
                read = accepted(rtype, presentation.generic_text(wire[:end]))
                assert may_enter(rtype, wire[:end]) == (read == wire[:end]), (mnemonic, wire[:end].hex())
