"""Every combination of what a client has and what it accepts: when it gets a 304, and with which tag."""

import pytest

from gateway.api import Request, Response
from gateway.http.validators import parse_entity_tag_list
from tests.support.compressing import FRESH, PAGE, Compressing, decoded, page
from tests.support.plugins import make_response

CURRENT = '"v2"'
ACCEPTS = {"nothing": None, "gzip": "gzip", "br": "br, gzip", "zstd": "zstd, br, gzip", "br only": "br, gzip;q=0"}
BEST = {"nothing": None, "gzip": "gzip", "br": "br", "zstd": "zstd", "br only": "br"}
READS = {
    "nothing": set[str](),
    "gzip": {"gzip"},
    "br": {"br", "gzip"},
    "zstd": {"zstd", "br", "gzip"},
    "br only": {"br"},
}

# What the client sends in If-None-Match → the forms of the current version it has by that, the best first.
HAS: dict[str, list[str | None]] = {
    '"v2"': [None],
    '"v2-gzip"': ["gzip"],
    '"v2-br"': ["br"],
    '"v2-zstd"': ["zstd"],
    'W/"v2-br"': ["br"],
    'W/"v2"': [None],
    '"v1"': [],
    '"v1-br"': [],
    '"v2-br-as"': [],
    '"v2-gzip", "v2-br"': ["br", "gzip"],
    '"v2-gzip", "v2"': ["gzip", None],
    '"v1-br", "v2"': [None],
    '"v1", "v1-gzip", "v2-zstd"': ["zstd"],
    "nonsense": [],
}


@pytest.mark.parametrize("caches", [True, False])
@pytest.mark.parametrize("accepts", ACCEPTS)
@pytest.mark.parametrize("has", HAS)
async def test_a_304_is_for_those_who_have_what_they_can_use(has: str, accepts: str, caches: bool) -> None:
    origin = page({**FRESH, "ETag": CURRENT}) if caches else conditional
    async with Compressing(origin, caches=caches) as chain:
        await chain.ask({})  # where there is a cache, it is stored now
        fields = {"If-None-Match": has}
        if (accepted := ACCEPTS[accepts]) is not None:
            fields["Accept-Encoding"] = accepted
        got = await chain.ask(fields)
        usable = [form for form in HAS[has] if form is None or form in READS[accepts]]
        if usable:
            wanted = CURRENT if usable[0] is None else f'"v2-{usable[0]}"'
            assert (got.status, got["ETag"], got.response.body) == (304, wanted, b"")
        else:
            best = BEST[accepts]
            wanted = CURRENT if best is None else f'"v2-{best}"'
            assert (got.status, got["ETag"], got["Content-Encoding"]) == (200, wanted, best)
            assert decoded(got) == PAGE
        if caches or usable[:1] not in ([], [None]):
            assert got["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize("accepts", ACCEPTS)
@pytest.mark.parametrize("fields", [{"If-None-Match": "*"}, {"If-Modified-Since": "Tue, 14 Nov 2023 22:00:00 GMT"}])
async def test_who_does_not_say_what_it_has_gets_a_tag_that_fits_every_form(
    fields: dict[str, str], accepts: str
) -> None:
    dated = {**FRESH, "ETag": CURRENT, "Last-Modified": "Tue, 14 Nov 2023 22:00:00 GMT"}
    async with Compressing(page(dated)) as chain:
        await chain.ask({})
        if (accepted := ACCEPTS[accepts]) is not None:
            fields = {**fields, "Accept-Encoding": accepted}
        got = await chain.ask(fields)
        assert (got.status, got["ETag"]) == (304, CURRENT if accepted is None else f"W/{CURRENT}")


@pytest.mark.parametrize("accepts", ACCEPTS)
async def test_of_what_is_never_coded_there_is_one_form_and_one_tag(accepts: str) -> None:
    async with Compressing(page({**FRESH, "ETag": CURRENT, "Content-Type": "image/png"})) as chain:
        await chain.ask({})
        accepted = {} if ACCEPTS[accepts] is None else {"Accept-Encoding": ACCEPTS[accepts] or ""}
        for condition in (CURRENT, "*"):
            got = await chain.ask({**accepted, "If-None-Match": condition})
            assert (got.status, got["ETag"], got["Vary"]) == (304, CURRENT, None)


@pytest.mark.parametrize("accepts", ACCEPTS)
async def test_weak_tags_are_everybodys(accepts: str) -> None:
    async with Compressing(page({**FRESH, "ETag": 'W/"v2"'})) as chain:
        accepted = {} if ACCEPTS[accepts] is None else {"Accept-Encoding": ACCEPTS[accepts] or ""}
        assert (await chain.ask(accepted))["ETag"] == 'W/"v2"'
        got = await chain.ask({**accepted, "If-None-Match": 'W/"v2"'})
        assert (got.status, got["ETag"]) == (304, 'W/"v2"')


async def test_tags_of_the_origin_that_end_like_ours_confuse_nobody() -> None:
    first = page({"Content-Type": "text/html", "ETag": '"v-br"', "Date": FRESH["Date"]})
    async with Compressing(first, caches=False) as chain:
        plain = await chain.ask({})
        assert plain["ETag"] == '"v-br-as"'
        coded = await chain.ask({"Accept-Encoding": "br"})
        assert coded["ETag"] == '"v-br-br"'
        await chain.ask({"Accept-Encoding": "br", "If-None-Match": '"v-br-br", "v-br-as", "v-br"'})
        assert chain.sent("If-None-Match") == '"v-br", "v"'


@pytest.mark.parametrize(("has", "status"), [('"v2-br"', 200), ('"v2"', 206), ('"v1"', 200), ('"v2-id"', 200)])
async def test_parts_are_given_of_content_as_it_is_alone(has: str, status: int) -> None:
    async with Compressing(page({**FRESH, "ETag": CURRENT})) as chain:
        await chain.ask({})
        got = await chain.ask({"Accept-Encoding": "br", "Range": "bytes=10-19", "If-Range": has})
        assert got.status == status
        if status == 206:
            assert (got.body, got["ETag"], got["Content-Encoding"]) == (PAGE[10:20], CURRENT, None)
        else:
            assert decoded(got) == PAGE


@pytest.mark.parametrize(
    ("has", "asked"), [('"v2-br"', '"v2"'), ('"v2", "v1-zstd"', '"v2", "v1"'), ("*", "*"), ('"x-br-as"', '"x-br"')]
)
@pytest.mark.parametrize("name", ["If-Match", "If-None-Match"])
async def test_changes_are_made_to_whatever_version_their_author_saw(name: str, has: str, asked: str) -> None:
    async with Compressing(page({"ETag": '"v3"'}, b"", 200)) as chain:
        got = await chain.ask({name: has}, method="PUT")
        assert chain.sent(name) == asked
        assert got["ETag"] == '"v3"'


async def test_head_and_get_agree() -> None:
    async with Compressing(page({**FRESH, "ETag": CURRENT})) as chain:
        for accepts in ACCEPTS.values():
            fields = {} if accepts is None else {"Accept-Encoding": accepts}
            get, head = await chain.ask(fields), await chain.ask(fields, method="HEAD")
            for name in ("ETag", "Vary", "Content-Encoding", "Content-Type"):
                assert get[name] == head[name]
            assert head.response.described_length == len(get.body)


def conditional(request: Request) -> Response:
    """An origin without a cache in front that knows conditions itself."""
    tags = parse_entity_tag_list(request.fields.get(b"if-none-match") or b"")
    if isinstance(tags, tuple) and any(tag.opaque == b"v2" for tag in tags):
        return make_response(304, {"ETag": CURRENT})
    return page({**FRESH, "ETag": CURRENT})(request)
