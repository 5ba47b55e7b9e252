"""How a command watches something that goes on in a gateway: a bar on a terminal, now and then a line elsewhere."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from gateway.answers import Standing
from gateway.supervisor.client import AdminError

if TYPE_CHECKING:
    from gateway.supervisor.client import AdminAnswer, AdminClient

LOOK_SECONDS = 0.25
"""Between two looks."""
LINE_SECONDS = 5.0
"""Between two lines where there is no terminal."""

Document = Mapping[str, Any]
Tell = Callable[[Document], None]


class Follower:
    """Prints, and asks again and again."""

    def __init__(self, client: AdminClient, standing: Callable[[Document], Standing], *, as_json: bool = False) -> None:
        """`standing` reads what the gateway answers."""
        self._client = client
        self._standing = standing
        self._as_json = as_json
        self._console = Console(highlight=False)

    async def until_over(self, path: str, document: Document, note: Tell = lambda document: None) -> Document:
        """Show how it stands until it is over; `note` gets each of the documents. Raises AdminError."""
        show = self._bar() if self._console.is_terminal and not self._as_json else self._lines()
        with show as tell:
            while True:
                tell(document)
                note(document)
                if self._standing(document).is_over:
                    return document
                await asyncio.sleep(LOOK_SECONDS)
                answer = await self._client.get(path)
                if answer.is_refusal:
                    raise AdminError(answer.detail)
                document = answer.document

    def print(self, line: str) -> None:
        """A line; what begins with a space belongs to the one before."""
        self._console.print(Text(line, style="" if line.startswith(" ") else "bold"), soft_wrap=True)

    def say(self, answer: AdminAnswer, line: Callable[[Document], str]) -> bool:
        """Print an answer, as a line or as it is; whether it was no refusal."""
        if self._as_json:
            self.dump(answer.document)
        elif answer.is_refusal:
            typer.echo(answer.detail, err=True)
        else:
            self.print(line(answer.document))
        return not answer.is_refusal

    def dump(self, document: Document) -> None:
        """Print a document as it is, for programs."""
        typer.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())

    @contextlib.contextmanager
    def _bar(self) -> Iterator[Tell]:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[said]}", markup=False),
        )
        with Progress(*columns, console=self._console, transient=True) as progress:
            task = progress.add_task("", total=None, said="")

            def tell(document: Document) -> None:
                now = self._standing(document)
                progress.update(
                    task, description=now.stage, total=now.total or None, completed=now.done, said=now.lately
                )

            yield tell

    @contextlib.contextmanager
    def _lines(self) -> Iterator[Tell]:
        last = -LINE_SECONDS

        def tell(document: Document) -> None:
            nonlocal last
            now = self._standing(document)
            if not self._as_json and not now.is_over and now.seconds - last >= LINE_SECONDS:
                last = now.seconds
                self.print(f"{now.headline} ({now.lately})" if now.lately else now.headline)

        yield tell
