from gateway.warming.outcome import Kind, Outcome
from gateway.warming.progress import MOST_FAILURES, MOST_REASONS, Progress, State


def test_a_run_is_over_in_three_ways() -> None:
    assert {state for state in State if state.is_over} == {State.DONE, State.CANCELLED, State.FAILED}


def test_every_url_counts_once_and_every_request_for_itself() -> None:
    progress = Progress(total=10, already=2)
    progress.begin(100.0)
    for second in range(4):
        outcome = Outcome(Kind.STORED, "uri_miss", 1000, 0.25)
        progress.asked(outcome, 100.0 + second)
        progress.asked(Outcome(Kind.HIT), 100.0 + second)
        progress.settle("http://a/", outcome)
    said = progress.to_json(104.0)
    assert (said["done"], said["total"], said["stored"], said["hit"]) == (6, 10, 4, 0)
    assert (said["requests"], said["octets"], said["origin_seconds"]) == (8, 4000, 1.0)
    assert (said["seconds"], said["left_seconds"], said["rate"]) == (4.0, 4.0, 2.0)
    assert said["reasons"] == {"stored": {"uri_miss": 4}}


def test_pauses_do_not_count() -> None:
    progress = Progress(total=1)
    progress.begin(0.0)
    progress.end(2.0)
    progress.end(3.0)
    progress.begin(100.0)
    assert progress.to_json(101.0)["seconds"] == 3.0


def test_failures_are_named_but_not_without_end_and_without_secrets() -> None:
    progress = Progress()
    for number in range(50):
        progress.settle(f"http://a/{number}?token=abc", Outcome(Kind.FAILED, "500"))
    said = progress.to_json(0.0)
    assert len(said["failures"]) == MOST_FAILURES
    assert said["failures"][-1] == {"url": "http://a/49?token=***", "reason": "500"}


def test_reasons_are_bounded() -> None:
    progress = Progress()
    for number in range(200):
        progress.settle("http://a/", Outcome(Kind.NOT_STORED, f"reason-{number}"))
    reasons = progress.to_json(0.0)["reasons"]["not_stored"]
    assert len(reasons) <= MOST_REASONS + 1
    assert sum(reasons.values()) == 200


def test_before_anything_happened_nothing_is_known() -> None:
    said = Progress().to_json(0.0)
    assert (said["rate"], said["left_seconds"], said["reasons"]) == (0.0, None, {})
