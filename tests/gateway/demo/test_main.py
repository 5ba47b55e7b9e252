import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process

import pytest

from gateway.demo.main import PlainView, first
from gateway.demo.snapshot import Addresses, Snapshot


async def demo(*arguments: str) -> Process:
    """`slipstream demo` in a process group of its own, as a shell would start it."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway", "demo", *arguments, stdout=PIPE, stderr=STDOUT, start_new_session=True
    )


async def said(process: Process) -> str:
    """All it says until it ends."""
    output, _ = await asyncio.wait_for(process.communicate(), 60)
    return output.decode()


async def until(process: Process, words: str) -> None:
    """Read its output up to those words."""
    assert process.stdout is not None
    async with asyncio.timeout(60):
        while words not in (line := await process.stdout.readline()).decode():
            assert line, f"ended without saying {words!r}"


async def test_it_ends_by_itself_with_a_summary() -> None:
    process = await demo("--seconds", "3")
    output = await said(process)
    assert process.returncode == 0, output
    assert "curl" in output
    assert " requests/s" in output  # no terminal: a line each second
    assert "Summary" in output
    assert "requests through the gateway" in output
    assert "Traceback" not in output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_it_with_a_summary(number: signal.Signals) -> None:
    process = await demo("--plain")
    await until(process, " requests/s")
    os.killpg(process.pid, number)  # as the terminal does for Ctrl-C: to the whole foreground group
    output = await said(process)
    assert process.returncode == 0, output
    assert "Summary" in output
    assert "Traceback" not in output


async def test_a_signal_while_it_starts_ends_it_too() -> None:
    process = await demo()
    await until(process, "Starting")
    process.send_signal(signal.SIGINT)
    output = await said(process)
    assert process.returncode == 0, output
    assert "Traceback" not in output


async def test_an_address_it_cannot_have_is_words_and_exit_code_one() -> None:
    process = await demo("--listen", "nonsense")
    output = await said(process)
    assert process.returncode == 1
    assert "'nonsense' is not an address" in output
    assert "Traceback" not in output


async def test_the_first_to_end_decides_and_the_others_are_cancelled() -> None:
    ended: list[str] = []

    async def waits() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("waits")

    async def answers() -> str:
        return "answer"

    assert await first(waits(), answers()) == "answer"
    assert ended == ["waits"]


async def test_an_error_of_the_first_to_end_comes_out() -> None:
    async def fails() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await first(asyncio.Event().wait(), fails())


def test_the_plain_view_says_a_line_for_each_snapshot() -> None:
    lines: list[str] = []
    with PlainView(lines.append) as view:
        view.show(Snapshot(elapsed=61.0, addresses=Addresses("a:1", "b:2", "c:3")))
    (line,) = lines
    assert "1:01" in line
