import pytest

from gateway.supervisor.guard import Asked, Guard, host_name

TOKEN = "correct-horse-battery"
LOCAL = Guard(token=None, bound_host="127.0.0.1", origins=("https://ops.example.com",))
REMOTE = Guard(token=TOKEN, bound_host="192.0.2.7", origins=("https://ops.example.com",))
UNIX = Guard(token=None, bound_host=None)


def status(guard: Guard, asked: Asked) -> int | None:
    refusal = guard.refusal(asked)
    return None if refusal is None else refusal.status


def get(path: str = "/api/status", host: str | None = "127.0.0.1:9900", authorization: str | None = None) -> Asked:
    return Asked("GET", path, host, authorization=authorization)


def post(host: str = "127.0.0.1:9900", origin: str | None = None, fetch_site: str | None = None) -> Asked:
    return Asked("POST", "/api/reload", host, origin=origin, fetch_site=fetch_site)


@pytest.mark.parametrize("path", ["/live", "/ready"])
def test_health_checks_are_open_to_everybody(path: str) -> None:
    assert status(REMOTE, get(path, "gateway.internal")) is None
    assert status(LOCAL, get(path, "evil.example")) is None


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        f"Basic {TOKEN}",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        "Bearer \u00e9",
        "Bearer \udcff",
    ],
)
@pytest.mark.parametrize("path", ["/", "/metrics", "/api/status", "/api/config", "/api/reload", "/nothing"])
def test_with_a_token_everything_else_wants_it(path: str, authorization: str | None) -> None:
    assert status(REMOTE, get(path, authorization=authorization)) == 401


@pytest.mark.parametrize("authorization", [f"Bearer {TOKEN}", f"bearer {TOKEN}", f"Bearer  {TOKEN} "])
def test_the_right_token_opens_everything(authorization: str) -> None:
    assert status(REMOTE, get(authorization=authorization)) is None


def test_with_a_token_posting_to_a_health_check_wants_it_too() -> None:
    assert status(REMOTE, Asked("POST", "/live", "x")) == 401


def test_a_preflight_carries_no_token_and_passes() -> None:
    preflight = Asked("OPTIONS", "/api/status", "192.0.2.7", origin="https://ops.example.com", is_preflight=True)
    assert status(REMOTE, preflight) is None


@pytest.mark.parametrize(
    "host", ["127.0.0.1:9900", "127.0.0.1", "localhost:9900", "LOCALHOST", "localhost.", "[::1]:9900", "127.9.9.9:1"]
)
def test_without_a_token_loopback_names_are_welcome(host: str) -> None:
    assert status(LOCAL, get(host=host)) is None


@pytest.mark.parametrize(
    "host", [None, "", "evil.example", "evil.example:9900", "127.0.0.1.evil.example", "[::1", "10.0.0.1"]
)
def test_without_a_token_a_rebound_name_is_refused(host: str | None) -> None:
    assert status(LOCAL, get(host=host)) == 403


def test_on_a_unix_socket_any_host_will_do() -> None:
    assert status(UNIX, get(host="anything")) is None


@pytest.mark.parametrize(
    "asked",
    [post(), post(origin="http://127.0.0.1:9900"), post(origin="https://OPS.example.com"), post(fetch_site="none")],
    ids=["a tool", "our own page", "an allowed origin", "typed by hand"],
)
def test_without_a_token_changes_come_from_here(asked: Asked) -> None:
    assert status(LOCAL, asked) is None


@pytest.mark.parametrize(
    "asked",
    [
        post(origin="https://evil.example"),
        post(origin="null"),
        post(origin="http://127.0.0.1:8080"),
        post(origin="https://127.0.0.1:9900"),
        post(fetch_site="cross-site"),
        post(fetch_site="same-site"),
    ],
)
def test_without_a_token_changes_from_other_pages_are_refused(asked: Asked) -> None:
    assert status(LOCAL, asked) == 403


@pytest.mark.parametrize(
    ("host", "name"), [("a:1", "a"), ("[::1]:1", "::1"), ("A.", "a"), (":1", None), (None, None), ("[x", None)]
)
def test_the_name_in_a_host_field_is_found(host: str | None, name: str | None) -> None:
    assert host_name(host) == name
