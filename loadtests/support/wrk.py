"""wrk as the load generator: a Lua script in, one line of figures out.

wrk (1) prepares the request once and sends the same octets for ever, which is what leaves it faster than any proxy.
"""

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from loadtests.support.cores import pinned
from loadtests.support.ports import MeasuringError

_SPARE_SECONDS = 30.0
_FIGURES = re.compile(r"^figures (?P<figures>.+)$", re.MULTILINE)
_DONE = """
done = function(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    "figures requests=%d microseconds=%d bytes=%d connect=%d read=%d write=%d status=%d timeout=%d ",
    summary.requests, summary.duration, summary.bytes, errors.connect, errors.read, errors.write, errors.status,
    errors.timeout))
  io.write(string.format(
    "p50=%d p95=%d p99=%d\\n", latency:percentile(50), latency:percentile(95), latency:percentile(99)))
end
"""
_UNIQUE = """
local number, pieces = 0, {}
init = function(args)
  local whole = wrk.format()
  local places, start = {}, 1
  for _, value in ipairs(unique) do
    places[#places + 1] = whole:find(value, 1, true) + value:find(string.rep("%x", 12)) - 1
  end
  table.sort(places)
  for _, place in ipairs(places) do
    pieces[#pieces + 1] = whole:sub(start, place - 1)
    start = place + 12
  end
  pieces[#pieces + 1] = whole:sub(start)
end
request = function()
  number = number + 1
  return table.concat(pieces, string.format("%012x", number))
end
"""
_SPREAD = """
local number, requests = 0, {}
init = function(args)
  for n = 1, spread do requests[n] = wrk.format(nil, wrk.path .. "?n=" .. n) end
end
request = function()
  number = number % spread + 1
  return requests[number]
end
"""
_UNIQUE_FIELDS = ("X-Request-Id", "traceparent")
_TWELVE_DIGITS = re.compile("[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Load:
    """What wrk asks for, over how many connections."""

    url: str
    connections: int
    fields: Mapping[str, str]
    method: str = "GET"
    content_file: Path | None = None
    unique: bool = False
    """Give every request an X-Request-Id and a traceparent of its own, as far as `fields` have them, so that no two
    heads are the same. Each needs twelve hexadecimal digits in a row."""
    spread: int = 0
    """Ask for so many targets, one after the other and round again: the URL's with `?n=1` and so on."""
    timeout_seconds: int = 10
    """How long an answer may take before wrk counts a time-out."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What one run of wrk counted; latencies in microseconds."""

    requests: int
    seconds: float
    octets: int
    errors: Mapping[str, int]
    """By kind: connect, read, write, status (400 and above), timeout."""
    p50: int
    p95: int
    p99: int

    @property
    def failed(self) -> int:
        """Errors of all kinds."""
        return sum(self.errors.values())


class WrkError(MeasuringError):
    """wrk could not run, or said nothing we understand."""


def script(load: Load) -> str:
    """The Lua script for `load`. Raises `ValueError` for text that Lua would read otherwise, and for unique fields
    without room for a number."""
    lines = [f"wrk.method = {_quoted(load.method)}"]
    lines += [f"wrk.headers[{_quoted(name)}] = {_quoted(value)}" for name, value in load.fields.items()]
    if load.content_file is not None:
        lines.append('wrk.headers["Content-Type"] = "application/json"')
        lines.append(f'wrk.body = io.open({_quoted(str(load.content_file))}, "rb"):read("*a")')
    if load.unique:
        lines.append(f"local unique = {{{', '.join(map(_quoted, _unique_values(load)))}}}\n{_UNIQUE}")
    if load.spread:
        lines.append(f"local spread = {load.spread}\n{_SPREAD}")
    return "\n".join(lines) + "\n" + _DONE


def parse(output: str) -> Figures:
    """Read the line our script wrote. Raises `WrkError` when it is not there."""
    match = _FIGURES.search(output)
    if match is None:
        raise WrkError(f"wrk printed no figures:\n{output}")
    values = {name: int(value) for name, _, value in (pair.partition("=") for pair in match["figures"].split())}
    return Figures(
        requests=values["requests"],
        seconds=values["microseconds"] / 1e6,
        octets=values["bytes"],
        errors={kind: values[kind] for kind in ("connect", "read", "write", "status", "timeout")},
        p50=values["p50"],
        p95=values["p95"],
        p99=values["p99"],
    )


def run(load: Load, seconds: float, *, directory: Path, cores: frozenset[int] = frozenset()) -> Figures:
    """Ask for `seconds` (wrk knows whole ones only). Raises `WrkError`."""
    path = directory / "wrk.lua"
    path.write_text(script(load))
    whole = max(1, round(seconds))
    argv = ["wrk", "--threads", "1", "--connections", str(load.connections), "--duration", f"{whole}s"]
    argv += ["--timeout", f"{load.timeout_seconds}s", "--script", str(path), load.url]
    try:
        with pinned(cores):
            done = subprocess.run(argv, capture_output=True, text=True, timeout=whole + _SPARE_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise WrkError(f"wrk did not run: {error}") from error
    if done.returncode != 0:
        raise WrkError(f"wrk ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return parse(done.stdout)


def _unique_values(load: Load) -> list[str]:
    values = [load.fields[name] for name in _UNIQUE_FIELDS if name in load.fields]
    if not values or not all(map(_TWELVE_DIGITS.search, values)):
        raise ValueError(f"no room for a number of its own in {values}")
    return values


def _quoted(text: str) -> str:
    if not text.isprintable() or "\\" in text:
        raise ValueError(f"Lua would read {text!r} otherwise")
    return '"' + text.replace('"', '\\"') + '"'
