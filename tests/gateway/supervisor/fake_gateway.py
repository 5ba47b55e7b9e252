"""A gateway process with the true supervisor and workers of `fake_worker`: `python -m … CONFIG`."""

import sys
from pathlib import Path

from gateway.supervisor.main import run
from gateway.supervisor.source import FileSource

if __name__ == "__main__":
    sys.exit(run(FileSource(Path(sys.argv[1])), module="tests.gateway.supervisor.fake_worker"))
