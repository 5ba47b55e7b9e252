"""`slipstream sweep`: has a gateway ask the origin about what is stored, and watches; or says how sweeps stand."""

from __future__ import annotations

from typing import Annotated

import typer

from gateway.cli_options import DEFAULT_ADMIN, MISTAKES, Admin, AsJson, Token, wrong_usage

_WHAT = "What is asked about"
_HOW = "How"
_RUNS = "Sweeps that there are"

Run = str | None


def sweep(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="A sweep of the configuration.")] = None,
    route: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="What is stored for this route.", rich_help_panel=_WHAT)
    ] = None,
    tag: Annotated[
        list[str] | None, typer.Option(metavar="TAG", help="What carries this tag.", rich_help_panel=_WHAT)
    ] = None,
    prefix: Annotated[
        list[str] | None, typer.Option(metavar="URL", help="Every URL that begins so.", rich_help_panel=_WHAT)
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Everything.", rich_help_panel=_WHAT)] = False,
    within: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only what expires by then, or 'off'.", rich_help_panel=_WHAT)
    ] = None,
    most: Annotated[
        int | None, typer.Option(min=1, help="So many answers, the first ones.", rich_help_panel=_WHAT)
    ] = None,
    fetch: Annotated[
        bool | None,
        typer.Option("--fetch/--no-fetch", help="Fetch anew what has no validator.", rich_help_panel=_WHAT),
    ] = None,
    order: Annotated[
        str | None, typer.Option(metavar="WORD", help="First: saves, uses, expiry or age.", rich_help_panel=_HOW)
    ] = None,
    rate: Annotated[float | None, typer.Option(help="Questions a second.", rich_help_panel=_HOW)] = None,
    concurrency: Annotated[
        int | None, typer.Option(min=1, help="Questions at once in each worker.", rich_help_panel=_HOW)
    ] = None,
    batch: Annotated[
        int | None, typer.Option(min=1, help="Questions that a worker is given at a time.", rich_help_panel=_HOW)
    ] = None,
    priority: Annotated[
        int | None, typer.Option(min=0, help="Of those that wait, the highest is next.", rich_help_panel=_HOW)
    ] = None,
    time_limit: Annotated[
        str | None, typer.Option(metavar="TIME", help="It ends after so long.", rich_help_panel=_HOW)
    ] = None,
    patience: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="For an origin that wants to be left alone.", rich_help_panel=_HOW),
    ] = None,
    detach: Annotated[
        bool, typer.Option("--detach", help="Order it and leave it alone.", rich_help_panel=_HOW)
    ] = False,
    runs: Annotated[
        bool, typer.Option("--list", help="Show the last ones, and when others are due.", rich_help_panel=_RUNS)
    ] = False,
    follow: Annotated[Run, typer.Option(metavar="ID", help="Watch one.", rich_help_panel=_RUNS)] = None,
    report: Annotated[Run, typer.Option(metavar="ID", help="What it has done so far.", rich_help_panel=_RUNS)] = None,
    pause: Annotated[Run, typer.Option(metavar="ID", help="Let it rest.", rich_help_panel=_RUNS)] = None,
    resume: Annotated[Run, typer.Option(metavar="ID", help="Let it go on.", rich_help_panel=_RUNS)] = None,
    cancel: Annotated[Run, typer.Option(metavar="ID", help="End it.", rich_help_panel=_RUNS)] = None,
    admin: Admin = DEFAULT_ADMIN,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """Have a running gateway ask the origin about what is stored. Ctrl-C ends the sweep that was ordered."""
    meant = {"name": name, "routes": route, "tags": tag, "prefixes": prefix}
    how = {
        "within": within,
        "most": most,
        "fetch": fetch,
        "order": order,
        "rate": rate,
        "concurrency": concurrency,
        "batch": batch,
        "priority": priority,
        "time_limit": time_limit,
        "patience": patience,
    }
    changes = {"pause": pause, "resume": resume, "cancel": cancel}
    others = (runs, follow, report, *changes.values())
    is_order = everything or any(meant.values())
    if sum(map(bool, (is_order, *others))) != 1 or (everything and any(meant.values())):
        wrong_usage(
            "Name what to ask about (a NAME of the configuration, --route, --tag, --prefix, or --all), or one of "
            "--list, --follow, --report, --pause, --resume and --cancel."
        )
    given = {key: value for key, value in how.items() if value is not None}
    if not is_order and (given or detach):
        wrong_usage(f"--{next(iter(given), 'detach').replace('_', '-')} goes with a sweep that is ordered.")
    from gateway.supervisor.client import AdminClient, AdminError
    from gateway.sweeping.watching import Watching

    try:
        watching = Watching(AdminClient(admin, token), as_json=as_json)
        if is_order:
            ordered = {key: value for key, value in meant.items() if value}
            code = watching.start(ordered | given, detach=detach)
        elif runs:
            code = watching.list()
        elif follow:
            code = watching.follow(follow)
        elif report:
            code = watching.report(report)
        else:
            action, run = next((action, run) for action, run in changes.items() if run)
            code = watching.change(run, action)
    except AdminError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(MISTAKES) from None
    if code:
        raise typer.Exit(code)
