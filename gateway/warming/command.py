"""`slipstream warm`: begins a run in a gateway and watches it, or says how runs stand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli_options import DEFAULT_ADMIN, MISTAKES, Admin, AsJson, Token, wrong_usage

_SOURCES = "Sources"
_RUNS = "Runs"


def warm(
    url: Annotated[list[str] | None, typer.Argument(metavar="[URL]...", help="URLs to ask for, whole ones.")] = None,
    urls: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="A list: one URL a line, '-' for standard input.", rich_help_panel=_SOURCES),
    ] = None,
    sitemap: Annotated[
        list[str] | None,
        typer.Option(metavar="URL", help="A sitemap, or an index of them.", rich_help_panel=_SOURCES),
    ] = None,
    access_log: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", exists=True, dir_okay=False, help="The best of an access log.", rich_help_panel=_SOURCES
        ),
    ] = None,
    own_log: Annotated[
        bool, typer.Option("--own-log", help="The best of the gateway's own access log.", rich_help_panel=_SOURCES)
    ] = False,
    entries: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="What another gateway has: its admin address.", rich_help_panel=_SOURCES),
    ] = None,
    entries_token: Annotated[
        str | None,
        typer.Option(envvar="SLIPSTREAM_ENTRIES_TOKEN", metavar="TOKEN", help="Its token.", rich_help_panel=_SOURCES),
    ] = None,
    top: Annotated[
        int | None,
        typer.Option(min=1, help="How many of an access log or of another gateway.", rich_help_panel=_SOURCES),
    ] = None,
    base: Annotated[
        str,
        typer.Option(metavar="URL", help="Scheme and host, for logs that have neither.", rich_help_panel=_SOURCES),
    ] = "",
    rate: Annotated[str | None, typer.Option(metavar="NUMBER", help="Requests a second, or 'off'.")] = None,
    concurrency: Annotated[int | None, typer.Option(min=1, help="Requests at once, for each upstream.")] = None,
    header: Annotated[
        list[str] | None, typer.Option("--header", "-H", metavar="FIELD", help="A request field: 'Name: value'.")
    ] = None,
    cursor: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where to note how far it came, and to go on from.", rich_help_panel=_RUNS),
    ] = None,
    detach: Annotated[
        bool, typer.Option("--detach", help="Begin the run and leave it alone.", rich_help_panel=_RUNS)
    ] = False,
    runs: Annotated[bool, typer.Option("--list", help="Show the last runs.", rich_help_panel=_RUNS)] = False,
    follow: Annotated[str | None, typer.Option(metavar="RUN", help="Watch a run.", rich_help_panel=_RUNS)] = None,
    cancel: Annotated[str | None, typer.Option(metavar="RUN", help="Stop a run.", rich_help_panel=_RUNS)] = None,
    resume: Annotated[str | None, typer.Option(metavar="RUN", help="Let it go on.", rich_help_panel=_RUNS)] = None,
    admin: Admin = DEFAULT_ADMIN,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """Ask a running gateway to fetch what clients will want, before they do. Ctrl-C stops the run."""
    from gateway.supervisor.client import AdminClient, AdminError
    from gateway.warming.watching import Watching, ordered

    sources: dict[str, Any] = {
        "url": url,
        "urls": urls,
        "sitemap": sitemap,
        "access_log": access_log,
        "own_log": own_log,
        "entries": entries,
    }
    wants_source = any(sources.values())
    if sum((wants_source, runs, bool(follow), bool(cancel), bool(resume))) != 1:
        wrong_usage(
            "Name what to warm (URLs, --urls, --sitemap, --access-log, --own-log, --entries), or one of --list, "
            "--follow, --cancel and --resume."
        )
    try:
        watching = Watching(AdminClient(admin, token), as_json=as_json, cursor=cursor)
        if runs:
            code = watching.list()
        elif cancel:
            code = watching.cancel(cancel)
        elif follow or resume:
            code = watching.follow(follow or resume or "", resume=bool(resume))
        else:
            order = _read(lambda: ordered(**sources, entries_token=entries_token, top=top, base=base))
            order |= _pace(rate, concurrency) | _fields(header or [])
            code = watching.start(order, detach=detach)
    except AdminError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(MISTAKES) from None
    if code:
        raise typer.Exit(code)


def _read(read: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return read()
    except (OSError, ValueError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(MISTAKES) from None


def _pace(rate: str | None, concurrency: int | None) -> dict[str, Any]:
    pace: dict[str, Any] = {} if concurrency is None else {"concurrency": concurrency}
    if rate is not None:
        try:
            pace["rate"] = rate if rate == "off" else float(rate)
        except ValueError:
            wrong_usage(f"--rate {rate}: write a number, or off.")
    return pace


def _fields(headers: list[str]) -> dict[str, Any]:
    fields = {}
    for header in headers:
        name, colon, value = header.partition(":")
        if not colon or not name.strip():
            wrong_usage(f"--header {header!r}: write 'Name: value'.")
        fields[name.strip()] = value.strip()
    return {"fields": fields} if fields else {}
