"""The command line: `slipstream run | check | purge | explain | breakers | warm | sweep | schema | demo | version`.

Exit codes: 0 all went well, 1 mistakes (in a configuration, or at the start) or a gateway that could not do what it
was asked, 2 the command itself was wrong.
Every command imports what it needs when it runs, so that `slipstream version` and `--help` answer at once."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway import __version__
from gateway.cli_options import DEFAULT_ADMIN, MISTAKES, Admin, AsJson, Token, wrong_usage
from gateway.sweeping.command import sweep
from gateway.warming.command import warm

if TYPE_CHECKING:
    from gateway.config import Configuration
    from gateway.supervisor.client import AdminAnswer
    from gateway.supervisor.source import ConfigSource

DEFAULT_FILE = Path("config.yaml")
"""Taken by `run` where neither a file nor an upstream is named."""
SENSIBLE_CHAIN = ("compress", "cache", "coalesce", "circuit_breaker")
"""Plugins that `run --upstream` starts with, by the names under which the registry has them."""
__all__ = ["DEFAULT_ADMIN", "SENSIBLE_CHAIN", "app", "describe", "main"]

app = typer.Typer(
    name="slipstream",
    help="A performance sidecar: an HTTP gateway in front of a service that already exists.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

ReadableFile = Annotated[
    Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, readable=True, help="A configuration file.")
]
OptionalFile = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", metavar="FILE", exists=True, dir_okay=False, readable=True, help="A configuration file."
    ),
]
Listen = Annotated[str | None, typer.Option(metavar="ADDRESS", help="Where to listen, such as 127.0.0.1:8080.")]


@app.command()
def run(
    config: OptionalFile = None,
    upstream: Annotated[
        list[str] | None,
        typer.Option(metavar="URL", help="Stand before this server, without a file; may be given several times."),
    ] = None,
    listen: Listen = None,
    admin: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Where the admin application listens, or 'off'.")
    ] = None,
    workers: Annotated[
        str | None, typer.Option(metavar="NUMBER", help="How many worker processes, or 'auto': one per core.")
    ] = None,
) -> None:
    """Run the gateway until SIGTERM or Ctrl-C. --listen, --admin and --workers override the file."""
    if config is not None and upstream:
        wrong_usage("Name a file (--config) or upstreams (--upstream), not both.")
    if config is None and not upstream:
        if not DEFAULT_FILE.is_file():
            wrong_usage(
                "Nothing to stand in front of. Name an upstream or a configuration file:\n\n"
                "  slipstream run --upstream http://127.0.0.1:8000\n"
                "  slipstream run --config FILE\n\n"
                f"Without either, {DEFAULT_FILE} of this directory is taken, but there is none."
            )
        config = DEFAULT_FILE
    from gateway.supervisor.main import run as supervise

    raise typer.Exit(supervise(_source(config, upstream or [], listen, admin, workers)))


def _source(
    config: Path | None, upstream: list[str], listen: str | None, admin: str | None, workers: str | None
) -> ConfigSource:
    """Where the configuration comes from: the file with the flags over it, or the flags alone."""
    from gateway.supervisor.source import FileSource, UpstreamSource

    if config is None:
        return UpstreamSource(upstream, listen=listen, admin=admin, workers=workers, chain=SENSIBLE_CHAIN)
    flags = {"listen": listen, "admin": admin, "workers": workers}
    return FileSource(config, {name: text for name, text in flags.items() if text is not None})


@app.command()
def check(file: ReadableFile) -> None:
    """Check a configuration file: shows every mistake with its place, or OK and what is in it. Certificates that it
    names are read as well."""
    from gateway.chain.registry import settings_of
    from gateway.config import ConfigError, load_file
    from gateway.supervisor.files import unusable

    try:
        configuration = load_file(file, settings_of)
    except ConfigError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(MISTAKES) from None
    if faults := list(unusable(configuration.settings)):
        typer.echo("\n".join(f"{file}: {fault}" for fault in faults), err=True)
        raise typer.Exit(MISTAKES)
    typer.echo(f"OK {file}: {describe(configuration)}")


def describe(configuration: Configuration) -> str:
    """How many routes there are, where they lead, and which plugins are on the way."""
    routes = configuration.routes
    upstreams = sorted({route.upstream for route in routes})
    plugins = list(dict.fromkeys(use.name for route in routes for use in route.plugins))
    lead = f"{_count(len(routes), 'route')} to {_count(len(upstreams), 'upstream')} ({', '.join(upstreams)})"
    return f"{lead}; " + (f"plugins {', '.join(plugins)}" if plugins else "no plugins")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


@app.command()
def purge(
    url: Annotated[str | None, typer.Option(help="This URL, every variant of it.")] = None,
    prefix: Annotated[str | None, typer.Option(help="Every URL that begins so.")] = None,
    tag: Annotated[str | None, typer.Option(help="What carries this tag.")] = None,
    route: Annotated[str | None, typer.Option(help="What was stored for this route.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Everything.")] = False,
    soft: Annotated[bool, typer.Option("--soft", help="Make stale: it is served while it is refreshed.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing; say what would go.")] = False,
    admin: Admin = DEFAULT_ADMIN,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """Remove stored responses from a running gateway, in every worker."""
    named = {"url": url, "prefix": prefix, "tag": tag, "route": route, "all": everything or None}
    given = {name: value for name, value in named.items() if value}
    if len(given) != 1:
        wrong_usage("Name exactly one of --url, --prefix, --tag, --route and --all.")
    from gateway.answers import purge_lines
    from gateway.supervisor.client import AdminClient

    _show(
        lambda: AdminClient(admin, token).post("/api/purge", {**given, "soft": soft, "dry_run": dry_run}),
        purge_lines,
        as_json=as_json,
    )


@app.command()
def explain(
    url: Annotated[str, typer.Argument(metavar="URL", help="The whole URL, as clients ask the gateway for it.")],
    header: Annotated[
        list[str] | None, typer.Option("--header", "-H", metavar="FIELD", help="A request field: 'Name: value'.")
    ] = None,
    method: Annotated[str, typer.Option("--method", "-X", metavar="METHOD", help="The method.")] = "GET",
    admin: Admin = DEFAULT_ADMIN,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """Say what a running gateway would do with a request now, and why. The service behind it is not asked."""
    from gateway.answers import explain_lines
    from gateway.supervisor.client import AdminClient

    parameters = [("url", url), ("method", method), *(("header", each) for each in header or ())]
    _show(lambda: AdminClient(admin, token).get("/api/explain", parameters), explain_lines, as_json=as_json)


@app.command()
def breakers(
    open_: Annotated[str | None, typer.Option("--open", metavar="NAME", help="Open this circuit by hand.")] = None,
    close: Annotated[str | None, typer.Option("--close", metavar="NAME", help="Close it.")] = None,
    reset: Annotated[
        str | None, typer.Option("--reset", metavar="NAME", help="Close it, and forget how often it was open.")
    ] = None,
    duration: Annotated[
        str | None, typer.Option("--for", metavar="TIME", help="How long --open holds; until --close without it.")
    ] = None,
    admin: Admin = DEFAULT_ADMIN,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """Show the circuits of a running gateway, or change some in every worker. NAME is one of them, or 'all'."""
    given = {action: name for action, name in (("open", open_), ("close", close), ("reset", reset)) if name}
    if len(given) > 1 or (duration and "open" not in given):
        wrong_usage("Give one of --open, --close and --reset; --for goes with --open alone.")
    from gateway.answers import breaker_lines
    from gateway.supervisor.client import AdminClient

    if not given:
        _show(lambda: AdminClient(admin, token).get("/api/breakers", []), breaker_lines, as_json=as_json)
        return
    ((action, name),) = given.items()
    order: dict[str, Any] = {"action": action, **({"all": True} if name == "all" else {"circuit": name})}
    if duration:
        order["for"] = duration
    _show(lambda: AdminClient(admin, token).post("/api/breakers", order), breaker_lines, as_json=as_json)


def _show(
    ask: Callable[[], Coroutine[Any, Any, AdminAnswer]],
    lines: Callable[[dict[str, Any]], Iterable[str]],
    *,
    as_json: bool,
) -> None:
    """Ask a gateway and print its answer. Exit code 1 when it, or one of its workers, could not do what was asked."""
    import asyncio

    import orjson
    from rich.console import Console
    from rich.text import Text

    from gateway.supervisor.client import AdminError

    try:
        answer = asyncio.run(ask())
    except AdminError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(MISTAKES) from None
    if as_json:
        typer.echo(orjson.dumps(answer.document, option=orjson.OPT_INDENT_2).decode())
    elif answer.is_refusal:
        typer.echo(answer.detail, err=True)
    else:
        console = Console(highlight=False)
        for line in lines(answer.document):
            console.print(Text(line, style="" if line.startswith(" ") else "bold"), soft_wrap=True)
    if not answer.is_complete:
        raise typer.Exit(MISTAKES)


app.command()(warm)
app.command()(sweep)


@app.command()
def schema() -> None:
    """Print the JSON Schema of the configuration file, for editors."""
    import orjson

    from gateway.chain.registry import rooms, settings_of
    from gateway.config import json_schema

    document = json_schema({name: settings_of(name) for name in rooms()})
    typer.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())


@app.command()
def demo(
    seconds: Annotated[float | None, typer.Option(min=1, help="End by itself after so many seconds.")] = None,
    listen: Listen = None,
    plain: Annotated[bool, typer.Option("--plain", help="One line a second instead of the live view.")] = False,
) -> None:
    """Show the gateway at work: an origin of its own, a client, and a live view. Ctrl-C ends it."""
    from gateway.demo.main import run as show

    raise typer.Exit(show(seconds=seconds, listen=listen, plain=plain))


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(f"slipstream {__version__}")


def main() -> None:
    """Entry of the console script."""
    app(prog_name="slipstream")
