from pathlib import Path

from gateway.supervisor.watching import Watching


class Target:
    """Notes what it was told to read again."""

    def __init__(self, configuration: list[Path], certificates: list[Path]) -> None:
        self.configuration = configuration
        self.certificates = certificates
        self.told: list[str] = []

    async def reload(self, trigger: str) -> None:
        self.told.append(trigger)

    async def reload_certificates(self) -> None:
        self.told.append("certificates")

    def watched_configuration(self) -> list[Path]:
        return self.configuration

    def watched_certificates(self) -> list[Path]:
        return self.certificates


def files(folder: Path, *names: str) -> list[Path]:
    for name in names:
        write(folder / name, "first")
    return [folder / name for name in names]


def write(path: Path, text: str) -> None:
    path.write_text(text)


async def looks(watching: Watching, target: Target, times: int = 3) -> list[str]:
    for _ in range(times):
        await watching.look(target)
    return target.told


async def test_files_that_stay_the_same_are_left_alone(tmp_path: Path) -> None:
    config, pem = files(tmp_path, "config.yaml", "a.pem")
    assert await looks(Watching([config]), Target([config], [pem])) == []


async def test_a_changed_configuration_is_read_again_once(tmp_path: Path) -> None:
    (config,) = files(tmp_path, "config.yaml")
    watching = Watching([config])
    write(config, "another text")
    assert await looks(watching, Target([config], []), times=5) == ["file"]


async def test_a_change_before_the_first_look_is_seen(tmp_path: Path) -> None:
    (config,) = files(tmp_path, "config.yaml")
    watching = Watching([config])
    config.unlink()
    assert await looks(watching, Target([config], [])) == ["file"]


async def test_a_changed_certificate_is_read_again_without_a_reload(tmp_path: Path) -> None:
    config, pem, key = files(tmp_path, "config.yaml", "a.pem", "a.key")
    watching, target = Watching([config]), Target([config], [pem, key])
    await looks(watching, target)
    write(key, "another key")
    assert await looks(watching, target) == ["certificates"]


async def test_certificates_that_a_configuration_brings_are_known_from_the_start(tmp_path: Path) -> None:
    config, old, new = files(tmp_path, "config.yaml", "old.pem", "new.pem")
    watching, target = Watching([config]), Target([config], [old])
    await looks(watching, target)
    target.certificates = [new]
    assert await looks(watching, target) == []
