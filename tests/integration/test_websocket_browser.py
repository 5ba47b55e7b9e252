"""A real browser with the module that the gateway serves: batches in order, and plain messages where there are none."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from plugins.websocket_batch.shim import read_shim
from tests.support.chromium import showing
from tests.support.frames import frame, read_frames
from tests.support.gateway import before, running, wait_until
from tests.support.origin import Connection, Origin, Received
from tests.support.replies import answer
from tests.support.websockets import accept_for

NUMBER = 10_000
SHIM = "/slipstream/websocket.js"
_TEXTS = ['{"a": 1.0, "big": 12345678901234567890}', "no JSON, \\u00fc\\ud83d\\ude00", '"m":["t"]', " [1, 2] ", ""]

# Says what it sends and counts what comes: numbers in order, then everything it says comes back as it was.
_PAGE = """<!doctype html><title>socket</title><script type="module">
const report = {gateway: location.port, messages: 0, wrong: [], echoed: []};
const tell = () => fetch("/report?" + encodeURIComponent(JSON.stringify(report)));
window.onerror = window.onunhandledrejection = e => { report.wrong.push("" + (e.reason || e)); tell(); };
const BatchingWebSocket = (await import("SHIM")).default;
const socket = new BatchingWebSocket("ws://" + location.host + "/socket", PROTOCOLS, "FORMAT");
const large = [..."abcdefgh"].map(letter => letter.repeat(200_000));
const octets = [new Uint8Array([0, 255, 1]).buffer, new Uint8Array([9, 8, 7, 6]).subarray(1, 3), new ArrayBuffer(0)];
const said = [TEXTS, octets, large, "last"].flat();
socket.binaryType = "arraybuffer";
socket.onopen = () => {
  report.protocol = socket.protocol;
  report.state = [socket.readyState, socket.OPEN, BatchingWebSocket.OPEN, BatchingWebSocket.CLOSED];
  report.also = [socket.url == "ws://" + location.host + "/socket", socket.bufferedAmount, typeof socket.extensions];
  socket.send("count");
};
socket.addEventListener("message", e => {
  if (report.messages < NUMBER) {
    if (e.data !== '{"number": ' + report.messages + '}') report.wrong.push(e.data);
    if (++report.messages == NUMBER) said.forEach((each, at) => socket.send(each, at == said.length - 1 ? 9 : 0));
    return;
  }
  const heard = typeof e.data == "string" ? e.data : [...new Uint8Array(e.data)];
  report.echoed.push(heard.length < 1000 ? heard : heard[0] + heard.length);
  if (report.echoed.length == said.length) socket.close(4000, "enough");
});
socket.onclose = e => { report.code = e.code; report.clean = e.wasClean; tell(); };
</script>"""


class Site:
    """An origin with the page, a socket, and what the page told."""

    def __init__(self, protocols: list[str], form: str, shim: str) -> None:
        page = _PAGE.replace("SHIM", shim).replace("PROTOCOLS", json.dumps(protocols)).replace("FORMAT", form)
        texts = ", ".join(json.dumps(text) for text in _TEXTS)
        self._page = page.replace("TEXTS", texts).replace("NUMBER", str(NUMBER)).encode()
        self.modules: dict[str, bytes] = {}
        self.reports: list[dict[str, Any]] = []

    def serve(self, connection: Connection) -> None:
        """The script of the origin."""
        while (received := connection.request()) is not None:
            path, _, query = received.target.decode().partition("?")
            if path == "/socket":
                _talk(connection, received)
                return
            if path == "/report":
                self.reports.append(json.loads(unquote(query)))
            kind = b"text/javascript" if path in self.modules else b"text/html"
            connection.send(answer(self.modules.get(path, self._page), b"Content-Type: " + kind))


def _talk(connection: Connection, received: Received) -> None:
    """Switch; count when asked to; then send back what comes."""
    named = b""
    if offered := received.one(b"sec-websocket-protocol"):
        named = b"Sec-WebSocket-Protocol: " + offered.split(b",")[-1].strip() + b"\r\n"
        if b"batch" in named:  # it knows no such thing
            named = b""
    head = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" + named
    connection.send(head + b"Sec-WebSocket-Accept: " + accept_for(received) + b"\r\n\r\n")
    buffer = b""
    while octets := connection.wire.some():
        frames, buffer = read_frames(buffer + octets)
        for each in frames:
            if each.payload == b"count":
                for at in range(0, NUMBER, 100):
                    numbers = range(at, at + 100)
                    connection.send(b"".join(frame(1, b'{"number": %d}' % n, masked=False) for n in numbers))
            elif each.opcode in (0, 1, 2, 8):  # browsers cut what is long
                connection.send(frame(each.opcode, each.payload, fin=each.fin, masked=False))


def report_of(
    chromium: str, directory: Path, site: Site, settings: dict[str, Any], metrics: Callable[[Any], None]
) -> dict[str, Any]:
    """What the page tells, through a gateway with these settings."""
    with Origin(site.serve) as origin, running(before(origin.url) | settings, directory / "gateway") as gateway:
        with showing(chromium, f"http://127.0.0.1:{gateway.port}/", directory) as process:
            wait_until(lambda: bool(site.reports) or process.poll() is not None, "the page reports", patience=100.0)
        assert site.reports, (directory / "browser.log").read_text(errors="replace")
        metrics(gateway)
    return site.reports[0]


def expected(protocol: str) -> dict[str, Any]:
    """All is well."""
    texts = [json.loads(json.dumps(text)) for text in _TEXTS]
    echoed = [*texts, [0, 255, 1], [8, 7], [], *[f"{letter}200000" for letter in "abcdefgh"], "last"]
    said = {"messages": NUMBER, "wrong": [], "echoed": echoed, "state": [1, 1, 1, 3], "also": [True, 0, "string"]}
    return {**said, "protocol": protocol, "code": 4000, "clean": True}


@pytest.mark.parametrize("form", ["batch.v1", "batch-json.v1"])
@pytest.mark.parametrize("protocols", [[], ["chat"]], ids=["bare", "chat"])
def test_chromium_reads_batches_in_order(chromium: str, tmp_path: Path, form: str, protocols: list[str]) -> None:
    def look(gateway: Any) -> None:
        batches = gateway.metric("slipstream_websocket_batch_messages_count", direction="down")
        assert 0 < batches < NUMBER / 4
        assert gateway.metric("slipstream_websocket_negotiation_total", mode="batched") == 1

    settings = {"plugins": [{"websocket_batch": {"shim": SHIM}}]}
    report = report_of(chromium, tmp_path, Site(protocols, form, SHIM), settings, look)
    report.pop("gateway")
    assert report == expected(protocols[0] if protocols else "")


@pytest.mark.parametrize("protocols", [[], ["chat"]], ids=["bare", "chat"])
def test_without_batches_it_is_a_plain_websocket(chromium: str, tmp_path: Path, protocols: list[str]) -> None:
    site = Site(protocols, "batch.v1", "/module.js")
    site.modules["/module.js"] = read_shim()
    report = report_of(chromium, tmp_path, site, {}, lambda gateway: None)
    report.pop("gateway")
    assert report == expected(protocols[0] if protocols else "")
