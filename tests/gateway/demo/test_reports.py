from hypothesis import given
from hypothesis import strategies as st

from gateway.demo.reports import BROKEN, Prices, Report, Sample, status_class

samples = st.builds(
    Sample,
    kind=st.text(),
    status=st.integers(0, 599),
    seconds=st.floats(0, 100),
    octets=st.integers(0, 2**53),
    direct=st.booleans(),
)


prices = st.lists(st.floats(0, 100)).map(tuple)


@given(
    st.builds(
        Report,
        st.lists(samples).map(tuple),
        st.integers(0, 1000),
        st.integers(0, 1000),
        st.builds(Prices, prices, prices),
    )
)
def test_a_report_is_one_line_and_survives_the_way(report: Report) -> None:
    line = report.to_line()
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert Report.from_line(line) == report


def test_a_status_without_an_answer_has_words_of_its_own() -> None:
    assert status_class(BROKEN) == "broken off"
    assert status_class(204) == "2xx"
    assert status_class(503) == "5xx"
