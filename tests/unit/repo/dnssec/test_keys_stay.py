"""Private keys stay in their directory: nothing of them is in a repository, its backup, a log or a message."""

import logging
import re
import traceback
from base64 import b64encode
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from signedkit import ORG, SignedNode
from zonegit.dnssec.bind_key_files import KeyTimes, write_pair
from zonegit.dnssec.policy import Algorithm, DnssecPolicy, KeyLayout
from zonegit.dnssec.private_key import KSK_FLAGS, FileSigner, PrivateKey, from_pem, generate
from zonegit.dnssec.rollover.values import Role
from zonegit.errors import DnssecError
from zonegit.repo.dnssec.key_directory import KeyDirectory
from zonegit.repo.dnssec.key_files import foreign, generated, stem
from zonegit.repo.dnssec.moved_keys import KeyFile
from zonegit.store.backup import back_up
from zonegit.store.lmdb import LmdbStore


def traces(key: PrivateKey) -> list[bytes]:
    """The secret number of a key in all forms in which it could turn up."""
    material = key.material
    if isinstance(material, ed25519.Ed25519PrivateKey):
        secret = material.private_bytes_raw()
    elif isinstance(material, ec.EllipticCurvePrivateKey):
        secret = material.private_numbers().private_value.to_bytes((material.key_size + 7) // 8, "big")
    else:
        assert isinstance(material, rsa.RSAPrivateKey)
        secret = material.private_numbers().p.to_bytes(material.key_size // 16, "big")
    lines = [line for line in key.pem().splitlines() if b"-----" not in line]
    return [
        secret,
        secret.hex().encode(),
        b64encode(secret),
        str(int.from_bytes(secret, "big")).encode(),
        lines[-1],
    ]


def holds(data: bytes, key: PrivateKey) -> bool:
    return any(each in data for each in traces(key))


@pytest.mark.parametrize("algorithm", [Algorithm.ED25519, Algorithm.ECDSAP256SHA256])
def test_a_repository_and_its_backup_have_nothing_of_the_keys(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, algorithm: Algorithm
) -> None:
    caplog.set_level(logging.DEBUG)
    path = tmp_path / "repo"
    with closing(LmdbStore.create(path)) as store:
        node = SignedNode(tmp_path, DnssecPolicy(algorithm=algorithm, keys=KeyLayout.SPLIT), store=store)
        node.publish()
        status = node.settle(86_400)
    made = [from_pem(file.read_bytes()) for file in (tmp_path / "keys" / "example.org").glob("*.pem")]
    assert len(made) == 2
    with (tmp_path / "backup").open("wb") as file:
        back_up(path, file.fileno(), "backup")
    state = (tmp_path / "keys" / "example.org" / "state").read_bytes()
    seen = [state, caplog.text.encode(), repr(status).encode(), (tmp_path / "backup").read_bytes()]
    seen += [each.read_bytes() for each in path.rglob("*") if each.is_file()]
    for key in made:
        assert key.dnskey(256)[4:] in seen[3], "the public half is published"
        assert not any(holds(data, key) for data in seen)


@pytest.mark.parametrize("algorithm", Algorithm)
def test_no_repr_shows_anything_of_a_key(tmp_path: Path, algorithm: Algorithm) -> None:
    keys = KeyDirectory(tmp_path / "keys").zone(ORG)
    made = keys.generate(Role.CSK, algorithm, 1)
    (file,) = keys.path.glob("*.pem")
    key = from_pem(file.read_bytes())
    pair = keys.export(made.dnskey, KeyTimes())
    private = pair.private.encode()
    assert holds(private, key)
    new = foreign(private, Role.CSK, ORG)
    values = (key, keys, keys.signing_key(made.dnskey), FileSigner(key), pair, new, generated(Role.CSK, algorithm))
    shown = f"{values!r} {KeyFile('K', private, None, Role.CSK)!r}".encode()
    assert not holds(shown, key)


@pytest.mark.parametrize("algorithm", Algorithm)
def test_no_error_about_a_key_shows_anything_of_it(tmp_path: Path, algorithm: Algorithm) -> None:
    """Neither its message nor what a traceback of it would print."""
    key = generate(algorithm)
    keys = KeyDirectory(tmp_path / "keys").zone(ORG)
    private, public = (text.encode() for text in write_pair(ORG, key, KSK_FLAGS, KeyTimes())[1:])
    wrong = [private + private, private.replace(b": ", b": !"), private[:-30], key.pem()[:-40], key.pem()[40:]]
    wrong += [re.sub(rb"Algorithm: .*", b"Algorithm: %d (x)" % other, private) for other in (5, 8, 13, 14, 15, 16)]
    told = 0
    for text in wrong:
        try:
            keys.import_(text, Role.CSK, 1, public)
        except DnssecError:
            told += 1
            assert not holds(traceback.format_exc().encode(), key)
    assert told == len(wrong) - 1, "one of the numbers is right"
    path = keys.path / f"{stem(key.dnskey(KSK_FLAGS))}.pem"
    path.write_bytes(key.pem()[:-40])
    with pytest.raises(DnssecError) as caught:
        keys.signing_key(key.dnskey(KSK_FLAGS))
    assert not holds("".join(traceback.format_exception(caught.value)).encode(), key)
