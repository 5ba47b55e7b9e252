"""How tools end."""

import signal
from collections.abc import Iterator

import pytest

from loadtests.support.entry import exit_code_of
from loadtests.support.ports import NotReadyError


@pytest.fixture(autouse=True)
def kept_handler() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def test_the_exit_code_is_that_of_the_tool() -> None:
    assert exit_code_of(lambda: 1) == 1


def test_what_keeps_us_from_measuring_is_a_sentence_and_not_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> int:
        raise NotReadyError("nobody answers")

    assert exit_code_of(fail) == 2
    assert capsys.readouterr().err == "nobody answers\n"


def test_an_interrupt_is_not_a_failure_of_the_tool() -> None:
    def interrupt() -> int:
        raise KeyboardInterrupt

    assert exit_code_of(interrupt) == 130


def test_sigterm_unwinds_the_stack_so_that_everything_is_stopped() -> None:
    cleaned = []

    def terminated() -> int:
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            cleaned.append(True)
        return 0

    with pytest.raises(SystemExit) as ended:
        exit_code_of(terminated)
    assert (ended.value.code, cleaned) == (128 + signal.SIGTERM, [True])
