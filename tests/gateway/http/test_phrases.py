import pytest

from gateway.http.phrases import phrase


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (200, "OK"),
        (404, "Not Found"),
        (413, "Content Too Large"),
        (414, "URI Too Long"),
        (416, "Range Not Satisfiable"),
        (421, "Misdirected Request"),
        (422, "Unprocessable Content"),
        (299, ""),
    ],
)
def test_a_phrase_is_that_of_the_standard_whatever_python_calls_it(status: int, said: str) -> None:
    assert phrase(status) == said
