from http import HTTPStatus

import pytest

from gateway.supervisor.told import Telling, Told, replicas_of, status_of, without_replicas, words_for
from gateway.worker.control import CallRefusedError, ChannelClosedError, UnknownKindError

ANSWERED = Told.of("0", 10, {"count": 2})
REFUSED = Told.of("1", 11, CallRefusedError("not a URL"))
UNKNOWN = Told.of("2", 12, UnknownKindError("nobody here answers 'purge'"))
SILENT = Told.of("3", 13, TimeoutError("purge: no answer within 30 s"))


def test_what_a_worker_told_is_known_by_what_its_call_ended_with() -> None:
    assert [each.telling for each in (ANSWERED, REFUSED, UNKNOWN, SILENT)] == [
        Telling.ANSWERED,
        Telling.REFUSED,
        Telling.UNKNOWN,
        Telling.SILENT,
    ]
    assert Told.of("4", 14, ChannelClosedError()).telling is Telling.SILENT


def test_an_answer_is_shown_under_the_name_of_its_worker() -> None:
    assert ANSWERED.to_json() == {"worker": "0", "pid": 10, "count": 2}
    assert SILENT.to_json() == {"worker": "3", "pid": 13, "error": "purge: no answer within 30 s"}


def test_an_error_without_words_has_its_name() -> None:
    assert Told.of("4", 14, ChannelClosedError()).error == "ChannelClosedError"


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ([ANSWERED, ANSWERED], HTTPStatus.OK),
        ([ANSWERED, SILENT], HTTPStatus.MULTI_STATUS),
        ([REFUSED, ANSWERED], HTTPStatus.MULTI_STATUS),
        ([UNKNOWN, ANSWERED], HTTPStatus.MULTI_STATUS),
        ([UNKNOWN, UNKNOWN], HTTPStatus.NOT_FOUND),
        ([REFUSED, SILENT], HTTPStatus.UNPROCESSABLE_ENTITY),
        ([UNKNOWN, SILENT], HTTPStatus.BAD_GATEWAY),
        ([SILENT], HTTPStatus.BAD_GATEWAY),
        ([], HTTPStatus.SERVICE_UNAVAILABLE),
    ],
)
def test_all_answers_together_amount_to_a_status(told: list[Told], status: HTTPStatus) -> None:
    assert status_of(told) is status


def test_why_there_is_no_answer_is_said_in_words() -> None:
    assert words_for(HTTPStatus.SERVICE_UNAVAILABLE, [], "purge") == "no worker is ready"
    assert "no store" in words_for(HTTPStatus.NOT_FOUND, [UNKNOWN], "purge")
    assert words_for(HTTPStatus.UNPROCESSABLE_ENTITY, [REFUSED, REFUSED], "purge") == "not a URL"
    assert words_for(HTTPStatus.BAD_GATEWAY, [SILENT, REFUSED], "purge") == "purge: no answer within 30 s; not a URL"


def test_what_other_gateways_said_is_told_once_and_the_better_word_counts() -> None:
    said = {"acknowledged": ["b"], "silent": []}
    told = [
        ANSWERED,
        Told.of("5", 15, {"count": 1, "replicas": {"error": "gone"}}),
        Told.of("6", 16, {"count": 1, "replicas": said}),
    ]
    assert replicas_of(told) == {"replicas": said}
    assert replicas_of(told[:2]) == {"replicas": {"error": "gone"}}
    assert replicas_of([ANSWERED, SILENT]) == {}
    assert without_replicas(told[2].to_json()) == {"worker": "6", "pid": 16, "count": 1}
