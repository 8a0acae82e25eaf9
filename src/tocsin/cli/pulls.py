"""What `tocsin sources` does with databases and folders that are pulled from."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tocsin.cli.console import Console, OutputClosedError
from tocsin.cli.output import write
from tocsin.cli.parser import add_format
from tocsin.cli.who import me
from tocsin.core.errors import UserError
from tocsin.workspace import Workspace

if TYPE_CHECKING:
    from tocsin.sources.facade import PullInfo, RunInfo

KINDS = ("sql", "folder")
# Options of `create` that are settings of the same name.
OPTIONS = ("path", "url", "mapping", "schedule", "full", "cursor", "start")
LISTED = ("place", "schedule", "state", "next_at", "last_run_at", "last_good_at", "failures")
SHOWN = ("id", "name", "kind", "state", "schedule", "next_at", "last_good_at", "last_error")
FIGURES = ("read", "added", "updated", "unchanged", "rejected")
RUNS = ("id", "started_at", "state", "cause", "by", "seconds", *FIGURES, "stage", "error", "notes", "report")
RUNS_SHOWN = ("started_at", "state", "cause", "seconds", *FIGURES, "error")


def register(acts: argparse._SubParsersAction[Any], create: argparse.ArgumentParser) -> None:
    """Add the acts that are for pulls alone, and the options of setting one up."""
    given = create.add_argument_group("pulls (kinds sql and folder)")
    given.add_argument("--url", metavar="URL", help="postgresql://user:password@host/name, sqlite:///file or duckdb:///file")
    given.add_argument("--path", type=Path, metavar="DIR", help="the folder of files")
    given.add_argument("--mapping", type=Path, metavar="DIR", help="a folder of COLLECTION.sql and columns.yaml")
    given.add_argument("--schedule", metavar="S", help="such as 'every 15m', 'daily at 06:00', 'by hand' (default: every 1h)")
    given.add_argument("--full", action="append", metavar="C", help="a collection whose pull is the whole truth (repeatable)")
    given.add_argument("--cursor", action="append", metavar="C=COLUMN", help="the column that :since goes by (repeatable)")
    given.add_argument("--start", action="append", metavar="C=VALUE", help="where the first run begins (repeatable)")
    pull = acts.add_parser("pull", help="pull from a database or a folder now; 1 where it failed")
    pull.add_argument("name", metavar="NAME", help="its name or id")
    pull.add_argument("--anew", action="store_true", help="forget how far was read, and read everything")
    pull.add_argument("--allow-shrink", action="store_true", help="close whatever a collection pulled as a whole lacks")
    add_format(pull)
    runs = acts.add_parser("runs", help="the last runs of a pull, newest first")
    runs.add_argument("name", metavar="NAME", help="its name or id")
    add_format(runs)


def run(args: argparse.Namespace, console: Console, workspace: Workspace, settings: dict[str, Any]) -> int:
    """Do an act on a pull. settings: those of `--set`."""
    from tocsin.sources import facade

    who: dict[str, Any] = {"by": me(), "moment": console.now}
    match args.act:
        case "create":
            given = {name: value for name in OPTIONS if (value := getattr(args, name)) is not None}
            given |= {name: str(given[name]) for name in ("path", "mapping") if name in given}
            given |= {"url": _whole(given["url"], console.cwd)} if "url" in given else {}
            made = facade.create_pull(args.kind, args.name, {**given, **settings}, everywhere=True, **who)
            _tell(console, made, args.format, "is set up")
        case "set":
            _tell(console, facade.set_pull(args.name, settings, everywhere=True, **who), args.format, "is changed")
        case "pull":
            return _pull(args, console, workspace)
        case "runs":
            write(console, [_run(each) for each in facade.runs_of(args.name)], RUNS, args.format, shown=RUNS_SHOWN)
        case "pause":
            console.say(f"{facade.pause_pull(args.name, **who).name} is paused")
        case "resume":
            console.say(f"{facade.resume_pull(args.name, **who).name} is pulled from again")
        case "delete":
            console.say(f"{facade.delete_pull(args.name, **who).name} is removed; what it has brought stays")
        case _:
            raise UserError(f"a pull is tried by running it: tocsin sources pull {args.name}")
    return 0


def listed(info: PullInfo) -> dict[str, Any]:
    """A pull as `sources list` shows it."""
    return {
        "id": info.id,
        "name": info.name,
        "kind": info.kind,
        "place": info.place,
        "paused": info.paused,
        "settings": dict(info.settings),
        "schedule": info.schedule,
        "state": info.state,
        "next_at": info.next_at,
        "last_run_at": info.last_run_at,
        "last_good_at": info.last_good_at,
        "failures": info.failures,
        "last_error": info.last_error or None,
        "collections": list(info.collections),
        "marks": dict(info.marks),
    }


def _pull(args: argparse.Namespace, console: Console, workspace: Workspace) -> int:
    from tocsin.sources import facade

    if args.anew:
        facade.begin_anew(args.name, by=me(), moment=console.now)

    def watch(stage: str) -> None:
        try:
            console.progress(stage, 0.0)
        except OutputClosedError:  # whoever asked has gone; what was begun is done
            return

    ended = facade.run_now(
        args.name,
        workspace.store(),
        clock=console.clock,
        zone=workspace.zone,
        by=me(),
        watch=watch,
        allow_shrink=args.allow_shrink,
    )
    watch("")
    columns = ("collection", *FIGURES, "notes")
    if ended.run.report or args.format != "table":
        write(console, ended.run.report, columns, args.format, shown=columns[:-1])
    for each in ended.run.report:
        for note in each["notes"]:
            console.say(f"{each['collection']}: {note}")
    for note in ended.run.notes:
        console.say(note)
    if ended.run.state != "done":
        console.say(f"tocsin: {ended.run.error}")
        return 1
    if not ended.run.report:
        console.say(f"{args.name}: nothing new")
    return 0


def _whole(url: str, cwd: Path) -> str:
    """The address of a file by its whole path; others as they are."""
    kind, slashes, path = url.partition("://")
    return f"{kind}://{cwd / path}" if slashes and kind in ("sqlite", "duckdb") and path and not path.startswith("/") else url


def _tell(console: Console, info: PullInfo, form: str, done: str) -> None:
    if form != "table":
        write(console, [listed(info)], tuple(listed(info)), "jsonl" if form == "json" else form)
        return
    following = f"; the next run is due {info.next_at:%Y-%m-%d %H:%M} UTC" if info.next_at else ""
    console.say(f"{info.name} {done}: {info.place}, {info.schedule}{following}")


def _run(info: RunInfo) -> dict[str, Any]:
    return {
        "id": info.id,
        "started_at": info.started_at,
        "state": info.state,
        "cause": info.cause,
        "by": info.by or None,
        "seconds": None if info.seconds is None else round(info.seconds, 1),
        **info.figures,
        "stage": info.stage,
        "error": info.error or None,
        "notes": list(info.notes),
        "report": [dict(each) for each in info.report],
    }


def names_one(args: argparse.Namespace) -> bool:
    """Whether an act is on a pull."""
    from tocsin.sources import facade

    if args.act in ("pull", "runs"):
        return True
    if args.act == "create":
        return args.kind in KINDS
    return args.act in ("set", "pause", "resume", "delete", "test") and facade.has_pull(args.name)


def misplaced(args: argparse.Namespace) -> Sequence[str]:
    """Options of pulls that were given to `create` for a source that sends."""
    return [f"--{name}" for name in OPTIONS if getattr(args, name, None) is not None] if args.act == "create" else []
