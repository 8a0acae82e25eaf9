"""`tocsin evaluate`: who matches each `when` rule as of a moment, with evidence. Changes nothing."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tocsin.cli.console import Console
from tocsin.cli.moments import moment_of
from tocsin.cli.output import write
from tocsin.cli.parser import add_as_of, add_format
from tocsin.core.errors import UserError
from tocsin.workspace import Workspace

if TYPE_CHECKING:
    from tocsin.core.rules import Rule

COLUMNS = ("rule", "category", "severity", "subject", "account_id", "as_of", "message", "evidence")
SHOWN = ("rule", "severity", "subject", "message")
JUDGED = ("on", "shadow")


def register(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command."""
    parser = commands.add_parser("evaluate", help="who matches each `when` rule, with evidence; changes nothing")
    add_as_of(parser)
    parser.add_argument("--rule", action="append", default=[], metavar="ID", help="only this rule (may be repeated)")
    add_format(parser)


def run(args: argparse.Namespace, console: Console, workspace: Workspace) -> int:
    """Write one row per match, by rule, then subject."""
    moment = moment_of(args.as_of, console, workspace)
    rules = [rule for rule in workspace.definitions().rules if rule.trigger.kind == "when"]
    judged = chosen(rules, args.rule, what="`when` rule")
    judgement = workspace.book().judge(judged, moment)
    for rule_id, reason in sorted(judgement.unknown.items()):
        console.say(f"tocsin: rule {rule_id} cannot be judged: {reason}")
    found = sorted((match.to_json() for match in judgement.matches), key=lambda row: (row["rule"], row["subject"]["id"]))
    if args.format in ("json", "jsonl"):
        write(console, found, COLUMNS, args.format)
    else:
        flat = [{**row, "subject": row["subject"]["id"]} for row in found]
        write(console, flat, COLUMNS, args.format, shown=SHOWN)
    return 0


def chosen(rules: Sequence[Rule], ids: Sequence[str], *, what: str = "rule") -> list[Rule]:
    """The rules of these ids, or all, that are on or in shadow. UserError names an id that is none, or off."""
    if not ids:
        return [rule for rule in rules if rule.state in JUDGED]
    by_id = {rule.id: rule for rule in rules}
    return [_known(rule_id, by_id, what) for rule_id in dict.fromkeys(ids)]


def _known(rule_id: str, by_id: Mapping[str, Rule], what: str) -> Rule:
    from tocsin.core.language import suggestion

    if rule_id not in by_id:
        raise UserError(f"there is no {what} {rule_id!r}{suggestion(rule_id, by_id) or '; `tocsin rules list` shows them'}")
    rule = by_id[rule_id]
    if rule.state not in JUDGED:
        raise UserError(f"rule {rule_id} is {rule.state}; only rules that are on or in shadow are evaluated")
    return rule
