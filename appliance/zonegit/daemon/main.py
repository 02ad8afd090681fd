"""The `zonegitd` command."""

import sys
from collections.abc import Sequence

from zonegit.errors import ZonegitError
from zonegit.model.foreign import one_line
from zonegit.ops.log import described
from zonegit.ops.permanent_imports import permanent_imports


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM; the exit code. Every refusal is one line on stderr."""
    given = list(sys.argv[1:] if argv is None else argv)
    try:
        with permanent_imports():  # here: multiprocessing imports this module in each child, too
            from zonegit.daemon.supervisor import Supervisor
            from zonegit.ops.flags import load
        config = load(given)
        return Supervisor(given, config).run()
    except ZonegitError as error:
        sys.stderr.write(f"zonegitd: {one_line(str(error))}\n")
        return error.exit_code
    except Exception as error:
        sys.stderr.write(f"zonegitd: terminated by an unexpected error: {one_line(described(error))}\n")
        return 1
    except SystemExit as ended:  # argparse printed its help or the version
        return int(ended.code or 0)


if __name__ == "__main__":
    sys.exit(main())
