"""Rule files <-> rules: reading with every problem told where it stands, and writing back.

To add a key of a rule: its field in `core.rules`, its name in `build.KEYS` and its reader there, its line in `dump`, a case
in `tests/unit/test_rulefiles.py`. To add a check between rules: a function in `across`, called here.
"""

from __future__ import annotations

from collections.abc import Sequence

from tocsin.core.errors import Problem
from tocsin.core.language import Names
from tocsin.core.rulefiles import across
from tocsin.core.rulefiles.dump import dump_milestone, dump_milestones, dump_profile, dump_profiles, dump_rule, dump_rules
from tocsin.core.rulefiles.marked import Place
from tocsin.core.rulefiles.milestones import across_milestones, valid_milestones
from tocsin.core.rulefiles.profiles import across_profiles, signals_used, valid_profiles
from tocsin.core.rulefiles.report import Report
from tocsin.core.rulefiles.sections import Named, read_file
from tocsin.core.rules import Definitions

__all__ = [
    "dump_milestone",
    "dump_milestones",
    "dump_profile",
    "dump_profiles",
    "dump_rule",
    "dump_rules",
    "read_rules",
    "signals_used",
]


def read_rules(
    sources: Sequence[tuple[str, str]], *, names: Names | None = None, known: Definitions | None = None
) -> tuple[Definitions, tuple[Problem, ...]]:
    """What rule files define, and every problem of all of them, sorted by place.

    sources: (what messages call the file, its text).
    names:   the attributes and signals of the workspace; without them formulas are checked for syntax only.
    known:   what is defined besides (the shipped catalog, the published rules): rules that may be named, signals and segments
             that may be used. A rule of the files replaces a known one of the same id.

    A rule, profile or milestone with a problem is left out of the definitions.
    """
    known = known or Definitions()
    files = [read_file(file, text) for file, text in sources]
    drafts = [draft for contents in files for draft in contents.rules]
    signals = _once([(each.report, entry) for each in files for entry in each.signals], "signal")
    segments = _once([(each.report, entry) for each in files for entry in each.segments], "segment")
    formulas = {entry.name: entry.formula.text for _, entry in signals}
    all_names = across.with_signals(names, known, formulas)
    all_segments = {**known.segments, **{entry.name: entry.formula.text for _, entry in segments}}

    across.signals(signals, all_names)
    across.segments(segments, all_names)
    for draft in drafts:
        across.formulas(draft, all_names)
    across.duplicate_ids(drafts)
    across.unknown_inhibitors(drafts, known)
    across.ladders(drafts, known)
    across.named_in_triggers(drafts, list(all_segments), all_names)
    profiles = [draft for contents in files for draft in contents.profiles]
    across_profiles(profiles, known.profiles, all_names)
    milestones = [draft for contents in files for draft in contents.milestones]
    across_milestones(milestones, known.milestones, all_names)

    problems = tuple(sorted({problem for contents in files for problem in contents.report.problems}))
    spoiled = {(problem.file, Place(problem.line, problem.column)) for problem in problems}
    definitions = Definitions(
        signals=formulas,
        segments={entry.name: entry.formula.text for _, entry in segments},
        rules=across.valid(drafts, spoiled),
        descriptions={entry.name: entry.description for _, entry in signals if entry.description.text},
        profiles=valid_profiles(profiles, spoiled),
        milestones=valid_milestones(milestones, spoiled),
        playbooks=tuple(each for contents in files for each in contents.playbooks),
    )
    return definitions, problems


def _once(entries: list[tuple[Report, Named]], what: str) -> list[tuple[Report, Named]]:
    """The entries, each name once; a second one of the same name in another file is told where the first stands."""
    first: dict[str, tuple[Report, Named]] = {}
    for report, entry in entries:
        if entry.name in first:
            other, named = first[entry.name]
            place = f"{other.file}:{named.key.place.line}:{named.key.place.column}"
            report(entry.key, f"the {what} {entry.name!r} is defined at {place} already; keep one")
        else:
            first[entry.name] = report, entry
    return list(first.values())
