import json

from gateway.supervisor.problem import problem


def test_a_problem_has_title_status_and_detail_and_what_else_there_is_to_say() -> None:
    answer = problem(422, "the configuration was refused", mistakes=[1])
    assert (answer.status, answer.content_type) == (422, "application/problem+json")
    assert answer.text is not None
    assert json.loads(answer.text) == {
        "title": "Unprocessable Content",
        "status": 422,
        "detail": "the configuration was refused",
        "mistakes": [1],
    }
