"""The default peer and branches of `push`, `pull` and `sync`, which `--set-default` stores."""

import json
from typing import Final, NamedTuple

from zonegit.store.port import Reader, Writer

_SETTING: Final = "sync/default"


class SyncDefault(NamedTuple):
    remote: str = ""
    """Empty: the only remote."""
    patterns: tuple[str, ...] = ()
    """Empty: the branch that HEAD names."""
    exclude: tuple[str, ...] = ()

    def __str__(self) -> str:
        what = ", ".join(self.patterns) or "HEAD's branch"
        return what + (f" without {', '.join(self.exclude)}" if self.exclude else "")

    def shape(self) -> dict[str, list[str]]:
        """The form that `--json` prints."""
        return {"patterns": list(self.patterns), "exclude": list(self.exclude)}


def sync_default(reader: Reader) -> SyncDefault:
    value = reader.setting(_SETTING)
    if value is None:
        return SyncDefault()
    table = json.loads(value)
    return SyncDefault(table["remote"], tuple(table["patterns"]), tuple(table["exclude"]))


def set_sync_default(writer: Writer, default: SyncDefault | None) -> None:
    """Store a default; None deletes it."""
    writer.set_setting(_SETTING, None if default is None else json.dumps(default._asdict()).encode())
