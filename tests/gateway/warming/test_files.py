import gzip
import io
from pathlib import Path

import pytest

from gateway.warming.files import lines_of, ranking_of, read_lines


def test_a_list_is_read_plain_or_gzipped(tmp_path: Path) -> None:
    text = b"\xef\xbb\xbfhttp://a/1\r\n# no\n\nhttp://a/2"
    for name, data in (("plain", text), ("packed", gzip.compress(text))):
        path = tmp_path / name
        path.write_bytes(data)
        assert lines_of(path) == ["http://a/1", "http://a/2"]


def test_an_open_file_is_read_as_well() -> None:
    assert read_lines(io.BytesIO(b"http://a/\n" * 3)) == ["http://a/"] * 3


def test_a_line_without_an_end_is_left_out_and_the_next_one_read() -> None:
    text = b"http://a/1\n" + b"x" * 1_000_000 + b"\nhttp://a/2\n" + b"y" * 100_000
    assert read_lines(io.BytesIO(text)) == ["http://a/1", "http://a/2"]


def test_an_access_log_is_counted(tmp_path: Path) -> None:
    line = '{"method": "GET", "scheme": "http", "host": "a", "target": "/%d", "status": 200, "upstream_seconds": 1}\n'
    path = tmp_path / "access.log.gz"
    path.write_bytes(gzip.compress((line % 1 + line % 2 * 2 + "nonsense\xff\n").encode("latin-1")))
    ranking = ranking_of(path)
    assert ranking.top(9) == ["http://a/2", "http://a/1"]
    assert (ranking.requests, ranking.passed_over) == (3, 1)


def test_what_is_not_there_or_broken_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        lines_of(tmp_path / "nowhere")
    broken = tmp_path / "broken"
    broken.write_bytes(gzip.compress(b"http://a/")[:-9])
    with pytest.raises(ValueError):
        lines_of(broken)
