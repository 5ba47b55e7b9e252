import os
from pathlib import Path

from gateway.supervisor.watch import ChangeDetector, Look, look_at, look_at_all

A: Look = ("/a", 1, 1, 1)
B: Look = ("/a", 2, 1, 1)
C: Look = ("/a", 3, 1, 1)


def changes(*seen: Look) -> list[bool]:
    detector = ChangeDetector((A,))
    return [detector.has_changed((look,)) for look in seen]


def test_a_file_that_stays_the_same_has_not_changed() -> None:
    assert changes(A, A, A) == [False, False, False]


def test_a_change_is_told_once_when_it_is_over() -> None:
    assert changes(B, B, B, B) == [False, True, False, False]


def test_a_file_that_is_still_being_written_is_left_alone() -> None:
    assert changes(B, C, B, C, C) == [False, False, False, False, True]


def test_a_file_that_came_back_as_it_was_has_not_changed() -> None:
    assert changes(B, A, A) == [False, False, False]


def test_a_file_that_is_gone_for_good_is_a_change_and_one_gone_for_a_moment_is_not() -> None:
    assert changes(None, None) == [False, True]
    assert changes(None, A, A) == [False, False, False]


def test_what_was_read_for_another_reason_is_no_change() -> None:
    detector = ChangeDetector((A,))
    detector.has_changed((B,))
    detector.accept((B,))
    assert not detector.has_changed((B,))


def test_a_swapped_symbolic_link_in_the_path_looks_different(tmp_path: Path) -> None:
    for version in ("one", "two"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "config.yaml").write_text("workers: 1")
        os.utime(tmp_path / version / "config.yaml", ns=(1, 1))
    data, path = tmp_path / "..data", tmp_path / "config.yaml"
    data.symlink_to("one")
    path.symlink_to("..data/config.yaml")
    before = look_at(path)
    fresh = tmp_path / "..data_tmp"
    fresh.symlink_to("two")
    fresh.rename(data)
    assert look_at(path) != before


def test_a_missing_file_is_seen_as_missing(tmp_path: Path) -> None:
    present = tmp_path / "a"
    present.write_text("x")
    assert look_at_all([tmp_path / "b", present])[0] is None
    assert look_at_all([tmp_path / "b", present])[1] is not None
