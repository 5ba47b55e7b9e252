"""What `slipstream warm` does once it knows what is wanted: begin a run, watch it, note how far it came."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gateway.cli_options import MISTAKES
from gateway.following import Follower
from gateway.supervisor.client import AdminAnswer, AdminClient, AdminError
from gateway.warming.files import lines_of, ranking_of, read_lines
from gateway.warming.order import USUAL_TOP
from gateway.warming.progress import State
from gateway.warming.report import headline, standing, summary

Document = Mapping[str, Any]


def ordered(
    *,
    url: Sequence[str] | None,
    urls: str | None,
    sitemap: Sequence[str] | None,
    access_log: Path | None,
    own_log: bool,
    entries: str | None,
    entries_token: str | None,
    top: int | None,
    base: str,
) -> dict[str, Any]:
    """The order for these options. Files are read here, where they are. Raises OSError and ValueError."""
    most = {} if top is None else {"top": top}
    sources: list[dict[str, Any]] = []
    if url:
        sources.append({"urls": list(url)})
    if urls is not None:
        found = read_lines(sys.stdin.buffer) if urls == "-" else lines_of(Path(urls))
        sources.append({"urls": _some(found, f"{urls} has no URLs")})
    sources.extend({"sitemap": each} for each in sitemap or ())
    if access_log is not None:
        best = ranking_of(access_log, base).top(top or USUAL_TOP)
        hint = "" if base else "; where its lines name no host, --base does"
        sources.append({"urls": _some(best, f"{access_log} has no requests that could be warmed{hint}")})
    if own_log:
        sources.append({"access_log": True, **most, **({"base": base} if base else {})})
    if entries is not None:
        sources.append({"entries": entries, **most, **({"token": entries_token} if entries_token else {})})
    return {"sources": sources}


def _some(urls: list[str], otherwise: str) -> list[str]:
    if not urls:
        raise ValueError(otherwise)
    return urls


class Watching:
    """One command. Its methods return the exit code; all raise AdminError when no gateway answers."""

    def __init__(self, client: AdminClient, *, as_json: bool = False, cursor: Path | None = None) -> None:
        self._client = client
        self._as_json = as_json
        self._cursor = cursor
        self._follower = Follower(client, standing, as_json=as_json)

    def list(self) -> int:
        """Show the last runs."""
        answer = asyncio.run(self._client.get("/api/warm"))
        if self._as_json or answer.is_refusal:
            return self._say(answer)
        for run in answer.document["runs"]:
            self._follower.print(f"{run['id']} {headline(run)}")
        if not answer.document["runs"]:
            self._follower.print("no run so far")
        return 0

    def cancel(self, run: str) -> int:
        """Stop a run."""
        return self._say(asyncio.run(self._client.post(f"/api/warm/{run}/cancel", {})))

    def start(self, order: dict[str, Any], *, detach: bool = False) -> int:
        """Begin a run, and watch it unless `detach`."""
        known = self._read_cursor()
        answer = asyncio.run(self._client.post("/api/warm", order | ({"cursor": known} if known else {})))
        if answer.is_refusal or detach:
            return self._say(answer)
        return self._watch(answer.document)

    def follow(self, run: str, *, resume: bool = False) -> int:
        """Watch a run, from where it is; with `resume` let it go on first."""
        if resume:
            answer = asyncio.run(self._client.post(f"/api/warm/{run}/resume", {}))
        else:
            answer = asyncio.run(self._client.get(f"/api/warm/{run}"))
        return self._say(answer) if answer.is_refusal else self._watch(answer.document)

    # --- watching -------------------------------------------------------------------------------------

    def _watch(self, document: Document) -> int:
        run = document["id"]
        try:
            last = asyncio.run(self._follower.until_over(f"/api/warm/{run}", document, self._note))
        except KeyboardInterrupt:
            last = asyncio.run(self._client.post(f"/api/warm/{run}/cancel", {})).document
            self._note(last)
            self._finish(last)
            self._follower.print(f"  go on with: slipstream warm --resume {run}")
            return MISTAKES
        self._note(last)
        self._finish(last)
        return 0 if last["state"] == State.DONE and not last["failed"] else MISTAKES

    # --- words ------------------------------------------------------------------------------------------

    def _finish(self, document: Document) -> None:
        if self._as_json:
            self._follower.dump(document)
            return
        for line in summary(document):
            self._follower.print(line)

    def _say(self, answer: AdminAnswer) -> int:
        is_done = self._follower.say(answer, lambda document: f"{document['id']} {headline(document)}")
        return 0 if is_done else MISTAKES

    # --- the cursor -------------------------------------------------------------------------------------

    def _read_cursor(self) -> str | None:
        if self._cursor is None or not self._cursor.exists():
            return None
        try:
            return str(json.loads(self._cursor.read_text())["cursor"])
        except (ValueError, KeyError, TypeError):
            raise AdminError(f"{self._cursor} holds no cursor; remove it to begin anew") from None

    def _note(self, document: Document) -> None:
        """Write down how far the run came, in one step; a run that is done needs no cursor."""
        if self._cursor is None or not document.get("cursor"):
            return
        if document["state"] == State.DONE:
            self._cursor.unlink(missing_ok=True)
            return
        beside = self._cursor.with_name(self._cursor.name + ".new")
        beside.write_text(json.dumps({"cursor": document["cursor"], "run": document["id"]}) + "\n")
        beside.replace(self._cursor)
