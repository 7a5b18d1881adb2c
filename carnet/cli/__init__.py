"""The command line: `carnet`, `python -m carnet`.

With `--json` stdout carries one JSON object, or NDJSON for lists; all else goes to stderr. Exit: 0 done · 1 something
was held or refused · 2 the operator has something to mend · 70 a bug.
"""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path

from carnet.cli import running, showing, taking
from carnet.cli.console import Home, app
from carnet.errors import OperatorError

__all__ = ["app", "main", "running", "showing", "taking"]


def main() -> None:
    """Run the command line; turn errors into the exit codes of the contract."""
    try:
        app(standalone_mode=True)
    except OperatorError as error:
        print(f"carnet: {error}", file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:
        sys.exit(0)
    except Exception as bug:
        if os.environ.get("CARNET_DEBUG"):
            raise
        place = traceback.extract_tb(bug.__traceback__)[-1]
        where = f"{Path(place.filename).name}:{place.lineno}"
        print(f"carnet: a bug of ours, {type(bug).__name__} at {where}; nothing committed is lost", file=sys.stderr)
        print("carnet: CARNET_DEBUG=1 shows the trace (it may quote patients: keep it inside)", file=sys.stderr)
        sys.exit(70)


@app.callback()
def home_of_all(home: Home = None) -> None:
    """`--home` before or after the command."""
    if home is not None:
        os.environ["CARNET_HOME"] = str(home)
