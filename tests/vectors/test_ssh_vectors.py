"""The recorded signatures in ssh.json verify today.

`tests/kits/sshkit.py` wrote the file. zonegit made the signatures by plain keys; a FIDO authenticator in software
(`sshkit.Authenticator`) made those by `sk-` keys, with the flags and the counter in `said`.
"""

import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest

from zonegit.errors import InvalidSSH
from zonegit.ssh.envelope import decode_envelope
from zonegit.ssh.public_key import TYPES

VECTORS: list[dict[str, Any]] = json.loads(Path(__file__).with_name("ssh.json").read_text())


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["key"].split()[0])
def test_a_recorded_signature_verifies(vector: dict[str, Any]) -> None:
    envelope = decode_envelope(b64decode(vector["signature"]))
    assert envelope.key.line == vector["key"]
    assert envelope.key.fingerprint == vector["fingerprint"]
    message = vector["message"].encode()
    said = envelope.verify(message)
    assert (said and list(said)) == vector["said"]
    with pytest.raises(InvalidSSH, match="is not the key's signature"):
        envelope.verify(message + b"x")


def test_every_type_is_recorded() -> None:
    assert {vector["key"].split()[0] for vector in VECTORS} == TYPES
