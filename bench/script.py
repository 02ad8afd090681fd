"""The frame of every script: options, a temporary directory, the report, and one line when measuring fails."""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path

from processes import MeasuringFailed, end_on_signals
from report import Report, finish, workplace
from zonegit.errors import ZonegitError


def run(bench: Callable[[Namespace, Path], Report], parser: ArgumentParser) -> None:
    """Measure, print, write the JSON. A missed budget is told, and isn't a failure."""
    args = parser.parse_args()
    end_on_signals()
    try:
        with workplace() as place:
            report = bench(args, place)
        finish(report, args)
    except (MeasuringFailed, ZonegitError) as failure:
        sys.exit(f"{parser.prog}: {failure}")
    except KeyboardInterrupt:
        sys.exit(130)
