"""`tocsin health`: score, band, profile and indicators of each account; overrides; weights proposed from outcomes."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tocsin.cli.console import Console
from tocsin.cli.moments import ahead, moment_of
from tocsin.cli.output import write
from tocsin.cli.parser import add_as_of, add_format
from tocsin.cli.who import me
from tocsin.core.errors import UserError
from tocsin.core.moment import iso
from tocsin.workspace import Workspace

if TYPE_CHECKING:
    from tocsin.health.facade import AccountHealth, Proposal

COLUMNS = ("account_id", "score", "band", "profile", "frozen", "overridden", "indicators")
SHOWN = ("account_id", "score", "band", "profile", "lost most by", "note")
PROPOSED = ("profile", "indicator", "kind", "known", "auc", "weight", "proposed")


def register(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command and its acts."""
    parser = commands.add_parser("health", help="health scores with their indicators; override, recalibrate")
    add_as_of(parser)
    parser.add_argument("--account", action="append", default=[], metavar="ID", help="only this account (may be repeated)")
    add_format(parser)
    acts = parser.add_subparsers(dest="act", metavar="ACT")
    override = acts.add_parser("override", help="put a score in the place of the computed one, or lift it")
    override.add_argument("account_id", metavar="ACCOUNT", help="the account's id")
    override.add_argument("--score", type=float, metavar="N", help="0 to 100")
    override.add_argument("--reason", default="", metavar="R", help="why")
    override.add_argument("--until", metavar="T", help="a date, a time, or a duration from now such as 30d")
    override.add_argument("--lift", action="store_true", help="end the override that runs")
    override.add_argument("--by", default="", metavar="EMAIL", help="who acts (default: the user of this computer)")
    recalibrate = acts.add_parser("recalibrate", help="weights as outcomes of the past propose them, beside today's")
    add_as_of(recalibrate)
    recalibrate.add_argument("--profile", metavar="ID", help="only this profile")
    recalibrate.add_argument("--apply", action="store_true", help="publish the proposed weights of --profile as a version")
    recalibrate.add_argument("--by", default="", metavar="EMAIL", help="who acts (default: the user of this computer)")
    add_format(recalibrate)


def run(args: argparse.Namespace, console: Console, workspace: Workspace) -> int:
    """List, override, or recalibrate."""
    match args.act:
        case "override":
            return _override(args, console, workspace)
        case "recalibrate":
            return _recalibrate(args, console, workspace)
    moment = moment_of(args.as_of, console, workspace)
    book = workspace.book()
    from tocsin.health import facade

    wanted = list(dict.fromkeys(args.account)) or None
    found = facade.health(book, moment, wanted)
    missing = sorted(set(wanted or ()) - {each.account_id for each in found})
    if missing:
        raise UserError(f"there is no account {missing[0]!r} as of {iso(moment)}")
    for problem in book.health.problems:
        console.say(f"tocsin: {problem}")
    for profile_id, why in facade.broken_profiles().items():
        console.say(f"tocsin: profile {profile_id!r} scores nobody: {why}")
    if args.format == "table":
        write(console, [_row(each) for each in found], SHOWN, "table")
    else:
        write(console, [each.to_json() for each in found], COLUMNS, args.format)
    return 0


def _row(health: AccountHealth) -> dict[str, Any]:
    """An account as the table shows it."""
    lost = max(health.indicators, key=lambda each: each.lost or 0.0, default=None)
    missing = [each.name for each in health.indicators if each.score is None]
    notes = [
        f"frozen since {iso(health.frozen_at)}" if health.frozen_at else "",
        "overridden" if health.overridden else "",
        "not scored" if health.score is None else "",
        f"without {', '.join(missing)}" if missing else "",
    ]
    return {
        "account_id": health.account_id,
        "score": None if health.score is None else round(health.score, 1),
        "band": health.band,
        "profile": health.profile or None,
        "lost most by": f"{lost.name} (-{lost.lost:.0f})" if lost is not None and lost.lost and lost.lost >= 0.5 else "",
        "note": "; ".join(each for each in notes if each),
    }


def _override(args: argparse.Namespace, console: Console, workspace: Workspace) -> int:
    if not args.lift and (args.score is None or args.until is None):
        raise UserError("give --score, --reason and --until, or --lift (see `tocsin health override --help`)")
    if args.lift and (args.score is not None or args.until is not None):
        raise UserError("--lift takes no --score and no --until")
    book = workspace.book()
    from tocsin.health import facade

    who: dict[str, Any] = {"by": args.by or me(), "moment": console.now}
    if args.lift:
        facade.lift_override(book, args.account_id, **who)
        console.say(f"the health of {args.account_id} is the computed one again")
        return 0
    until = ahead(args.until, console, workspace, option="--until")
    made = facade.set_override(book, args.account_id, score=args.score, reason=args.reason, until=until, **who)
    console.say(f"the health of {made.account_id} is {made.score:g} until {iso(made.until)}")
    return 0


def _recalibrate(args: argparse.Namespace, console: Console, workspace: Workspace) -> int:
    if args.apply and not args.profile:
        raise UserError("--apply takes --profile ID: weights are applied one profile at a time")
    moment = moment_of(args.as_of, console, workspace)
    book = workspace.book()
    from tocsin.health import facade

    found = facade.propose(book, moment, args.profile)
    if args.apply and (not found or found[0].refusal):
        why = found[0].refusal if found else "it is off, and scores nobody"
        raise UserError(f"profile {args.profile!r}: {why}")
    _write(found, console, args.format)
    if not args.apply:
        return 0
    [proposal] = found
    weights = {each.name: each.proposed for each in proposal.indicators if each.proposed is not None}
    facade.apply_weights(proposal.profile, weights, by=args.by or me(), moment=console.now)
    console.say(f"profile {proposal.profile!r} has the proposed weights from now on; past scores stay what they were")
    return 0


def _write(found: Sequence[Proposal], console: Console, form: str) -> None:
    rows = [
        {
            "profile": each.profile,
            "indicator": one.name,
            "kind": one.kind,
            "known": round(one.known, 3),
            "auc": None if one.auc is None else round(one.auc, 3),
            "weight": round(one.weight, 1),
            "proposed": one.proposed,
        }
        for each in found
        for one in each.indicators
    ]
    write(console, rows, PROPOSED, form)
    for each in found:
        if each.refusal:
            console.say(f"tocsin: profile {each.profile!r}: {each.refusal}")
        else:
            told = f"{each.churns} accounts left within {each.horizon_days} days in {each.cases} cases"
            console.say(
                f"tocsin: profile {each.profile!r}: {told}; AUC {each.auc_now:.3f} now, {each.auc_proposed:.3f} proposed"
            )
