"""A thousand contents through the gateway and out of curl, whose decoders are not ours."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

from tests.support.gateway import before, running
from tests.support.library import Library, content_of_text

NUMBER = 1_000


@cache
def decoders() -> frozenset[str]:
    """The codings that this machine's curl can read."""
    curl = shutil.which("curl")
    if curl is None:
        return frozenset()
    told = subprocess.run([curl, "--version"], capture_output=True, text=True, check=True, timeout=20).stdout
    features = told[told.index("Features:") :].split()
    return frozenset(
        coding for coding, name in (("gzip", "libz"), ("br", "brotli"), ("zstd", "zstd")) if name in features
    )


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])
def test_curl_reads_every_text(coding: str, tmp_path: Path) -> None:
    if coding not in decoders():
        pytest.skip(f"curl is missing here, or cannot read {coding}")
    plugins = [{"compress": {"origin_sees": "identity", "flush_after": "0", "busy_after": "1h"}}, {"cache": {}}]
    with Library() as library, running(before(library.url) | {"plugins": plugins}, tmp_path / "gateway") as gateway:
        wanted = {}
        lines = ["compressed", f'header = "Accept-Encoding: {coding}"', "fail", "silent", "show-error"]
        for number in range(NUMBER):
            kind = ("body", "kept", "coded")[number % 3 if number % 7 else 2]
            file = tmp_path / f"{number}"
            wanted[file] = content_of_text(number)
            lines.append(f'url = "http://127.0.0.1:{gateway.port}/{kind}/{number}"\noutput = "{file}"')
        config = tmp_path / "curl.txt"
        config.write_text("\n".join(lines))
        done = subprocess.run(["curl", "-K", str(config)], capture_output=True, text=True, check=False, timeout=120)
        assert (done.returncode, done.stderr) == (0, "")
        wrong = [file.name for file, content in wanted.items() if file.read_bytes() != content]
        assert wrong == []
        made = gateway.metric("slipstream_compress_bytes_total", coding=coding, side="before")
        assert made > sum(map(len, wanted.values())) / 2
