import zlib

from plugins.compress import libraries


def test_the_libraries_of_the_runtime_are_there() -> None:
    assert libraries.isal_zlib is not None
    assert libraries.brotli is not None
    assert libraries.zstd is not None


def test_they_do_what_is_asked_of_them() -> None:
    assert zlib.decompress(libraries.isal_zlib.compress(b"content", 1, 31), 31) == b"content"
    assert libraries.brotli.decompress(libraries.brotli.compress(b"content")) == b"content"
    assert libraries.zstd.decompress(libraries.zstd.compress(b"content")) == b"content"


def test_what_is_missing_is_none() -> None:
    assert libraries._found("no_such_library", "nor_this.one") is None
    assert libraries._found("no_such_library", "zlib") is zlib
