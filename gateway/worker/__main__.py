"""The process of one worker: `python -m gateway.worker DESCRIPTOR NAME`, started by the supervisor alone."""

import sys

from gateway import logs
from gateway.worker.life import run
from gateway.worker.road import Road


def main() -> int:
    """Run the worker over the control channel it inherited."""
    logs.set_up(worker=sys.argv[2])
    return run(int(sys.argv[1]), Road)


if __name__ == "__main__":
    sys.exit(main())
