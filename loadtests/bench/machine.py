"""Where and with what a measurement was made: figures without this mean nothing."""

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_PACKAGES = ("slipstream-gateway", "uvloop", "httptools", "aiohttp")
_PROGRAMS = {
    "nginx": ("nginx", "-v"),
    "haproxy": ("haproxy", "-v"),
    "varnish": ("varnishd", "-V"),
    "wrk": ("wrk", "-v"),
}


def describe() -> dict[str, str]:
    """Machine, kernel and versions, in the order to print them (reads `/proc`, runs `PROGRAM -v`)."""
    facts = {
        "cpu": f"{cpu_model(Path('/proc/cpuinfo').read_text())}, {len(os.sched_getaffinity(0))} cores",
        "kernel": platform.release(),
        "load average": f"{os.getloadavg()[0]:.2f}",
        "python": platform.python_version(),
    }
    for package in _PACKAGES:
        try:
            facts[package] = version(package)
        except PackageNotFoundError:
            continue
    for name, argv in _PROGRAMS.items():
        try:
            done = subprocess.run(argv, capture_output=True, text=True, timeout=10, check=False)
        except (OSError, subprocess.TimeoutExpired):
            continue
        facts[name] = first_line(done.stdout + done.stderr)
    return facts


def cpu_model(cpuinfo: str) -> str:
    """The model name in the text of `/proc/cpuinfo`."""
    for line in cpuinfo.splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return "unknown"


def first_line(text: str) -> str:
    """The first line that says anything."""
    return next((line.strip() for line in text.splitlines() if line.strip()), "")
