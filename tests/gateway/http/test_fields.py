import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http.fields import Fields, Line, LowerNames, Wire, is_field_value, is_token
from gateway.http.hop_by_hop import FRAMING

TOKEN_CHARACTERS = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
names = (
    st.text(TOKEN_CHARACTERS, min_size=1, max_size=6).map(str.encode).filter(lambda name: name.lower() not in FRAMING)
)
values = st.binary(max_size=8).map(lambda value: value.strip(b" \t")).filter(is_field_value)
lines = st.lists(st.tuples(names, values), max_size=8)


def received(*lines: tuple[bytes, bytes]) -> Fields:
    """Fields as a parser hands them over: no space after the colon, to tell their octets from ours."""
    entries = [(name.lower(), name, value, 0, b"%b:%b" % (name, value)) for name, value in lines]
    return Fields.received(entries, b"".join(b"%b\r\n" % entry[4] for entry in entries))


def test_look_ups_go_by_the_lower_case_name() -> None:
    fields = Fields([(b"Content-TYPE", b"text/html")])
    assert fields.get(b"content-type") == b"text/html"
    assert b"content-type" in fields
    assert fields.get(b"accept") is None
    assert fields.values(b"accept") == []


def test_several_lines_are_one_list_to_get_and_several_to_values() -> None:
    fields = Fields([(b"Vary", b"Accept"), (b"X", b"1"), (b"vary", b"Origin"), (b"VARY", b"Cookie")])
    assert fields.get(b"vary") == b"Accept, Origin, Cookie"
    assert fields.values(b"vary") == [b"Accept", b"Origin", b"Cookie"]


def test_changing_what_values_returned_changes_no_field() -> None:
    fields = Fields([(b"A", b"1"), (b"A", b"2")])
    fields.values(b"a").clear()
    assert fields.values(b"a") == [b"1", b"2"]


def test_unchanged_fields_go_out_as_the_octets_they_came_in_as() -> None:
    assert received((b"hOST", b"a"), (b"X", b"")).encode() == b"hOST:a\r\nX:\r\n"


@pytest.mark.parametrize(
    ("change", "octets", "value"),
    [
        (lambda fields: fields.add(b"Y", b"2"), b"X:1\r\nZ:3\r\nY: 2\r\n", b"1"),
        (lambda fields: fields.set(b"x", b"2"), b"x: 2\r\nZ:3\r\n", b"2"),
        (lambda fields: fields.remove(b"X"), b"Z:3\r\n", None),
        (lambda fields: fields.remove_any({b"x"}), b"Z:3\r\n", None),
        (lambda fields: fields.remove_any(frozenset(), (b"x",)), b"Z:3\r\n", None),
    ],
)
def test_a_change_writes_its_own_line_and_leaves_the_octets_of_others(change, octets, value) -> None:  # type: ignore[no-untyped-def]  # pytest hands them in
    fields = received((b"X", b"1"), (b"Z", b"3"))
    assert fields.get(b"x") == b"1"
    change(fields)
    assert fields.encode() == octets
    assert fields.get(b"x") == value


def test_removing_what_is_not_there_keeps_the_octets() -> None:
    fields = received((b"X", b"1"))
    assert not fields.remove(b"Y")
    assert not fields.remove_any({b"y"}, (b"z-",))
    assert fields.encode() == b"X:1\r\n"


def test_set_replaces_all_lines_of_the_name_by_one_in_the_place_of_the_first() -> None:
    fields = Fields([(b"A", b"1"), (b"B", b"2"), (b"a", b"3"), (b"C", b"4"), (b"A", b"5")])
    fields.set(b"a", b"new")
    assert list(fields) == [(b"a", b"new"), (b"B", b"2"), (b"C", b"4")]


def test_remove_takes_every_line_of_the_name_in_any_case() -> None:
    fields = Fields([(b"A", b"1"), (b"B", b"2"), (b"a", b"3")])
    assert fields.remove(b"A")
    assert list(fields) == [(b"B", b"2")]


def test_remove_any_takes_names_and_prefixes_in_one_go() -> None:
    fields = Fields([(b"X-A", b"1"), (b"Server", b"2"), (b"Keep", b"3"), (b"x-b", b"4"), (b"xa", b"5")])
    assert fields.remove_any({b"server"}, (b"x-",))
    assert list(fields) == [(b"Keep", b"3"), (b"xa", b"5")]


def test_a_copy_is_independent_and_keeps_the_octets() -> None:
    original = received((b"A", b"1"))
    copy = original.copy()
    assert copy.encode() == b"A:1\r\n"
    copy.set(b"A", b"2")
    assert (original.get(b"a"), original.encode()) == (b"1", b"A:1\r\n")


def test_fields_are_equal_when_names_without_case_values_and_order_are() -> None:
    assert Fields([(b"A", b"1")]) == Fields([(b"a", b"1")])
    assert Fields([(b"A", b"1")]) != Fields([(b"A", b"2")])
    assert Fields([(b"A", b"1"), (b"B", b"2")]) != Fields([(b"B", b"2"), (b"A", b"1")])


@pytest.mark.parametrize("name", [b"", b"a b", b"a:", b"a\r", b"\xe4", b"(a)"])
def test_what_is_no_token_is_no_name(name: bytes) -> None:
    assert not is_token(name)
    with pytest.raises(ValueError, match="not a field name"):
        Fields().add(name, b"x")


@pytest.mark.parametrize("value", [b"a\r\nB: 2", b"a\nb", b"\x00", b"\x7f", b"a\x1b[0m"])
def test_a_value_cannot_smuggle_control_octets(value: bytes) -> None:
    assert not is_field_value(value)
    with pytest.raises(ValueError, match="not a field value for X"):
        Fields().set(b"X", value)


@pytest.mark.parametrize("value", [b"", b"a\tb", b"\x80\xff", b"!~ "])
def test_tabs_and_octets_above_ascii_may_stand_in_a_value(value: bytes) -> None:
    assert is_field_value(value)


@pytest.mark.parametrize("name", [b"Content-Length", b"TRANSFER-encoding", b"connection"])
def test_framing_fields_are_not_for_plugins(name: bytes) -> None:
    with pytest.raises(ValueError, match="belongs to the connection"):
        Fields([(name, b"x")])


def test_refused_changes_change_nothing() -> None:
    fields = received((b"A", b"1"))
    with pytest.raises(ValueError, match="not a field value"):
        fields.set(b"A", b"\n")
    assert fields.encode() == b"A:1\r\n"


def test_learned_names_are_bounded() -> None:
    known = LowerNames()
    for number in range(5_000):
        assert known[b"X-%d" % number] == b"x-%d" % number
    assert known[b"A" * 1_000] == b"a" * 1_000
    assert len(known) <= 2_048


@given(lines, names, values)
def test_set_leaves_one_line_and_touches_no_other_name(
    lines: list[tuple[bytes, bytes]], name: bytes, value: bytes
) -> None:
    fields = Fields(lines)
    fields.set(name, value)
    assert fields.values(name.lower()) == [value]
    others = [line for line in lines if line[0].lower() != name.lower()]
    assert [line for line in fields if line[0].lower() != name.lower()] == others


@given(lines)
def test_what_is_encoded_reads_back_as_it_was(lines: list[tuple[bytes, bytes]]) -> None:
    encoded = Fields(lines).encode()
    read = [tuple(line.split(b": ", 1)) for line in encoded.split(b"\r\n")[:-1]]
    assert read == lines
    assert encoded.count(b"\n") == len(lines)


def test_fields_of_the_same_octets_share_what_was_worked_out_until_one_is_changed() -> None:
    first = Fields([(b"A", b"1")])
    one, other = first.again(), first.again()
    assert one.notes is other.notes
    assert one.notes is not None
    one.notes["who"] = 1
    assert other.notes == {"who": 1}
    one.add(b"B", b"2")
    assert not one.notes
    assert (b"b" in other, list(first)) == (False, [(b"A", b"1")])
    assert other.copy().notes is None


def test_an_appended_line_goes_behind_what_was_received_without_writing_that_anew() -> None:
    block = b"A:1\r\nB:  2\r\n"
    fields = Fields.received([(b"a", b"A", b"1", 0, b"A:1"), (b"b", b"B", b"2", 0, b"B:  2")], block, Wire(b"x\r\n", 7))
    line = Line(b"C", b"3")
    for one in (fields.copy(), fields.again()):
        one.append(line)
        assert one.encode() == block + b"C: 3\r\n"
        assert one.encode_with_length(7) == b"x\r\nC: 3\r\n"
        assert one.get(b"c") == b"3"
    assert b"c" not in fields


SECTION = b"A: 1\r\nb:  two \r\nA: 3\r\n"


def test_fields_that_nobody_has_read_are_those_that_were_written() -> None:
    unread = Fields.unread(SECTION)
    assert unread.encode() == SECTION
    assert unread == Fields([(b"A", b"1"), (b"b", b"two"), (b"A", b"3")])
    assert (unread.get(b"a"), b"b" in unread, len(unread)) == (b"1, 3", True, 3)


def test_fields_that_nobody_has_read_can_be_copied_changed_and_shared() -> None:
    unread = Fields.unread(SECTION, Wire(SECTION + b"Content-Length: 1\r\n", 1))
    copy, again = unread.copy(), unread.again()
    copy.add(b"C", b"4")
    assert (copy.encode(), unread.encode(), again.encode()) == (SECTION + b"C: 4\r\n", SECTION, SECTION)
    assert copy.encode_with_length(1) == SECTION + b"Content-Length: 1\r\nC: 4\r\n"
    unread.remove(b"a")
    assert list(unread) == [(b"b", b"two")]


def test_of_no_section_there_is_nothing_to_read() -> None:
    assert list(Fields.unread(b"")) == []
    with pytest.raises(ValueError, match="without a name"):
        Fields.unread(b"no name\r\n").get(b"a")


def test_has_any_knows_lower_case_names() -> None:
    fields = Fields([(b"Range", b"1"), (b"b", b"2")])
    assert fields.has_any(frozenset({b"c", b"range"}))
    assert not fields.has_any(frozenset({b"c", b"Range"}))
