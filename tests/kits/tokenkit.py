"""A token in software: SoftHSM2, with a directory of its own."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from zonegit.dnssec.pkcs11_uri import TokenKey
from zonegit.repo.dnssec.tokens import close_tokens

_PLACES = ("/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu")
PIN = "271828"


class SoftToken:
    """A token, the file with its PIN, and a way to take it out."""

    def __init__(self, top: Path, program: str, library: Path) -> None:
        self._tokens = top / "tokens"
        self._away = top / "away"
        self._tokens.mkdir()
        self.configuration = top / "softhsm2.conf"
        self.configuration.write_text(f"directories.tokendir = {self._tokens}\nlog.level = ERROR\n")
        self.pin = top / "pin"
        self.pin.write_text(f"{PIN}\n")
        self.pin.chmod(0o600)
        command = [program, "--init-token", "--free", "--label", "zone keys", "--pin", PIN, "--so-pin", "31415926"]
        environment = {"SOFTHSM2_CONF": str(self.configuration)}
        subprocess.run(command, env=environment, check=True, capture_output=True, timeout=30)
        self.place = TokenKey(library, self.pin, "zone keys", "", "", b"")

    def take_out(self) -> None:
        self._tokens.rename(self._away)

    def put_back(self) -> None:
        self._away.rename(self._tokens)


def softhsm_library() -> Path:
    """The path of SoftHSM2's library. The test is skipped if there is none."""
    for place in _PLACES:
        path = Path(place) / "softhsm" / "libsofthsm2.so"
        if path.exists():
            return path
    pytest.skip("needs libsofthsm2.so")


@pytest.fixture
def token(
    tmp_path: Path, needs_program: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[SoftToken]:
    """A new token."""
    top = tmp_path / "token"
    top.mkdir()
    made = SoftToken(top, needs_program("softhsm2-util"), softhsm_library())
    monkeypatch.setenv("SOFTHSM2_CONF", str(made.configuration))
    close_tokens()
    yield made
    close_tokens()
