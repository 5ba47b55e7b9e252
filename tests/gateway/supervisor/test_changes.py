from pathlib import Path

import pytest

from gateway.chain.registry import settings_of
from gateway.config import Configuration, load_text
from gateway.supervisor.changes import applicable, certificate_files

UPSTREAM = 'upstreams: {app: {servers: ["http://127.0.0.1:9"]}}\n'
FIRST, SECOND = "first-token-of-many", "second-token-of-all"


def configuration(text: str) -> Configuration:
    return load_text(UPSTREAM + text, settings_of)


def as_worker_sees(change: Configuration) -> Configuration:
    return Configuration.from_json(change.to_json(), settings_of)


def test_what_workers_can_change_takes_effect() -> None:
    wanted = configuration("name: two\nworkers: 3\ndrain: 1s\n")
    change = applicable(configuration("name: one\n"), wanted)
    assert change.effective is wanted
    assert change.notes == ()


@pytest.mark.parametrize("was", ["", "listen: 127.0.0.1:9001\n"], ids=["default", "written"])
def test_listen_stays_as_it_was_for_supervisor_and_workers(was: str) -> None:
    running = configuration(was)
    change = applicable(running, configuration("name: two\nlisten: 127.0.0.1:9002\n"))
    assert change.notes == ("listen changed: takes effect at restart",)
    for seen in (change.effective, as_worker_sees(change.effective)):
        assert seen.settings.listen == running.settings.listen
        assert seen.settings.name == "two"


def test_other_certificates_for_the_same_address_take_effect() -> None:
    text = "listen: {{address: '127.0.0.1:1', tls: {{certificate: /tls/{0}.pem, key: /tls/{0}.key}}}}\n"
    change = applicable(configuration(text.format("a")), configuration(text.format("b")))
    assert change.notes == ()
    assert certificate_files(change.effective) == [Path("/tls/b.pem"), Path("/tls/b.key")]


def test_a_new_token_takes_effect_at_once() -> None:
    running = configuration(f"admin: {{address: '127.0.0.1:9900', token: {FIRST}}}\n")
    change = applicable(running, configuration(f"admin: {{address: '127.0.0.1:9900', token: {SECOND}}}\n"))
    assert change.notes == ()
    assert change.effective.settings.admin is not None
    assert change.effective.settings.admin.token is not None
    assert change.effective.settings.admin.token.get_secret_value() == SECOND


@pytest.mark.parametrize(
    "wanted",
    [
        "admin: 127.0.0.1:9901\n",
        "admin: off\n",
        "admin: {address: '0.0.0.0:9900', token: another-token-here, cors_origins: ['https://a.example']}\n",
    ],
)
def test_a_token_is_never_lost_to_an_address_that_stays(wanted: str) -> None:
    running = configuration(f"admin: {{address: '0.0.0.0:9900', token: {FIRST}}}\n")
    change = applicable(running, configuration(wanted))
    assert change.notes == ("admin changed: takes effect at restart",)
    assert change.effective.settings.admin == running.settings.admin
    assert as_worker_sees(change.effective).settings.admin == running.settings.admin


def test_admin_cannot_be_switched_on_while_running() -> None:
    change = applicable(configuration("admin: off\n"), configuration(""))
    assert change.notes == ("admin changed: takes effect at restart",)
    assert change.effective.settings.admin is None


def test_the_files_of_certificates_are_found_once_each() -> None:
    found = certificate_files(
        configuration(
            "listen:\n"
            "  - {address: '127.0.0.1:1', tls: {certificate: /tls/a.pem, key: /tls/a.key}}\n"
            "  - {address: '127.0.0.1:2', tls: {certificate: /tls/a.pem, key: /tls/a.key}}\n"
            "  - 127.0.0.1:3\n"
        )
    )
    assert found == [Path("/tls/a.pem"), Path("/tls/a.key")]
