"""The verb `version`."""

from argparse import ArgumentParser, Namespace
from typing import Final

from zonegit import __version__
from zonegit.cli.options import json_option
from zonegit.cli.output import Output
from zonegit.cli.verbs import Verb


def _version(args: Namespace, out: Output) -> int:
    if args.json:
        import platform

        out.json({"version": __version__, "python": platform.python_version()})
    else:
        out.line(f"zonegit {__version__}")
    return 0


def _version_arguments(parser: ArgumentParser) -> None:
    json_option(parser)


VERBS: Final = {"version": Verb(_version_arguments, _version)}
