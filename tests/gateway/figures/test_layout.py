import pytest

from gateway.figures.layout import Join, Kind, Layout, check_names


def test_a_layout_survives_the_control_channel() -> None:
    layout = Layout("pause_seconds", Kind.HISTOGRAM, "Pauses", (("route", "a"),), 12, (0.1, 1.0), Join.MAX)
    assert Layout.from_message(layout.to_message()) == layout


def test_a_histogram_owns_a_cell_for_each_bound_one_above_them_and_the_sum() -> None:
    assert Layout("h", Kind.HISTOGRAM, "", (), 8, (1.0, 2.0, 3.0)).width == 5
    assert Layout("c", Kind.COUNTER, "", (), 8).width == 1


@pytest.mark.parametrize(
    ("family", "labels"),
    [
        ("with-dash", {}),
        ("", {}),
        ("9lives", {}),
        ("ok", {"a b": ""}),
        ("ok", {"__own": ""}),
        ("ok", {"le": "1"}),
        ("é", {}),
    ],
)
def test_names_prometheus_would_refuse_are_refused_at_once(family: str, labels: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"cannot name|belongs to the buckets"):
        check_names(family, labels)


def test_an_announcement_of_another_kind_is_an_error() -> None:
    message = Layout("c", Kind.COUNTER, "", (), 8).to_message() | {"type": "summary"}
    with pytest.raises(ValueError, match="summary"):
        Layout.from_message(message)
