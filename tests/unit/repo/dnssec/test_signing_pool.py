"""Signatures that several processes make or verify: with the same result, whatever happens to the processes."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemonkit import until
from zonegit.dnssec.keys import Signed, verify_all, zone_key
from zonegit.dnssec.policy import Algorithm
from zonegit.dnssec.private_key import KSK_FLAGS, FileSigner, PrivateKey, generate
from zonegit.dnssec.rollover.values import Role
from zonegit.repo.dnssec import signing_pool
from zonegit.repo.dnssec.key_directory import KeyDirectory
from zonegit.repo.dnssec.signing_pool import SigningPool

MESSAGES = [b"message %d " % at * (at % 30) for at in range(5000)]
LARGE = {8: 400, 13: 5000, 14: 500, 15: 5000}
LARGE_TO_VERIFY = {8: 5000, 13: 2000, 14: 300, 15: 2000}


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> Iterator[SigningPool]:
    monkeypatch.setattr(signing_pool, "_PATIENCE", 60)  # on a busy machine a worker isn't given up
    pool = SigningPool(3)
    yield pool
    pool.close()


@pytest.fixture(scope="module")
def key() -> PrivateKey:
    return generate(Algorithm.ED25519)  # its signatures are always the same


@pytest.fixture(scope="module")
def expected(key: PrivateKey) -> list[bytes]:
    return FileSigner(key).sign(MESSAGES)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("algorithm", Algorithm)
def test_a_large_batch_verifies_in_its_order(pool: SigningPool, algorithm: Algorithm) -> None:
    key = generate(algorithm)
    messages = MESSAGES[: LARGE[algorithm]]
    public = zone_key(key.dnskey(KSK_FLAGS))
    assert public is not None and public.verify is not None
    signatures = pool.signer(key).sign(messages)
    assert len(signatures) == len(messages)
    assert all(public.verify(signature, data) for signature, data in zip(signatures, messages, strict=True))
    assert len(pool.pids) == 2


def test_workers_sign_with_the_key_of_each_batch(pool: SigningPool, key: PrivateKey, expected: list[bytes]) -> None:
    other = generate(Algorithm.ED25519)
    for _ in range(2):
        assert pool.signer(key).sign(MESSAGES) == expected
        assert pool.signer(other).sign(MESSAGES) == FileSigner(other).sign(MESSAGES)


def test_a_key_directory_signs_with_a_pool(tmp_path: Path, pool: SigningPool) -> None:
    keys = KeyDirectory(tmp_path / "keys", pool.signer).zone("example.org.")
    made = keys.generate(Role.CSK, Algorithm.ED25519, 1)
    signatures = keys.signing_key(made.dnskey).signer.sign(MESSAGES)
    alone = KeyDirectory(tmp_path / "keys").zone("example.org.").signing_key(made.dnskey).signer
    assert alone.sign(MESSAGES) == signatures
    assert pool.pids


def test_small_batches_start_no_process(pool: SigningPool, key: PrivateKey, expected: list[bytes]) -> None:
    signer = pool.signer(key)
    assert signer.sign(MESSAGES[:1000]) == expected[:1000]
    assert signer.sign([]) == []
    assert pool.pids == []


def test_one_processor_needs_no_worker(key: PrivateKey, expected: list[bytes]) -> None:
    pool = SigningPool(1)
    assert pool.signer(key).sign(MESSAGES) == expected
    assert pool.pids == []


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_workers_that_are_killed_or_stopped_are_replaced(
    pool: SigningPool,
    key: PrivateKey,
    expected: list[bytes],
    monkeypatch: pytest.MonkeyPatch,
    how: signal.Signals,
    when: str,
) -> None:
    monkeypatch.setattr(signing_pool, "_PATIENCE", 1)
    signer = pool.signer(key)
    assert signer.sign(MESSAGES) == expected
    before = pool.pids
    if when == "before":
        for pid in before:
            os.kill(pid, how)
        assert signer.sign(MESSAGES) == expected
    else:
        command = f"sleep 0.05; kill -{how.value} {' '.join(map(str, before))}"
        with subprocess.Popen(["/bin/sh", "-c", command]) as killer:
            assert signer.sign(MESSAGES * 4) == expected * 4
            killer.wait(10)
    assert signer.sign(MESSAGES) == expected
    assert not set(before) & set(pool.pids)
    assert len(pool.pids) <= 2


def test_workers_end_with_the_pool_and_with_its_process(pool: SigningPool, key: PrivateKey) -> None:
    pool.signer(key).sign(MESSAGES)
    pids = pool.pids
    pool.close()
    assert not any(map(is_alive, pids))

    code = (
        "import sys; from zonegit.repo.dnssec import signing_pool; signing_pool._PATIENCE = 60; "
        "from zonegit.dnssec.private_key import generate; pool = signing_pool.SigningPool(3); "
        "pool.signer(generate(15)).sign([b'message'] * 5000); print(*pool.pids, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        pids = [int(pid) for pid in process.stdout.readline().split()]
        assert len(pids) == 2 and all(map(is_alive, pids))
        process.kill()
    until(lambda: not any(map(is_alive, pids)), "the workers end with their parent")


def test_workers_have_low_priority_and_show_no_key(pool: SigningPool, key: PrivateKey) -> None:
    pool.signer(key).sign(MESSAGES)
    secret = key.pem().splitlines()[1]
    low = min(19, os.getpriority(os.PRIO_PROCESS, 0) + 10)
    until(lambda: all(os.getpriority(os.PRIO_PROCESS, pid) == low for pid in pool.pids), "their priority")
    for pid in pool.pids:
        seen = b"".join((Path("/proc") / str(pid) / name).read_bytes() for name in ("cmdline", "environ"))
        assert secret not in seen
        assert (
            "Max core file size        0                    0" in (Path("/proc") / str(pid) / "limits").read_text()
        )


def signed_by(key: PrivateKey, count: int) -> list[Signed]:
    """So many signed messages; every seventh signature is wrong: of another message, cut short, or none."""
    messages = MESSAGES[1:30]
    some = [Signed(*each) for each in zip(FileSigner(key).sign(messages), messages, strict=True)]
    whole = [some[at % len(some)] for at in range(count)]
    for at in range(0, count, 7):
        signature, data = whole[at]
        whole[at] = Signed([some[(at + 1) % len(some)].signature, signature[:-1], b""][at % 3], data)
    return whole


@pytest.mark.parametrize("algorithm", Algorithm)
def test_a_large_batch_is_verified_in_its_order(pool: SigningPool, algorithm: Algorithm) -> None:
    key = generate(algorithm)
    signed = signed_by(key, LARGE_TO_VERIFY[algorithm])
    expected = [bool(at % 7) for at in range(len(signed))]
    dnskey = key.dnskey(KSK_FLAGS)
    assert pool.verify_all(dnskey, signed) == expected == verify_all(dnskey, signed)
    assert len(pool.pids) == 2


def test_workers_verify_and_sign_in_turns(pool: SigningPool, key: PrivateKey, expected: list[bytes]) -> None:
    other = generate(Algorithm.ECDSAP256SHA256)
    for by in (key, other):
        signed = signed_by(by, 2000)
        assert pool.verify_all(by.dnskey(KSK_FLAGS), signed) == [bool(at % 7) for at in range(2000)]
        assert pool.signer(key).sign(MESSAGES) == expected
    assert not any(pool.verify_all(key.dnskey(KSK_FLAGS), signed)), "signatures by another key"


def test_small_batches_are_verified_in_no_other_process(pool: SigningPool, key: PrivateKey) -> None:
    dnskey = key.dnskey(KSK_FLAGS)
    assert pool.verify_all(dnskey, signed_by(key, 200)) == [bool(at % 7) for at in range(200)]
    assert pool.verify_all(dnskey, []) == []
    assert pool.pids == []


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_no_worker_that_fails_makes_a_signature_valid(
    pool: SigningPool, key: PrivateKey, monkeypatch: pytest.MonkeyPatch, how: signal.Signals
) -> None:
    monkeypatch.setattr(signing_pool, "_PATIENCE", 1)
    signed, dnskey = signed_by(key, 10_000), key.dnskey(KSK_FLAGS)
    expected = [bool(at % 7) for at in range(len(signed))]
    assert pool.verify_all(dnskey, signed[:2000]) == expected[:2000]
    before = pool.pids
    command = f"sleep 0.05; kill -{how.value} {' '.join(map(str, before))}"
    with subprocess.Popen(["/bin/sh", "-c", command]) as killer:
        assert pool.verify_all(dnskey, signed) == expected
        killer.wait(10)
    assert pool.verify_all(dnskey, signed) == expected
    assert not set(before) & set(pool.pids)


def test_what_a_worker_says_is_not_believed_if_it_is_no_answer(
    pool: SigningPool, key: PrivateKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "worker"
    program.write_text("#!/bin/sh\ntr '\\0' '\\1' < /dev/zero\n")
    program.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(program))
    signed = signed_by(key, 5000)
    assert pool.verify_all(key.dnskey(KSK_FLAGS), signed) == [bool(at % 7) for at in range(5000)]
