"""RDATA from careless and hostile hands: what is read is written so that it reads back, all else is refused."""

import random

import pytest

from fuzzkit import TIMES
from rdatakit import APEX, sample_wires, spoilt_text, spoilt_wire
from rdatasamples import SAMPLES
from zonegit.errors import InvalidRecord
from zonegit.zonefile.portable import portable_record
from zonegit.zonefile.rdata import presentation
from zonegit.zonefile.text import parse_rdata, rdata_text
from zonegit.zonefile.types import parse_type

pytestmark = pytest.mark.timeout(1800)


def test_what_is_read_reads_back() -> None:
    seed = random.getrandbits(32)
    rng = random.Random(seed)
    mnemonics = list(SAMPLES)
    wires = {mnemonic: sample_wires(mnemonic) for mnemonic in mnemonics}
    read = 0
    for number in range(TIMES):
        mnemonic = rng.choice(mnemonics)
        rtype = parse_type(mnemonic)
        if rng.random() < 0.5:
            text = spoilt_text(rng, SAMPLES[mnemonic])
        else:
            text = presentation.generic_text(spoilt_wire(rng, wires[mnemonic]))
        try:
            wire = presentation.parse(rtype, text, APEX)
        except InvalidRecord as refusal:
            assert "\n" not in str(refusal)
            continue
        read += 1
        where = f"seed {seed}, input {number}: {mnemonic} {text!r}"
        for origin in (None, APEX):
            shown = rdata_text(rtype, wire, origin)
            assert presentation.parse(rtype, shown, origin) == wire, where
        portable_type, portable = portable_record(rtype, wire)
        assert presentation.parse(parse_type(portable_type), portable, None) == wire, where
        if rtype not in (16, 99):  # where words of a command line are strings as they stand
            assert parse_rdata(rtype, [rdata_text(rtype, wire)], APEX) == wire, where
    assert TIMES // 10 < read < TIMES
