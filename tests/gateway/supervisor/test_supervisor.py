import asyncio
from pathlib import Path

import pytest

from gateway.supervisor.readiness import Phase
from gateway.supervisor.report import Result
from gateway.supervisor.supervisor import Supervisor
from tests.gateway.supervisor.harness import ask, config_text, supervising, until, write


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config.yaml"


def value(supervisor: Supervisor, name: str, **labels: str) -> float:
    return supervisor.figures.value(name, **labels)


async def test_every_worker_takes_a_good_configuration(path: Path) -> None:
    async with supervising(path, config_text(workers=2)) as supervisor:
        write(path, config_text("two", workers=2))
        report = await supervisor.reload("api")
        assert (report.result, report.generation, report.notes) == (Result.APPLIED, 2, ())
        assert {(await ask(supervisor))[0] for _ in range(6)} == {"two"}
        assert [worker.generation for worker in supervisor.fleet.ready] == [2, 2]
        assert value(supervisor, "config_generation") == 2
        assert value(supervisor, "config_reloads_total", result="applied") == 1


async def test_a_file_with_mistakes_changes_nothing_and_is_explained(path: Path) -> None:
    async with supervising(path, config_text()) as supervisor:
        write(path, config_text("two", more="wrokers: 2\ndrian: 1s\n"))
        report = await supervisor.reload("api")
        assert report.result is Result.REFUSED
        assert [(mistake["path"], mistake["line"]) for mistake in report.mistakes] == [("wrokers", 7), ("drian", 8)]
        assert supervisor.last_reload is report
        assert (await ask(supervisor))[0] == "one"
        assert supervisor.generation == 1
        assert value(supervisor, "config_reloads_total", result="refused") == 1


async def test_a_configuration_one_worker_refuses_is_taken_by_none(path: Path) -> None:
    async with supervising(path, config_text(workers=2)) as supervisor:
        write(path, config_text("refused", workers=2))
        report = await supervisor.reload("api")
        assert report.result is Result.REFUSED
        assert report.mistakes == ({"message": "plugin x cannot reach its store"},)
        assert (await ask(supervisor))[0] == "one"
        write(path, config_text("three", workers=2))
        assert (await supervisor.reload("api")).generation == 2
        assert (await ask(supervisor))[0] == "three"


async def test_a_worker_that_dies_of_a_configuration_does_not_stop_the_gateway(path: Path) -> None:
    async with supervising(path, config_text(workers=1)) as supervisor:
        write(path, config_text("crash"))
        await supervisor.reload("api")
        write(path, config_text("two"))
        assert (await supervisor.reload("api")).result is Result.APPLIED
        await until(lambda: supervisor.fleet.ready)
        assert (await ask(supervisor))[0] == "two"


async def test_a_worker_that_cannot_follow_is_replaced_by_one_that_can(path: Path) -> None:
    async with supervising(path, config_text()) as supervisor:
        _, before = await ask(supervisor)
        write(path, config_text("out-of-step"))
        assert (await supervisor.reload("api")).result is Result.APPLIED
        await until(lambda: supervisor.fleet.ready and supervisor.fleet.ready[0].pid != before)
        assert (await ask(supervisor))[0] == "out-of-step"


async def test_a_worker_that_starts_during_a_reload_ends_up_with_the_configuration_in_use(path: Path) -> None:
    async with supervising(path, config_text(workers=2)) as supervisor:
        supervisor.fleet.ready[0].kill("test")
        write(path, config_text("two", workers=2))
        for _ in range(3):
            await supervisor.reload("api")
        await until(lambda: len(supervisor.fleet.ready) == 2)
        assert {worker.generation for worker in supervisor.fleet.ready} == {supervisor.generation}
        assert {(await ask(supervisor))[0] for _ in range(6)} == {"two"}


async def test_workers_are_started_and_drained_to_the_number_wanted(path: Path) -> None:
    async with supervising(path, config_text()) as supervisor:
        for wanted in (3, 1):
            write(path, config_text(workers=wanted))
            assert (await supervisor.reload("api")).result is Result.APPLIED
            await until(lambda count=wanted: len(supervisor.fleet.ready) == count)  # type: ignore[misc]  # bound now
            assert len(supervisor.fleet.slots) == wanted


async def test_a_changed_listen_waits_for_a_restart_and_says_so(path: Path) -> None:
    async with supervising(path, config_text()) as supervisor:
        write(path, config_text("two").replace("listen: 127.0.0.1:0", "listen: 127.0.0.1:9"))
        report = await supervisor.reload("api")
        assert report.notes == ("listen changed: takes effect at restart",)
        assert str(supervisor.configuration.settings.listen[0].address) == "127.0.0.1:0"
        assert (await ask(supervisor))[0] == "two"


async def test_reloads_take_turns(path: Path) -> None:
    async with supervising(path, config_text()) as supervisor:
        reports = await asyncio.gather(*(supervisor.reload("api") for _ in range(5)))
        assert [report.generation for report in reports] == [2, 3, 4, 5, 6]


async def test_while_it_drains_it_is_not_ready_and_takes_no_configuration(path: Path) -> None:
    async with supervising(path, config_text()) as supervisor:
        assert supervisor.readiness().is_ready
        await supervisor.drain()
        assert supervisor.phase is Phase.DRAINING
        assert not supervisor.readiness().is_ready
        assert (await supervisor.reload("api")).mistakes == ({"message": "the gateway is draining"},)


async def test_certificates_are_read_again_by_every_worker(path: Path, tmp_path: Path) -> None:
    text = config_text().replace(
        "listen: 127.0.0.1:0",
        f"listen: {{address: '127.0.0.1:0', tls: {{certificate: {tmp_path}/a.pem, key: {tmp_path}/b.pem}}}}",
    )
    async with supervising(path, text) as supervisor:
        assert supervisor.watched_certificates() == [tmp_path / "a.pem", tmp_path / "b.pem"]
        await supervisor.reload_certificates()
        assert [told["certificates_read"] for told in await supervisor.told_by_workers()] == [1]
