"""Programs that are started come to their end, and the peers answer what they were given."""

import sys
from collections.abc import Callable
from pathlib import Path

import peers
import pytest
from dns_client import AXFR, ask_serial, query, take_transfer
from material import ZoneFile
from processes import MeasuringFailed, ProgramMissing, find_program, finished, measured, running

ZONE = """\
$ORIGIN example.com.
@ 3600 IN SOA ns1 hostmaster 42 7200 900 1209600 300
@ 3600 IN NS ns1
ns1 3600 IN A 192.0.2.1
www 300 IN A 192.0.2.2
"""


def test_a_program_ends_with_its_block(tmp_path: Path) -> None:
    waiting = [sys.executable, "-c", "import signal; signal.pause()"]
    with pytest.raises(RuntimeError), running(waiting, tmp_path / "log") as program:
        program.check()
        raise RuntimeError
    assert program.process.poll() is not None


def test_a_program_that_ended_is_told_with_its_last_words(tmp_path: Path) -> None:
    failing = [sys.executable, "-c", "raise SystemExit('no such zone')"]
    with running(failing, tmp_path / "log") as program:
        program.process.wait(60)
        with pytest.raises(MeasuringFailed, match="no such zone"):
            program.check()
    with pytest.raises(MeasuringFailed, match="no such zone"):
        finished(failing)
    with pytest.raises(MeasuringFailed, match="no such zone"):
        measured(failing, tmp_path / "other")


def test_memory_is_the_programs_own(tmp_path: Path) -> None:
    small = measured([sys.executable, "-S", "-c", "pass"], tmp_path / "log")
    held = "import time; held = b'x' * (64 << 20); time.sleep(1)"  # long enough to be looked at
    large = measured([sys.executable, "-S", "-c", held], tmp_path / "log")
    assert small.wall > 0
    assert large.peak - small.peak > 48 << 20


def test_a_missing_program_is_named() -> None:
    with pytest.raises(ProgramMissing, match="no-such-program"):
        find_program("no-such-program")


@pytest.mark.parametrize("peer", peers.PEERS, ids=lambda peer: peer.name)
def test_a_peer_serves_and_transfers(peer: peers.Peer, tmp_path: Path, needs_program: Callable[[str], str]) -> None:
    needs_program(peer.program)
    path = tmp_path / "zone"
    path.write_text(ZONE)
    with peer.serving(ZoneFile(path, "example.com.", 42, 4), tmp_path / "peer") as server:
        assert take_transfer(server.port, query("example.com.", AXFR), 5, timeout=10).records == 5
    assert ask_serial(server.port, "example.com.", 0.1) is None
    assert peer.version().startswith(peer.name)


def test_a_program_that_hangs_is_told() -> None:
    with pytest.raises(MeasuringFailed, match="did not end"):
        finished([sys.executable, "-c", "import signal; signal.pause()"], timeout=0.2)
