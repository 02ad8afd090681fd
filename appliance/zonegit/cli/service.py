"""Verbs on the service and on the command itself: `config check`, `completion`, `version`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Final

from zonegit import __version__
from zonegit.cli.location import SERVICE_CONFIG
from zonegit.cli.options import json_option
from zonegit.cli.output import Output
from zonegit.cli.ownership import as_owner
from zonegit.cli.verbs import Verb


def _config_check(args: Namespace, out: Output) -> int:
    """Check everything that zonegitd checks before it starts or reloads, but bind and write nothing."""
    from zonegit.cli.render import counted
    from zonegit.daemon.preflight import prepare
    from zonegit.daemon.signing import usable_keys
    from zonegit.daemon.transfers import tsig_keys
    from zonegit.ops.flags import load

    config = load(["--config", str(args.file)])
    keys = usable_keys(config)
    tsig = len(tsig_keys(config))
    new = bool(config.pulled or config.transfers_in) and not (config.repo / "data.mdb").exists()
    if not new:
        as_owner(config.repo)
        prepare(config)
    roles = [
        role
        for role, section in (
            ("DNS", config.dns),
            ("metrics", config.metrics),
            ("a primary", config.replication),
            (f"a secondary of {config.primary.url}" if config.primary else "", config.primary),
        )
        if section is not None
    ]
    roles += [f"a peer of {peer.name}" for peer in config.peers]
    count = len(list(keys))
    if args.json:
        out.json(
            {"file": str(args.file), "repo": str(config.repo), "keys": count, "tsig_keys": tsig, "roles": roles}
        )
    else:
        repo = f"{config.repo}{', created at the first start' if new else ''}"
        kinds = f"{counted(count, 'replication key')}, {counted(tsig, 'TSIG key')}"
        out.line(f"{args.file} is valid: {', '.join(roles)}; {kinds}; repository {repo}")
    return 0


def _completion(args: Namespace, out: Output) -> int:
    from zonegit.cli.completion import script

    out.text(script(args.shell))
    return 0


def _version(args: Namespace, out: Output) -> int:
    if args.json:
        import platform

        from zonegit.model import names

        compiled = not str(names.__file__).endswith(".py")
        out.json({"version": __version__, "python": platform.python_version(), "compiled": compiled})
    else:
        out.line(f"zonegit {__version__}")
    return 0


def _config_check_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "file",
        metavar="FILE",
        nargs="?",
        type=Path,
        default=SERVICE_CONFIG,
        help=f"the file (default: {SERVICE_CONFIG})",
    )
    json_option(parser)


def _completion_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("shell", choices=("bash", "zsh", "fish"), help="the shell")


def _version_arguments(parser: ArgumentParser) -> None:
    json_option(parser)


_CONFIG_DETAILS: Final = """\
Checks the file, the key files, the certificates and the pinned versions as zonegitd does before it starts or
reloads. Only a start can tell whether its addresses are free."""
_COMPLETION_DETAILS: Final = """\
For bash: zonegit completion bash > /etc/bash_completion.d/zonegit. The package installs this file."""

VERBS: Final = {
    "config check": Verb(_config_check_arguments, _config_check, _CONFIG_DETAILS),
    "completion": Verb(_completion_arguments, _completion, _COMPLETION_DETAILS),
    "version": Verb(_version_arguments, _version),
}
