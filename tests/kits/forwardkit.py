"""A primary that takes UPDATEs and a secondary that forwards them, as daemons, and what nsupdate says of it."""

from base64 import b64encode
from pathlib import Path

from daemonkit import Daemon, new_reader
from repokit import ZONE, parsed
from updaterkit import new_key
from zonegit.repo import Repository

KEY = "k1"
"""The TSIG key's name, and the replication key's id."""


class Pair:
    """Each has a directory of its own below `home`; both have the key of replication."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.keys = {name: new_reader(home / name / "keys.d", KEY) for name in ("primary", "secondary")}
        (self.keys["secondary"] / f"{KEY}.key").write_bytes((self.keys["primary"] / f"{KEY}.key").read_bytes())
        self.key = new_key(self.keys["primary"], KEY)
        self.repository = Repository.init(home / "primary" / "repo")
        self.repository.import_zone(parsed(ZONE), source="test.zone")

    @property
    def secret(self) -> str:
        """The TSIG key's, in base64."""
        return b64encode(self.key.secret).decode()

    def share_key(self) -> None:
        """Have the secondary know the TSIG key."""
        (path,) = self.keys["primary"].glob("*.tsig")
        target = self.keys["secondary"] / path.name
        target.write_bytes(path.read_bytes())
        target.chmod(0o600)

    def primary(self, port: int = 0) -> Daemon:
        return self._daemon(
            "primary",
            f'[replication]\nlisten = "127.0.0.1:{port}"\nname = "p1"\n'
            f'[zone."example.org"]\nupdate = ["key:{KEY} ** *"]\n',
        )

    def secondary(self, primary: Daemon, more: str = "") -> Daemon:
        url = f"http://127.0.0.1:{primary.port('replication')}"
        return self._daemon("secondary", f'[primary]\nurl = "{url}"\nname = "p1"\npull_interval = "1s"\n{more}')

    def _daemon(self, name: str, tables: str) -> Daemon:
        home = self.home / name
        (home / "zonegitd.toml").write_text(
            f'repo = "{home}/repo"\nkeys = "{home}/keys.d"\n[dns]\nlisten = "127.0.0.1:0"\n'
            f'[metrics]\nlisten = "127.0.0.1:0"\n{tables}'
        )
        daemon = Daemon("--config", home / "zonegitd.toml")
        daemon.logged("]: listening ")
        return daemon
