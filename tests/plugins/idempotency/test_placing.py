import os
from pathlib import Path

from plugins.idempotency.directory import DirectoryStore
from plugins.idempotency.placing import directory_of, shared_directory


def test_one_worker_keeps_answers_to_itself_and_several_share_them() -> None:
    assert directory_of("auto", 1) is None
    assert directory_of("memory", 4) is None
    assert directory_of("auto", 2) is not None
    assert directory_of("/var/lib/answers", 1) == Path("/var/lib/answers")


def test_all_workers_of_a_gateway_find_the_same_directory(tmp_path: Path) -> None:
    own = shared_directory(tmp_path)
    assert own == shared_directory(tmp_path)
    assert own.name.endswith(f"-{os.getuid()}-{os.getppid()}")


def test_what_ended_gateways_left_behind_is_removed(tmp_path: Path) -> None:
    own = shared_directory(tmp_path)
    left = DirectoryStore(own.with_name(own.name + "0"))
    in_use = DirectoryStore(own.with_name(own.name + "1"))
    for store in (left, in_use):
        store.open()
    left.close()
    shared_directory(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [in_use.directory.name]
    in_use.close()
