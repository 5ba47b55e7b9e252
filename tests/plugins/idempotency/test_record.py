import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.idempotency.record import Answer, Record, decode, encode
from tests.support.plugins import make_response, pairs

ANSWER = Answer(
    201, b"Made", ((b"Location", b"/orders/7"), (b"Set-Cookie", b"a=1"), (b"Set-Cookie", b"b=2")), b"\n{}\n"
)


def test_an_answer_is_given_again_as_it_was_and_marked() -> None:
    again = ANSWER.respond(b"Idempotency-Replayed")
    assert (again.status, again.reason, again.body) == (201, b"Made", b"\n{}\n")
    assert pairs(again.fields) == [
        ("Location", "/orders/7"),
        ("Set-Cookie", "a=1"),
        ("Set-Cookie", "b=2"),
        ("Idempotency-Replayed", "true"),
    ]
    assert len(ANSWER.respond(None).fields) == 3


def test_each_answer_has_fields_of_its_own() -> None:
    first = ANSWER.respond(None)
    first.fields.add(b"X", b"1")
    assert len(ANSWER.respond(None).fields) == 3


def test_an_answer_is_taken_from_a_response() -> None:
    answer = Answer.of(make_response(200, {"ETag": '"1"'}), b"body")
    assert answer == Answer(200, None, ((b"ETag", b'"1"'),), b"body")


@given(
    st.binary(max_size=64),
    st.none()
    | st.builds(
        Answer,
        st.integers(200, 599),
        st.none() | st.binary(max_size=10),
        st.lists(
            st.tuples(
                st.sampled_from([b"ETag", b"X-A"]),
                st.text("abc é~", max_size=9).map(lambda t: t.encode("latin-1").strip()),
            ),
            max_size=3,
        ).map(tuple),
        st.binary(max_size=100),
    ),
)
def test_a_record_comes_back_from_octets(fingerprint: bytes, answer: Answer | None) -> None:
    record = Record(fingerprint, answer)
    assert decode(encode(record)) == record
    assert record.octets > 0


@pytest.mark.parametrize("cut", range(0, 200, 7))
def test_half_a_record_is_none(cut: int) -> None:
    octets = encode(Record(b"f", ANSWER))
    assert decode(octets[: min(cut, len(octets) - 1)]) is None


@given(st.binary(max_size=200))
def test_whatever_was_written_there_it_is_a_record_or_none(octets: bytes) -> None:
    assert decode(octets) is None


@pytest.mark.parametrize(
    "octets",
    [
        b"[]\n",
        b"null\n",
        b'{"format": 2}\n',
        b'{"format": 1, "fingerprint": "zz"}\n',
        b'{"format": 1, "fingerprint": 5}\n',
        b'{"format":1,"fingerprint":"","status":200,"reason":null,"fields":[["bad name","x"]],"length":0}\n',
    ],
)
def test_another_format_is_none(octets: bytes) -> None:
    assert decode(octets) is None
