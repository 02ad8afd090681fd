"""The configuration by which zonegitd answers queries from a repository, as the `zonegit` command reads it."""

from pathlib import Path
from typing import NamedTuple

from zonegit.ops.config import Config
from zonegit.ops.flags import load
from zonegit.ops.own_config import settings_for


class Answering(NamedTuple):
    """A configuration, and the file that it is from."""

    file: Path | None
    """None: no file applies, so that zonegitd's defaults do."""
    config: Config


def answering(repo: Path, service: Path, chosen: Path | None = None) -> Answering:
    """The configuration for a repository. `chosen` is a file that applies instead. `ConfigError`."""
    if chosen is not None:
        return Answering(chosen, load(["--config", str(chosen), "--repo", str(repo)]))
    file, data = settings_for(repo, service, b"")
    if not data:
        return Answering(None, Config(repo=repo))
    flags = ["--config", str(file), "--repo", str(repo)]
    if "keys" not in data:  # zonegitd may get it as a flag, and answering needs no key files
        flags += ["--keys", str(repo)]
    return Answering(file, load(flags))
