from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.config import UpstreamSettings
from gateway.supervisor import health_discovery
from gateway.supervisor.health_discovery import (
    MAX_SERVERS,
    DiscoveryError,
    Found,
    Source,
    read_servers,
    scaled,
    source_of,
)
from loadtests.support.name_server import NameServer


@pytest.fixture
def names() -> Iterator[NameServer]:
    with NameServer() as names:
        yield names


def source(url: str, names: NameServer | None = None, weight: int = 1, **more: Any) -> Source:
    asked = {} if names is None else {"dns_servers": [names.address]}
    settings = UpstreamSettings.model_validate({"servers": [{"url": url, "weight": weight}], **asked, **more})
    return source_of(settings.servers[0], settings)


def shown(found: Found) -> list[tuple[str, int, str]]:
    return [(each.url, each.weight, each.name) for each in found.endpoints]


class TestAddresses:
    async def test_each_address_of_a_name_is_a_server(self, names: NameServer) -> None:
        names.records["app.test", "A"] = ["10.0.0.2", "10.0.0.1"]
        names.records["app.test", "AAAA"] = ["fd00::1"]
        found = await source("dns+https://app.test:8443", names, 3).find()
        assert shown(found) == [
            ("https://10.0.0.1:8443", 3, "app.test"),
            ("https://10.0.0.2:8443", 3, "app.test"),
            ("https://[fd00::1]:8443", 3, "app.test"),
        ]
        assert {each.authority for each in found.endpoints} == {"app.test:8443"}

    @pytest.mark.parametrize(("ttl", "seconds"), [(7, 7), (0, 1), (3600, 30)])
    async def test_records_are_believed_for_their_time_to_live_within_bounds(
        self, names: NameServer, ttl: int, seconds: float
    ) -> None:
        names.records["app.test", "A"] = ["10.0.0.1"]
        names.ttl = ttl
        assert (await source("dns+http://app.test", names).find()).seconds == seconds

    async def test_a_name_that_does_not_exist_is_an_error(self, names: NameServer) -> None:
        with pytest.raises(DiscoveryError, match=r"app\.test"):
            await source("dns+http://app.test", names).find()

    async def test_a_name_without_an_address_is_an_error(self, names: NameServer) -> None:
        names.records["app.test", "TXT"] = ["x"]
        with pytest.raises(DiscoveryError):
            await source("dns+http://app.test", names).find()

    async def test_a_name_server_that_says_nothing_is_given_up(
        self, names: NameServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(health_discovery, "LOOK_UP_SECONDS", 0.05)
        names.is_silent = True
        with pytest.raises(DiscoveryError):
            await source("dns+http://app.test", names).find()

    async def test_without_name_servers_the_machine_is_asked(self) -> None:
        found = await source("dns+http://localhost:8000", dns_refresh="9s").find()
        assert "http://127.0.0.1:8000" in [each.url for each in found.endpoints]
        assert found.seconds == 9

    async def test_a_name_with_very_many_addresses_gives_so_many_servers(self, names: NameServer) -> None:
        names.records["app.test", "A"] = [f"10.0.{n // 200}.{n % 200}" for n in range(200)]
        names.records["app.test", "AAAA"] = [f"fd00::{n}" for n in range(100)]
        assert len((await source("dns+http://app.test", names).find()).endpoints) == MAX_SERVERS


class TestServices:
    async def test_each_record_of_the_best_priority_is_a_server(self, names: NameServer) -> None:
        names.records["_http._tcp.app.test", "SRV"] = [
            "10 3 8001 one.test.",
            "10 1 8002 two.test.",
            "20 1 8003 spare.test.",
        ]
        for number, name in enumerate(("one", "two", "spare"), 1):
            names.records[f"{name}.test", "A"] = [f"10.0.0.{number}"]
        found = await source("srv+http://_http._tcp.app.test", names, 2).find()
        assert shown(found) == [("http://10.0.0.1:8001", 6, "one.test"), ("http://10.0.0.2:8002", 2, "two.test")]
        assert found.endpoints[0].authority == "one.test:8001"

    async def test_a_target_with_several_addresses_is_several_servers(self, names: NameServer) -> None:
        names.records["_http._tcp.app.test", "SRV"] = ["0 0 80 one.test."]
        names.records["one.test", "A"] = ["10.0.0.1", "10.0.0.2"]
        found = await source("srv+http://_http._tcp.app.test", names).find()
        assert [each.url for each in found.endpoints] == ["http://10.0.0.1:80", "http://10.0.0.2:80"]

    async def test_a_service_that_is_decidedly_not_there_is_an_error(self, names: NameServer) -> None:
        names.records["_http._tcp.app.test", "SRV"] = ["0 0 0 ."]
        with pytest.raises(DiscoveryError, match="names no server"):
            await source("srv+http://_http._tcp.app.test", names).find()


@pytest.mark.parametrize(
    ("weights", "factor", "expected"),
    [
        ([0, 0], 3, [3, 3]),
        ([1, 2], 1, [1, 2]),
        ([65535, 1], 1, [1000, 1]),
        ([0, 5], 2, [1, 10]),
        ([1000, 500], 10, [1000, 500]),
        ([], 1, []),
    ],
)
def test_weights_of_records_become_weights_of_servers(weights: list[int], factor: int, expected: list[int]) -> None:
    assert scaled(weights, factor) == expected


class TestFile:
    async def test_a_file_names_servers_as_the_configuration_does(self, tmp_path: Path) -> None:
        file = tmp_path / "servers.yaml"
        file.write_text("servers:\n  - http://a:81\n  - {url: 'unix:/run/b', weight: 3}\n  - http://a:81\n")
        found = await source(f"file:{file}").find()
        assert shown(found) == [("http://a:81", 1, "a"), ("unix:/run/b", 3, "")]

    async def test_it_is_read_again_when_it_has_changed(self, tmp_path: Path) -> None:
        file = tmp_path / "servers.yaml"
        file.write_text("servers: http://a")
        of_file = source(f"file:{file}")
        first = await of_file.find()
        assert await of_file.find() is first
        beside = tmp_path / "new"
        beside.write_text("servers: [http://b, http://c]")
        beside.replace(file)
        assert [each.url for each in (await of_file.find()).endpoints] == ["http://b", "http://c"]

    async def test_an_empty_file_names_nobody(self, tmp_path: Path) -> None:
        file = tmp_path / "servers.yaml"
        file.write_text("")
        assert (await source(f"file:{file}").find()).endpoints == ()

    async def test_a_file_that_is_missing_is_an_error_until_it_is_there(self, tmp_path: Path) -> None:
        file = tmp_path / "servers.yaml"
        of_file = source(f"file:{file}")
        with pytest.raises(DiscoveryError, match="no such file"):
            await of_file.find()
        file.write_text("servers: http://a")
        assert len((await of_file.find()).endpoints) == 1

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("servers: [http://a, ftp://b]", r"servers.yaml:1:21: servers\[1\]: must be the address of a server"),
            ("server: http://a", r"servers.yaml:1:1: server: unknown key"),
            ("servers: [", r"servers.yaml:1:"),
            ("servers: [{url: http://a, weight: 0}]", r"servers.yaml:1:35: .*must be at least 1"),
            ("servers: dns+http://a", "names a source of servers"),
            ("servers: ${SECRET}", "servers.yaml:1:10"),
        ],
    )
    def test_every_mistake_is_told_with_its_place(self, tmp_path: Path, text: str, words: str) -> None:
        file = tmp_path / "servers.yaml"
        file.write_text(text)
        with pytest.raises(DiscoveryError, match=words):
            read_servers(file)

    def test_what_is_no_text_is_an_error(self, tmp_path: Path) -> None:
        file = tmp_path / "servers.yaml"
        file.write_bytes(b"\xff\xfe")
        with pytest.raises(DiscoveryError):
            read_servers(file)
