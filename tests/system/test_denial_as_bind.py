"""The chains that zonegit makes are, byte for byte, those that BIND's dnssec-signzone makes of the same zones."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from chainkit import tree_of
from differzones import make_world
from zonegit.dnssec.signing.chain import Chain
from zonegit.dnssec.signing.nsec import NsecChain
from zonegit.dnssec.signing.nsec3 import Nsec3Chain
from zonegit.model.names import WireName
from zonegit.model.rdata import NSEC, NSEC3, NSEC3PARAM, RRSIG
from zonegit.zonefile.reader import read_zone

OPTIONS: dict[str, tuple[str, ...]] = {
    "nsec": (),
    "nsec3": ("-3", "-", "-H", "0"),
    "nsec3-opt-out": ("-3", "-", "-H", "0", "-A"),
}
CHAIN_TYPES = {rtype.to_bytes(2, "big") for rtype in (NSEC, NSEC3, NSEC3PARAM)}
SIGNATURES = RRSIG.to_bytes(2, "big")


def chain_of(mode: str, apex: WireName) -> Chain:
    return NsecChain(apex) if mode == "nsec" else Nsec3Chain(apex, mode == "nsec3-opt-out")


@pytest.mark.parametrize("seed", range(1, 4))
@pytest.mark.parametrize("mode", OPTIONS)
def test_chains_are_those_of_dnssec_signzone(
    needs_program: Callable[[str], str], tmp_path: Path, mode: str, seed: int
) -> None:
    signzone, keygen = needs_program("dnssec-signzone"), needs_program("dnssec-keygen")

    def run(*command: str) -> str:
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    for zone in make_world(seed, ("made",)):
        (tmp_path / "zone").write_text(zone.text())
        key = run(keygen, "-q", "-a", "ED25519", "-f", "KSK", "-n", "ZONE", zone.apex)
        how = ("-q", "-z", "-P", "-S", "-K", ".", "-o", zone.apex, "-f", "signed", *OPTIONS[mode])
        run(signzone, *how, "zone", key)
        signed = read_zone(tmp_path / "signed", name="signed", origin=None)
        theirs = [entry for entry in signed.entries if entry[0][-2:] in CHAIN_TYPES]
        ours = tree_of(e for e in signed.entries if e[0][-2:] not in {*CHAIN_TYPES, SIGNATURES})
        assert list(chain_of(mode, signed.apex).whole(ours)) == theirs
