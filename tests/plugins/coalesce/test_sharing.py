import pytest

from plugins.coalesce.reasons import ApartReason
from plugins.coalesce.sharing import ABOUT_THE_CLIENT, Audience, Verdict, judge
from tests.support.plugins import make_response

EVERYBODY, SAME, NOBODY = Audience.EVERYBODY, Audience.SAME_IDENTITY, Audience.NOBODY


def verdict(fields: dict[str, str], *, status: int = 200, cookie: bool = False, credentials: bool = False) -> Verdict:
    response = make_response(status, fields)
    return judge(response, has_identity=cookie or credentials, has_credentials=credentials)


@pytest.mark.parametrize(
    ("control", "nobody", "cookie", "credentials"),
    [
        ("", SAME, SAME, SAME),
        ("no-store", SAME, SAME, SAME),
        ("no-cache", SAME, SAME, SAME),
        ("no-store, public", SAME, SAME, SAME),
        ("max-age=0", SAME, SAME, SAME),
        ("s-maxage=0, max-age=60", SAME, SAME, SAME),
        ("max-age=60", EVERYBODY, EVERYBODY, SAME),
        ("max-age=60, must-revalidate", EVERYBODY, EVERYBODY, SAME),
        ("public", EVERYBODY, EVERYBODY, EVERYBODY),
        ("s-maxage=60", EVERYBODY, EVERYBODY, EVERYBODY),
        ("private", NOBODY, SAME, SAME),
        ("private, max-age=60", NOBODY, SAME, SAME),
        ('private="X-User"', NOBODY, SAME, SAME),
        ("public, private", NOBODY, SAME, SAME),
        ('max-age=60, no-cache="Set-Cookie"', SAME, SAME, SAME),
    ],
)
def test_what_the_answer_says_and_who_asked(
    control: str, nobody: Audience, cookie: Audience, credentials: Audience
) -> None:
    fields = {"Cache-Control": control} if control else {}
    assert verdict(fields).audience is nobody
    assert verdict(fields, cookie=True).audience is cookie
    assert verdict(fields, credentials=True).audience is credentials


@pytest.mark.parametrize("name", ["Set-Cookie", "Set-Cookie2", "Authentication-Info", "Clear-Site-Data"])
def test_what_is_given_to_one_client_is_never_given_to_another(name: str) -> None:
    for cookie in (True, False):
        found = verdict({name: "x", "Cache-Control": "public, max-age=60"}, cookie=cookie)
        assert found == Verdict(NOBODY, ApartReason.SET_COOKIE)


@pytest.mark.parametrize("name", ["CDN-Cache-Control", "Surrogate-Control"])
def test_what_other_caches_are_told_is_heeded(name: str) -> None:
    assert verdict({name: "private", "Cache-Control": "public"}).reason is ApartReason.PRIVATE


@pytest.mark.parametrize("vary", ["*", "Accept, *", "a b"])
def test_what_depends_on_more_than_fields_is_for_nobody_else(vary: str) -> None:
    assert verdict({"Vary": vary}) == Verdict(NOBODY, ApartReason.VARY_STAR)


def test_names_of_vary_are_handed_on() -> None:
    assert verdict({"Vary": "User-Agent, accept"}).vary == (b"accept", b"user-agent")


@pytest.mark.parametrize("status", sorted(ABOUT_THE_CLIENT))
def test_a_status_about_the_client_is_for_nobody_else(status: int) -> None:
    assert verdict({"Cache-Control": "public"}, status=status) == Verdict(NOBODY, ApartReason.STATUS)


@pytest.mark.parametrize("status", [200, 206, 301, 304, 404, 410, 412, 416, 500, 502, 503])
def test_a_status_about_the_resource_is_for_others_too(status: int) -> None:
    assert verdict({}, status=status).reason is None


def test_a_connection_that_changed_its_protocol_is_one_clients() -> None:
    response = make_response(101)
    response.upgraded = object()
    assert judge(response, has_identity=False, has_credentials=False).reason is ApartReason.UPGRADED
