"""What a daemon's keys and certificates must be before it starts or reloads, and what the metrics say of keys."""

import math
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tlskit import Authority
from zonegit.auth.key import Key, State
from zonegit.auth.keyfile import key_text, new_key, read_secret
from zonegit.auth.keyring import Keyring
from zonegit.auth.scope import parse_scope
from zonegit.daemon.signing import KeyEnds, primary_keys, usable_keys
from zonegit.errors import ConfigError, KeyFileError
from zonegit.ops.address import Address
from zonegit.ops.config import Config, PrimaryConfig, ReplicationConfig
from zonegit.ops.samples import Samples

HERE = ReplicationConfig(Address("127.0.0.1", 0), "p1")
EVERYWHERE = ReplicationConfig(Address("0.0.0.0", 0), "p1")
PRIMARY = PrimaryConfig("https://127.0.0.1", "p1")


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """`k1` signs, `k2` is accepted."""
    for kid in ("k1", "k2"):
        new_key(tmp_path / "keys", kid, (parse_scope("read:*"),), time.time, os.urandom)
    return tmp_path / "keys"


def change(keys: Path, kid: str, **fields: object) -> None:
    key, secret = read_secret(keys / f"{kid}.key")
    (keys / f"{kid}.key").write_text(key_text(replace(key, **fields), secret))  # type: ignore[arg-type]


def test_a_primary_and_a_secondary_with_good_keys(keys: Path, tmp_path: Path) -> None:
    config = Config(tmp_path, keys, replication=HERE, primary=PRIMARY)
    assert {key.kid for key in usable_keys(config)} == {"k1", "k2"}
    assert {key.kid for key in primary_keys(config, PRIMARY)} == {"k1", "k2"}
    assert [key.kid for key in primary_keys(config, PRIMARY._replace(key="k2"))] == ["k2"]
    assert len(usable_keys(Config(tmp_path))) == 0


@pytest.mark.parametrize("pin", ["", "k1"])
def test_a_secondary_needs_a_key_to_sign_with(keys: Path, tmp_path: Path, pin: str) -> None:
    change(keys, "k1", state=State.RETIRED)
    with pytest.raises(KeyFileError, match=str(keys)):
        usable_keys(Config(tmp_path, keys, primary=PRIMARY._replace(key=pin)))
    assert len(usable_keys(Config(tmp_path, keys, replication=HERE))) == 2, "a primary signs nothing with it"


def test_nothing_is_served_in_cleartext_beyond_loopback(keys: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="tls_cert"):
        usable_keys(Config(tmp_path, keys, replication=EVERYWHERE))
    usable_keys(Config(tmp_path, keys, replication=EVERYWHERE._replace(allow_plaintext=True)))
    files = Authority(tmp_path).issue("server")
    usable_keys(Config(tmp_path, keys, replication=EVERYWHERE._replace(tls_cert=files.cert, tls_key=files.key)))


def test_a_certificate_that_cannot_be_used_is_found_before(keys: Path, tmp_path: Path) -> None:
    section = EVERYWHERE._replace(tls_cert=tmp_path / "none.pem", tls_key=tmp_path / "none.key")
    for config in (Config(tmp_path, keys, replication=section),
                   Config(tmp_path, keys, primary=PRIMARY._replace(ca=tmp_path / "none.pem"))):  # fmt: skip
        with pytest.raises(ConfigError, match="none"):
            usable_keys(config)


def test_a_bound_key_needs_certificates_of_clients(keys: Path, tmp_path: Path) -> None:
    change(keys, "k2", client_cert="ab" * 32)
    with pytest.raises(KeyFileError, match="'k2' is bound to a client certificate"):
        usable_keys(Config(tmp_path, keys, replication=HERE))
    usable_keys(Config(tmp_path, keys, primary=PRIMARY))


def test_the_metrics_say_when_keys_end() -> None:
    samples = Samples(memoryview(bytearray(4096)))
    ends = KeyEnds(samples)
    first, second = (Key.derive(kid, kid.encode() * 16, not_after=at) for kid, at in (("k1", 1e9), ("k2", None)))
    ends.publish(Keyring([first, second]))
    assert told(samples) == {"k1": 1e9, "k2": math.inf}
    ends.publish(Keyring([replace(second, not_after=2e9)]))
    assert told(samples) == {"k1": math.inf, "k2": 2e9}
    ends.publish(Keyring([replace(second, not_after=2e9, state=State.RETIRED)]))
    assert told(samples) == {"k1": math.inf, "k2": math.inf}


def told(samples: Samples) -> dict[str, float]:
    return {labels[0]: values[0] for _, labels, values in samples.read()}


def test_credentials_are_keys_beside_the_others(
    keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    credentials = tmp_path / "credentials"
    new_key(credentials, "first", (parse_scope("read:*"),), time.time, os.urandom)
    (credentials / "password").write_text("of another program")
    config = Config(tmp_path, keys, replication=HERE, primary=PRIMARY)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    assert {key.kid for key in usable_keys(config)} == {"k1", "k2", "first"}
    assert [key.kid for key in primary_keys(config, PRIMARY._replace(key="first"))] == ["first"]


def test_a_credential_and_a_key_of_one_id_are_refused(keys: Path, tmp_path: Path, monkeypatch) -> None:
    new_key(tmp_path / "credentials", "k1", (parse_scope("read:*"),), time.time, os.urandom)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "credentials"))
    with pytest.raises(KeyFileError, match="two key files with the id k1"):
        usable_keys(Config(tmp_path, keys, replication=HERE))
