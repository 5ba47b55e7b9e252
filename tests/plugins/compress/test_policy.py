import pytest

from plugins.compress.client import Clients
from plugins.compress.forms import Form
from plugins.compress.policy import Leave, Make, Policy, Verdict
from plugins.compress.reasons import CompressReason
from plugins.compress.settings import Coding, CompressSettings, OriginSees
from tests.support.plugins import FieldsLike, fields_of

HTML = {"Content-Type": "text/html"}


def judged(
    fields: FieldsLike = (),
    *,
    accepts: str | None = "gzip, br",
    status: int = 200,
    length: int | None = 10_000,
    leaves: CompressReason | None = None,
    **settings: object,
) -> Verdict:
    policy = Policy(CompressSettings.model_validate(settings))
    client = Clients(tuple(Coding), OriginSees.ACCEPTED).of(accepts.encode() if accepts is not None else None)
    return policy.judge(client, leaves, status, fields_of({**HTML, **dict(fields)}), length)


def left(verdict: Verdict) -> tuple[str, bool]:
    assert isinstance(verdict, Leave), verdict
    return verdict.reason.value, verdict.varies


def made(verdict: Verdict) -> tuple[Form, Coding | None, Coding | None, str]:
    assert isinstance(verdict, Make), verdict
    assert verdict.varies
    return verdict.form, verdict.coding, verdict.decodes, verdict.reason.value


def test_content_worth_it_is_coded_for_whoever_accepts_it() -> None:
    assert made(judged()) == (Form.BR, Coding.BR, None, "compressed")
    assert made(judged(accepts="gzip", status=404)) == (Form.GZIP, Coding.GZIP, None, "compressed")


def test_content_of_unknown_length_may_be_large() -> None:
    assert made(judged(length=None))[0] is Form.BR


@pytest.mark.parametrize("status", [101, 204, 205, 304])
def test_without_content_there_is_nothing_to_code(status: int) -> None:
    assert left(judged(status=status)) == ("no_content", False)


@pytest.mark.parametrize("status", [206, 416])
def test_a_part_is_never_coded(status: int) -> None:
    assert left(judged(status=status)) == ("partial", False)


def test_nor_is_what_says_where_it_belongs() -> None:
    assert left(judged({"Content-Range": "bytes 0-9/10"})) == ("partial", False)


def test_no_transform_is_obeyed() -> None:
    assert left(judged({"Cache-Control": "max-age=60, no-transform"})) == ("no_transform", False)
    assert left(judged({"Cache-Control": "no-transform", "Content-Encoding": "br"}, accepts=None)) == (
        "no_transform",
        False,
    )


def test_a_client_that_wants_nothing_transformed_gets_what_the_origin_gave() -> None:
    policy = Policy(CompressSettings())
    assert policy.leaves(fields_of({"Cache-Control": "no-transform"})) is CompressReason.NO_TRANSFORM
    assert policy.leaves(fields_of({"Cache-Control": "no-cache"})) is None
    leaves = CompressReason.NO_TRANSFORM
    assert left(judged(leaves=leaves)) == ("no_transform", True)
    assert left(judged({"Content-Encoding": "br"}, accepts=None, leaves=leaves)) == ("no_transform", True)


def test_only_types_worth_it_are_coded() -> None:
    assert left(judged({"Content-Type": "image/png"})) == ("type", False)
    assert made(judged({"Content-Type": "image/png"}, types=["image/png"]))[0] is Form.BR


def test_what_has_no_type_is_left_alone() -> None:
    policy = Policy(CompressSettings())
    client = Clients(tuple(Coding), OriginSees.ACCEPTED).of(b"br")
    assert left(policy.judge(client, None, 200, fields_of({}), 10_000)) == ("type", False)


def test_small_content_is_left_as_it_is_for_everybody() -> None:
    assert left(judged(length=511)) == ("small", False)
    assert made(judged(length=512))[0] is Form.BR
    assert left(judged(length=512, min_size=513)) == ("small", False)


def test_others_get_it_coded_so_it_varies() -> None:
    assert left(judged(accepts=None)) == ("not_accepted", True)
    assert left(judged(accepts="identity")) == ("not_accepted", True)
    assert left(judged(leaves=CompressReason.RANGE)) == ("range", True)
    assert left(judged(leaves=CompressReason.COOKIES)) == ("cookies", True)


def test_what_the_origin_has_coded_is_left_to_those_who_can_read_it() -> None:
    assert left(judged({"Content-Encoding": "gzip"}, accepts="br, gzip;q=0.1")) == ("coded", True)


def test_others_get_it_decoded_or_in_another_coding() -> None:
    assert made(judged({"Content-Encoding": "gzip"}, accepts=None)) == (Form.PLAIN, None, Coding.GZIP, "decoded")
    assert made(judged({"Content-Encoding": "br"}, accepts="gzip")) == (
        Form.GZIP,
        Coding.GZIP,
        Coding.BR,
        "recoded",
    )
    verdict = judged({"Content-Encoding": "br", "Content-Type": "image/png"}, accepts="gzip")
    assert made(verdict) == (Form.PLAIN, None, Coding.BR, "decoded")
    verdict = judged({"Content-Encoding": "br"}, accepts="gzip", leaves=CompressReason.COOKIES)
    assert made(verdict) == (Form.PLAIN, None, Coding.BR, "decoded")


@pytest.mark.parametrize("coding", ["deflate", "dcz", "br, gzip", "aws-chunked"])
def test_what_we_cannot_read_is_left(coding: str) -> None:
    assert left(judged({"Content-Encoding": coding}, accepts=None)) == ("coded", False)


def test_decoding_can_be_switched_off() -> None:
    assert left(judged({"Content-Encoding": "gzip"}, accepts=None, decode=False)) == ("coded", False)


def test_identity_is_no_coding() -> None:
    assert made(judged({"Content-Encoding": "identity"}))[0] is Form.BR


def test_what_in_a_request_stands_against_it() -> None:
    policy = Policy(CompressSettings())
    assert policy.leaves(fields_of({"Range": "bytes=0-1"})) is CompressReason.RANGE
    assert policy.leaves(fields_of({"Cookie": "a=b"})) is None
    careful = Policy(CompressSettings(skip_cookies=True))
    assert careful.leaves(fields_of({"Cookie": "a=b"})) is CompressReason.COOKIES
    assert careful.leaves(fields_of({})) is None
