import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from gateway.demo.processes import LOG_LINES, Child, describe_exit

FOREVER = "import signal; print('up', flush=True); signal.pause()"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {FOREVER}"
WITH_CHILD = """
import subprocess, sys
subprocess.Popen([sys.executable, "-c", "import signal; print('up', flush=True); signal.pause()"], pass_fds=[{0}])
"""
PARENT = """
import asyncio, pathlib, sys
from gateway.demo.processes import Child
async def main():
    await Child.start("child", ["-c", {forever!r}], pathlib.Path({directory!r}), descriptors=[{descriptor}])
    print("started", flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


async def up(child: Child) -> None:
    """Return once the process has said so."""
    assert child.process.stdout is not None
    assert await asyncio.wait_for(child.process.stdout.readline(), 30) == b"up\n"


async def end_of(descriptor: int) -> bytes:
    """Everything from a pipe, once nobody holds its other end any more."""

    def read() -> bytes:
        with os.fdopen(descriptor, "rb") as pipe:
            return pipe.read()

    return await asyncio.wait_for(asyncio.to_thread(read), 30)


async def test_a_process_ends_by_sigterm(tmp_path: Path) -> None:
    child = await Child.start("sleeper", ["-c", FOREVER], tmp_path, piped=True)
    await up(child)
    await child.stop(patience=30)
    assert child.process.returncode == -signal.SIGTERM


async def test_one_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    child = await Child.start("stubborn", ["-c", STUBBORN], tmp_path, piped=True)
    await up(child)
    await child.stop(patience=0.1)
    assert child.process.returncode == -signal.SIGKILL


async def test_what_a_process_started_and_left_behind_is_killed_with_it(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    code = WITH_CHILD.format(writing)
    child = await Child.start("leaver", ["-c", code], tmp_path, descriptors=[writing], piped=True)
    os.close(writing)
    await up(child)
    await child.stop(patience=30)
    assert await end_of(reading) == b""


async def test_a_process_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    code = PARENT.format(forever=FOREVER, directory=str(tmp_path), descriptor=writing)
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, pass_fds=[writing], stdout=asyncio.subprocess.PIPE
    )
    os.close(writing)
    assert parent.stdout is not None
    assert await asyncio.wait_for(parent.stdout.readline(), 30) == b"started\n"
    parent.kill()
    await parent.wait()
    assert await end_of(reading) == b""


async def test_a_process_that_ends_by_itself_is_reported_with_the_end_of_its_log(tmp_path: Path) -> None:
    code = "import sys; print('\\n'.join(map(str, range(100)))); sys.exit(3)"
    child = await Child.start("origin", ["-c", code], tmp_path)
    text = str(await child.failed())
    assert text.startswith("The origin ended by itself (exit code 3).")
    assert text.splitlines()[-LOG_LINES:] == [str(number) for number in range(100 - LOG_LINES, 100)]
    await child.stop(patience=1)


async def test_a_silent_process_has_a_log_of_nothing(tmp_path: Path) -> None:
    child = await Child.start("origin", ["-c", ""], tmp_path)
    assert str(await child.failed()).endswith("(nothing)")
    await child.stop(patience=1)


@pytest.mark.parametrize(("code", "words"), [(0, "exit code 0"), (2, "exit code 2"), (-9, "killed by SIGKILL")])
def test_exit_codes_have_words(code: int, words: str) -> None:
    assert describe_exit(code) == words
