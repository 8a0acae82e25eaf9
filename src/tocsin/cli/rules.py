"""`tocsin rules`: list what is in force, check, test, compare and apply rule files, export them."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tocsin.catalog import rule_files
from tocsin.cli import rule_diff, rule_tests
from tocsin.cli.console import Console
from tocsin.cli.output import write
from tocsin.cli.parser import add_format
from tocsin.cli.who import me
from tocsin.core.errors import Problem, UserError
from tocsin.core.language import Names
from tocsin.core.profiles import advice, never_reached
from tocsin.core.rulefiles import dump_milestone, dump_profile, dump_rule, read_rules
from tocsin.core.rules import STATES, Definitions
from tocsin.workspace import Workspace

if TYPE_CHECKING:
    from tocsin.alerts.facade import RuleInfo

WRONG = 2
SHOWN = ("id", "category", "severity", "trigger", "state", "version", "open", "readiness", "name")


def register(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command and its acts."""
    parser = commands.add_parser("rules", help="list, check, test, compare, apply or export rules")
    acts = parser.add_subparsers(dest="act", metavar="ACT", required=True)
    listing = acts.add_parser("list", help="the rules in force, in any state; with --state draft also drafts")
    listing.add_argument("--state", action="append", choices=STATES, default=[], help="only this state (may be repeated)")
    add_format(listing)
    check = acts.add_parser("check", help="tell every problem of rule files, with file, line and column")
    check.add_argument("path", type=Path, metavar="PATH", help="a rule file, or a folder of them")
    rule_tests.add(acts)
    rule_diff.add(acts)
    apply = acts.add_parser("apply", help="publish rule files: all of what they hold, or, where there is a problem, nothing")
    apply.add_argument("path", type=Path, metavar="PATH", help="a rule file, or a folder of them")
    apply.add_argument("--draft", action="store_true", help="keep as drafts, not in force")
    apply.add_argument("--by", default="", metavar="EMAIL", help="who publishes (default: the user of this computer)")
    export = acts.add_parser("export", help="write what is in force as rule files; applying them changes nothing")
    export.add_argument("folder", type=Path, metavar="DIR", help="the folder to write to; made where it is missing")


def run(args: argparse.Namespace, console: Console, workspace: Workspace) -> int:
    """Do the act; 2 where rule files have problems, 1 where a test of a rule fails."""
    match args.act:
        case "list":
            return _list(args, console, workspace)
        case "export":
            return _export(args.folder, console, workspace)
        case "test":
            return rule_tests.run(args, console, workspace)
        case "diff" if args.path is None:
            return rule_diff.run(args, console, workspace, None)
    definitions, problems = _checked(args.path, console, workspace)
    if problems:
        for problem in problems:
            console.say(str(problem))
        count = f"{len(problems)} problem{'' if len(problems) == 1 else 's'}"
        files = len({problem.file for problem in problems})
        nothing = "; nothing was applied" if args.act == "apply" else ""
        console.say(f"tocsin: {count} in {files} file{'' if files == 1 else 's'}{nothing}")
        return WRONG
    if args.act == "diff":
        return rule_diff.run(args, console, workspace, definitions)
    for said in _advice(definitions, workspace):
        console.say(f"tocsin: {said}")
    if args.act == "check":
        console.say(f"{_told(definitions)}, no problems")
        return 0
    return _apply(definitions, args, console, workspace)


def _list(args: argparse.Namespace, console: Console, workspace: Workspace) -> int:
    workspace.django()
    from tocsin.alerts import facade

    infos = facade.list_rules()
    if args.state:
        drafts = facade.list_drafts() if "draft" in args.state else []
        infos = [*(info for info in infos if info.state in args.state), *drafts]
    ready = _readiness(infos, workspace, console.now)
    rows = [info.to_json() | {"readiness": ready(info)} for info in infos]
    if args.format == "table":
        rows = [row | {"readiness": row["readiness"]["state"]} for row in rows]
    write(console, rows, list(rows[0]) if rows else SHOWN, args.format, shown=SHOWN)
    return 0


def _readiness(infos: Sequence[RuleInfo], workspace: Workspace, moment: datetime) -> Callable[[RuleInfo], Mapping[str, str]]:
    """What gives the readiness of each of these rules and drafts; one that cannot be read says why."""
    from tocsin.alerts import facade
    from tocsin.engine.readiness import readiness

    book = workspace.book()
    found = readiness(book, facade.definitions().rules, moment)
    # A rule may be in force and a draft by its own `state`.
    current = {(info.id, info.version) for info in facade.list_rules()}
    drafts = facade.draft_rules() if any((info.id, info.version) not in current for info in infos) else ()
    of_drafts = readiness(book, drafts, moment) if drafts else {}

    def of(info: RuleInfo) -> Mapping[str, str]:
        known = (found if (info.id, info.version) in current else of_drafts).get(info.id)
        return known.to_json() if known else {"state": "cannot be read", "says": info.unknown}

    return of


def _checked(path: Path, console: Console, workspace: Workspace) -> tuple[Definitions, tuple[Problem, ...]]:
    """What the files define and all their problems, beside what is in force."""
    sources = [(_near(file, console.cwd), text) for file, text in rule_files(path)]
    known = workspace.definitions()
    names = workspace.book().names
    definitions, problems = read_rules(sources, names=names, known=known)
    if not problems:
        problems = _broken(definitions, known, names)
    return definitions, problems


def _near(file: str, cwd: Path) -> str:
    """The file as seen from the folder in which the command was given, where it lies below that."""
    path = Path(file)
    return str(path.relative_to(cwd)) if path.is_relative_to(cwd) else file


def _broken(definitions: Definitions, known: Definitions, names: Names) -> tuple[Problem, ...]:
    """Problems that the new signals would make in rules, profiles and milestones in force that the files do not replace."""
    if all(known.signals.get(name, text) == text for name, text in definitions.signals.items()):
        return ()
    ids = {rule.id for rule in definitions.rules}
    profiles = {profile.id for profile in definitions.profiles}
    kept = [(f"rule {rule.id} in force", dump_rule(rule)) for rule in known.rules if rule.id not in ids]
    scoring = [each for each in known.profiles if each.id not in profiles]
    kept += [(f"profile {each.id} in force", f"profiles:\n{dump_profile(each)}") for each in scoring]
    steps = {each.id for each in definitions.milestones}
    due = [each for each in known.milestones if each.id not in steps]
    kept += [(f"milestone {each.id} in force", f"milestones:\n{dump_milestone(each)}") for each in due]
    before = read_rules(kept, names=names, known=known)[1]
    changed = replace(names, signals={**names.signals, **definitions.signals})
    after = read_rules(kept, names=changed, known=replace(known, signals=changed.signals))[1]
    return tuple(problem for problem in after if problem not in before)


def _advice(definitions: Definitions, workspace: Workspace) -> list[str]:
    """Where the files' profiles depart from what has proved itself, and who is never reached once they are in force."""
    ids = {each.id for each in definitions.profiles}
    if not ids:
        return []
    kept = [each for each in workspace.definitions().profiles if each.id not in ids]
    unreached = never_reached([*definitions.profiles, *kept])
    return [*(said for each in definitions.profiles for said in advice(each)), *unreached]


def _told(definitions: Definitions) -> str:
    """`15 rules, 24 signals`."""
    counts = [
        ("rule", len(definitions.rules)),
        ("signal", len(definitions.signals)),
        ("segment", len(definitions.segments)),
        ("profile", len(definitions.profiles)),
        ("milestone", len(definitions.milestones)),
    ]
    parts = [f"{count} {what}{'' if count == 1 else 's'}" for what, count in counts if count or what == "rule"]
    return ", ".join(parts)


def _apply(definitions: Definitions, args: argparse.Namespace, console: Console, workspace: Workspace) -> int:
    workspace.django()
    from tocsin.alerts import facade

    report = facade.publish_rules(definitions, by=args.by or me(), moment=console.now, draft=args.draft)
    done = "kept as drafts" if report.draft else "published"
    counts = f"{len(report.added)} added, {len(report.changed)} changed, {len(report.unchanged)} unchanged"
    console.say(f"{_told(definitions)} {done}: {counts}")
    return 0


def _export(folder: Path, console: Console, workspace: Workspace) -> int:
    workspace.django()
    from tocsin.alerts import facade

    files = facade.export_rules()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"{folder}: cannot be written ({error.strerror or error}); give another folder") from error
    console.say(f"{_listed(list(files))} written to {folder}")
    return 0


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names) or "nothing"
