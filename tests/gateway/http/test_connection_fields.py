import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http.connection_fields import STOPS_HERE, nominated_by, values_of, without
from gateway.http.fields import Entry
from gateway.http.hop_by_hop import HOP_BY_HOP
from gateway.http.lines import CONNECTION, FORWARDING, MARKS, UPGRADE, split_section


def left(section: bytes, drop: int = STOPS_HERE) -> tuple[bytes, list[bytes]]:
    """Octets and names that stay."""
    entries = split_section(section)
    special = [entry for entry in entries if entry[3]]
    kept, octets = without(entries, section, special, drop, nominated_by(special))
    assert entries == split_section(section)
    return octets, [entry[1] for entry in kept]


def test_everything_hop_by_hop_carries_a_mark_that_stops_it() -> None:
    for name in HOP_BY_HOP:
        assert MARKS[name] & STOPS_HERE


def test_values_are_those_of_the_lines_with_the_mark_in_order() -> None:
    special = split_section(b"Upgrade: b\r\nConnection: x\r\nupgrade:a\r\n")
    assert values_of(special, UPGRADE) == [b"b", b"a"]
    assert values_of(special, FORWARDING) == []


@pytest.mark.parametrize(
    ("section", "nominated"),
    [
        (b"X: 1\r\n", []),
        (b"Connection: A\r\n", [b"a"]),
        (b"Connection: a, ,B\r\nConnection:\r\nconnection: C\r\n", [b"a", b"b", b"c"]),
    ],
)
def test_all_connection_fields_together_nominate(section: bytes, nominated: list[bytes]) -> None:
    assert nominated_by([entry for entry in split_section(section) if entry[3] == CONNECTION]) == nominated


def test_what_stops_here_leaves_octets_and_entries_alike() -> None:
    section = b"A: 1\r\nConnection:  x , close\r\nB:2\r\nX: 3\r\nTE: trailers\r\nx:4\r\nC: 5 \r\n"
    assert left(section) == (b"A: 1\r\nB:2\r\nC: 5 \r\n", [b"A", b"B", b"C"])


def test_the_very_lines_leave_though_others_look_alike() -> None:
    section = b"A: x: 1\r\nConnection: x\r\nX: 1\r\nY: x: 1\r\nX: 1\r\n"
    assert left(section) == (b"A: x: 1\r\nY: x: 1\r\n", [b"A", b"Y"])


def test_options_of_the_connection_are_no_names_of_fields() -> None:
    assert left(b"Connection: close\r\nClose: 1\r\n") == (b"Close: 1\r\n", [b"Close"])


def test_what_the_message_means_stays() -> None:
    section = b"Connection: host, date, content-type, cache-control, set-cookie, expect, via\r\n"
    kept = b"Host: a\r\nDate: b\r\nContent-Type: c\r\nCache-Control: d\r\nSet-Cookie: e\r\nExpect: f\r\n"
    assert left(section + kept + b"Via: g\r\n")[0] == kept


def test_marks_beyond_those_that_always_stop_can_be_dropped_too() -> None:
    section = b"X-Forwarded-For: 1\r\nA: 2\r\n"
    assert left(section)[0] == section
    assert left(section, STOPS_HERE | FORWARDING)[0] == b"A: 2\r\n"


def test_nothing_to_drop_and_everything_to_drop() -> None:
    assert left(b"") == (b"", [])
    assert left(b"A: 1\r\n") == (b"A: 1\r\n", [b"A"])
    assert left(b"Connection: close\r\nConnection: close\r\n") == (b"", [])


LINES = st.sampled_from(
    [
        b"A: 1",
        b"a: 1",
        b"A: 1 ",
        b"B: A: 1",
        b"Host: h",
        b"TE: x",
        b"Upgrade: u",
        b"Connection: a",
        b"Connection: b, HOST",
    ]
)


@given(st.lists(LINES, max_size=12))
def test_octets_and_entries_always_say_the_same(lines: list[bytes]) -> None:
    section = b"".join(line + b"\r\n" for line in lines)
    octets, names = left(section)
    assert [entry[1] for entry in split_section(octets)] == names
    nominated = {b"a"} if b"Connection: a" in lines else set()
    nominated |= {b"b"} if b"Connection: b, HOST" in lines else set()

    def stays(entry: Entry) -> bool:
        return entry[0] not in HOP_BY_HOP | nominated

    assert octets == b"".join(entry[4] + b"\r\n" for entry in split_section(section) if stays(entry))
