"""A real browser reads what was coded for it, and asks again with the tags it was given."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.support.chromium import showing
from tests.support.gateway import Gateway, Settings, before, running, wait_until
from tests.support.library import Library, content_of_text

NUMBER = 1_000
AT_A_TIME = 6
CODINGS = ("zstd", "br", "gzip")

# Reads every text, adds up an Adler-32 of its octets, and tells the origin what differed. Then it asks for some again,
# past its own cache but with the tags that it knows.
_PAGE = """<!doctype html><title>texts</title><script>
async function sum(response) {
  const octets = new Uint8Array(await response.arrayBuffer());
  let a = 1, b = 0;
  for (const octet of octets) { a = (a + octet) % 65521; b = (b + a) % 65521; }
  return b * 65536 + a;
}
async function run() {
  const sums = SUMS, wrong = [], codings = {};
  let next = 0, again = 0;
  async function reader() {
    while (next < sums.length) {
      const number = next++, target = "/" + ["body", "kept", "coded"][number % 3] + "/" + number;
      try {
        const response = await fetch(target);
        if (await sum(response) !== sums[number]) wrong.push(target);
        if (number % 3 === 1 && number < 300) {
          const second = await fetch(target, {cache: "no-cache"});
          if (await sum(second) !== sums[number]) wrong.push("again " + target);
          again++;
        }
      } catch (error) { wrong.push(target + ": " + error); }
    }
  }
  await Promise.all(Array.from({length: READERS}, reader));
  const report = encodeURIComponent(JSON.stringify({wrong: wrong.slice(0, 20), read: next, again: again}));
  await fetch("/report/0?" + report);
}
run();
</script>"""


def reports(library: Library) -> list[dict[str, object]]:
    """What the page has told the origin."""
    targets = [each.target.decode() for each in list(library.requests) if each.target.startswith(b"/report/")]
    return [json.loads(unquote(target.partition("?")[2])) for target in targets]


@pytest.mark.parametrize("coding", CODINGS)
def test_chromium_reads_every_text(coding: str, chromium: str, tmp_path: Path) -> None:
    others = [each for each in CODINGS if each != coding]
    settings: Settings = {"plugins": [{"compress": {"prefer": [coding, *others], "busy_after": "1h"}}, {"cache": {}}]}
    with Library() as library, running(before(library.url) | settings, tmp_path / "gateway") as gateway:
        sums = [zlib.adler32(content_of_text(number)) for number in range(NUMBER)]
        library.page = _PAGE.replace("SUMS", json.dumps(sums)).replace("READERS", str(AT_A_TIME)).encode()
        with showing(chromium, f"http://127.0.0.1:{gateway.port}/page/0", tmp_path) as process:
            wait_until(lambda: bool(reports(library)) or process.poll() is not None, "the page reports", patience=100.0)
        log = (tmp_path / "browser.log").read_text(errors="replace")
        assert reports(library), f"the browser ended:\n{log}"
        assert reports(library) == [{"wrong": [], "read": NUMBER, "again": 100}]
        if offers(library, coding):
            assert made(gateway, coding) > 1_000_000
        assert gateway.metric("slipstream_compress_responses_total", outcome="not_modified") >= 50


def offers(library: Library, coding: str) -> bool:
    """Whether the browser says that it can read that coding: old ones know no zstd."""
    accepted = [value for each in list(library.requests) for value in each.all(b"accept-encoding")]
    return any(coding.encode() in value for value in accepted)


def made(gateway: Gateway, coding: str) -> float:
    """Octets of content that were coded so."""
    return gateway.metric("slipstream_compress_bytes_total", coding=coding, side="before")
