"""How every tool starts and ends: what we started is stopped, and a failure is a sentence and not a traceback."""

import sys
from collections.abc import Callable

from loadtests.support.ports import MeasuringError
from loadtests.support.processes import end_cleanly_on_sigterm

COULD_NOT_MEASURE = 2
"""Exit code when there is no result, neither good nor bad."""
_INTERRUPTED = 130


def exit_code_of(tool: Callable[[], int]) -> int:
    """Run a tool and return its exit code, or 2 with a message when it could not measure."""
    end_cleanly_on_sigterm()
    try:
        return tool()
    except MeasuringError as error:
        print(error, file=sys.stderr)
        return COULD_NOT_MEASURE
    except KeyboardInterrupt:
        return _INTERRUPTED
