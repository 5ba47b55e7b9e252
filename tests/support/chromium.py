"""A real Chromium without a window, for pages of tests."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-breakpad",
    "--disable-crash-reporter",
)
_FIRST_PATIENCE = 100.0


def find_chromium(directory: Path) -> str:
    """The command of a Chromium that works here; without one the test is left out, and says why."""
    program = next((path for name in _PROGRAMS if (path := shutil.which(name))), None)
    if program is None:
        pytest.skip("there is no Chromium here: apt-get install chromium")
    argv = [program, *_OPTIONS, f"--user-data-dir={directory / 'first'}", "--dump-dom", "data:text/html,<p>works</p>"]
    home = _at_home(directory)
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=_FIRST_PATIENCE, env=home)
    except (OSError, subprocess.TimeoutExpired) as error:
        pytest.skip(f"Chromium does not start here: {error}")
    if "works" not in done.stdout:
        pytest.skip(f"Chromium does not work here: {done.stderr[-500:]}")
    return program


def _at_home(directory: Path) -> dict[str, str]:
    """An environment in which it leaves its traces in `directory` and nowhere else."""
    return {**os.environ, "HOME": str(directory), "XDG_CONFIG_HOME": str(directory), "XDG_CACHE_HOME": str(directory)}


@contextmanager
def showing(program: str, url: str, directory: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A browser that shows a page, for the length of the block. What it says is in `directory/browser.log`."""
    argv = [program, *_OPTIONS, f"--user-data-dir={directory / 'profile'}", "--remote-debugging-port=0", url]
    with (directory / "browser.log").open("wb") as log:
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, env=_at_home(directory)
        )
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(20)
