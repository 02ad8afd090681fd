"""Signing by `ssh-keygen -Y sign`: for keys with a passphrase, in an agent or on an authenticator.

As git does, it gives ssh-keygen the data in a file, so that it can ask for the passphrase at the terminal.
"""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, TextIO

from zonegit.errors import InvalidSSH, SigningFailed
from zonegit.ssh.envelope import NAMESPACE, unarmored

PROGRAM: Final = "ssh-keygen"
_SECONDS: Final = 120.0
"""How long it may take to enter a passphrase or touch an authenticator."""


def sign_by_program(path: Path, message: bytes, namespace: str = NAMESPACE) -> bytes:
    """The SSHSIG of a message by the key that a file holds or names. `SigningFailed`."""
    with TemporaryDirectory(prefix="zonegit-signing-") as scratch:
        data = Path(scratch) / "data"
        data.write_bytes(message)
        _run([PROGRAM, "-q", "-Y", "sign", "-f", str(path), "-n", namespace, str(data)], path)
        try:
            return unarmored(data.with_name("data.sig").read_text("ascii"))
        except (OSError, ValueError, InvalidSSH):
            raise SigningFailed(f"{path}: ssh-keygen wrote no signature") from None


def _run(command: list[str], path: Path) -> None:
    """Run it. At a terminal its questions and messages are shown; otherwise an error says why it failed.

    Without a terminal ssh-keygen would wait for a passphrase on standard input, which is somebody else's.
    """
    typed = None if _is_terminal(sys.stdin) else subprocess.DEVNULL
    shown = None if _is_terminal(sys.stderr) else subprocess.PIPE
    try:
        done = subprocess.run(  # noqa: S603
            command, stdin=typed, stdout=subprocess.DEVNULL, stderr=shown, timeout=_SECONDS, check=False
        )
    except FileNotFoundError:
        raise SigningFailed(
            f"{path}: this key needs ssh-keygen, which is not installed (Debian: openssh-client)"
        ) from None
    except subprocess.TimeoutExpired:
        raise SigningFailed(f"{path}: ssh-keygen did not sign within {_SECONDS:.0f} seconds") from None
    except OSError as error:
        raise SigningFailed(f"{path}: ssh-keygen can't be run: {error.strerror}") from None
    if done.returncode:
        reason = _reason(path, (done.stderr or b"").decode(errors="replace").strip())
        raise SigningFailed(f"{path}: ssh-keygen did not sign" + (f": {reason}" if reason else ""))


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and stream.isatty()


def _reason(path: Path, said: str) -> str:
    """Why ssh-keygen failed, by what it said: what is usual with what to do, else its last line."""
    if "incorrect passphrase" in said:
        return f"the passphrase is wrong, or can't be asked for here; 'ssh-add {path}' gives the key to an agent"
    if "No private key found" in said:
        return "no SSH agent has the private key; ssh-add gives it to one"
    return said.rpartition("\n")[2]
