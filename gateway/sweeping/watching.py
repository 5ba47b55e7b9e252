"""What `slipstream sweep` does once it knows what is wanted: order a sweep and watch it, or change how one goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import typer

from gateway.cli_options import MISTAKES
from gateway.following import Follower
from gateway.supervisor.client import AdminAnswer, AdminClient
from gateway.sweeping.report import headline, is_well, listing, standing, summary

PATH = "/api/sweeps"


class Watching:
    """One command. Its methods return the exit code; all raise AdminError when no gateway answers."""

    def __init__(self, client: AdminClient, *, as_json: bool = False) -> None:
        self._client = client
        self._as_json = as_json
        self._follower = Follower(client, standing, as_json=as_json)

    def list(self) -> int:
        """Show the last sweeps, and those of the configuration."""
        answer = asyncio.run(self._client.get(PATH))
        if self._as_json or answer.is_refusal:
            return self._say(answer)
        for line in listing(answer.document):
            self._follower.print(line)
        return 0

    def start(self, order: dict[str, Any], *, detach: bool = False) -> int:
        """Order a sweep, and watch it unless `detach`. Whoever looks away then ends it."""
        answer = asyncio.run(self._client.post(PATH, order))
        if answer.is_refusal or detach:
            return self._say(answer)
        try:
            return self._watch(answer.document)
        except KeyboardInterrupt:
            run = answer.document["id"]
            asyncio.run(self._client.post(f"{PATH}/{run}/cancel", {}))
            typer.echo(f"\nsweep {run} ends with the requests under way", err=True)
            return MISTAKES

    def follow(self, run: str) -> int:
        """Watch a sweep, from where it is. It does not mind whether anybody looks."""
        answer = asyncio.run(self._client.get(f"{PATH}/{run}"))
        if answer.is_refusal:
            return self._say(answer)
        try:
            return self._watch(answer.document)
        except KeyboardInterrupt:
            typer.echo(f"\nsweep {run} goes on; --cancel {run} ends it", err=True)
            return MISTAKES

    def report(self, run: str) -> int:
        """Show what a sweep has done so far."""
        answer = asyncio.run(self._client.get(f"{PATH}/{run}"))
        return self._say(answer) if answer.is_refusal else self._finish(answer.document)

    def change(self, run: str, action: str) -> int:
        """`pause`, `resume` or `cancel` a sweep."""
        return self._say(asyncio.run(self._client.post(f"{PATH}/{run}/{action}", {})))

    def _watch(self, document: Mapping[str, Any]) -> int:
        last = asyncio.run(self._follower.until_over(f"{PATH}/{document['id']}", document))
        self._finish(last)
        return 0 if is_well(last) else MISTAKES

    def _finish(self, document: Mapping[str, Any]) -> int:
        if self._as_json:
            self._follower.dump(document)
        else:
            for line in summary(document):
                self._follower.print(line)
        return 0

    def _say(self, answer: AdminAnswer) -> int:
        is_done = self._follower.say(answer, lambda document: f"{document['id']} {headline(document)}")
        return 0 if is_done else MISTAKES
