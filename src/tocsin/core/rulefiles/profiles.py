"""The section `profiles` of rule files: each profile read with every problem told where it stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from tocsin.core.language import FormulaError, Names, parse
from tocsin.core.language.terms import Attribute, Turned, walk
from tocsin.core.profiles import KINDS, PROFILE_STATES, Bands, Indicator, Profile
from tocsin.core.rulefiles.drafts import once, read_id, read_name, spoiled, typed
from tocsin.core.rulefiles.formulas import Formula, names_of
from tocsin.core.rulefiles.marked import Fields, Item, Place, Scalar, source
from tocsin.core.rulefiles.report import Report, kind_of, known_keys, listed, mapping, one_of, text, whole

KEYS = ("id", "name", "where", "precedence", "bands", "indicators", "state")
OF_INDICATORS = ("name", "kind", "weight", "score")
SCORED = ("health_score", "health_band", "health_profile")  # what the profiles make cannot stand in their own formulas
LOWEST, HIGHEST = 0, 100


@dataclass(slots=True)
class ProfileDraft:
    """A profile as far as it could be read. profile: None where something needed is missing or wrong."""

    report: Report
    fields: Fields
    id: str | None
    profile: Profile | None = None
    formulas: list[Formula] = field(default_factory=list)


def read_profiles(report: Report, item: Item | None) -> list[ProfileDraft]:
    """The drafts of a file's profiles."""
    found = (mapping(report, each, "a profile") for each in listed(report, item, "`profiles`"))
    return [_read(report, fields) for fields in found if fields is not None]


def _read(report: Report, fields: Fields) -> ProfileDraft:
    profile_id = read_id(report, fields, what="a profile", first="enterprise", such_as="established-smb")
    said = report.within(f"profile {profile_id!r}") if profile_id else report
    draft = ProfileDraft(said, fields, profile_id)
    known_keys(said, fields, KEYS, "a profile")
    for key, example in (("name", "Enterprise"), ("precedence", "10"), ("indicators", "a list")):
        if fields.get(key) is None:
            said(fields, f"a profile needs `{key}` ({example})")
    name = read_name(said, fields)
    where = text(said, fields.get("where"), "`where`")
    if where is not None and isinstance(item := fields.get("where"), Scalar):
        draft.formulas.append(Formula("`where`", item))
    precedence = whole(said, fields.get("precedence"), "the precedence")
    bands = _bands(said, fields.get("bands"))
    indicators = _indicators(draft)
    state = one_of(said, fields.get("state"), "state", PROFILE_STATES) or "on"
    if profile_id and name and precedence is not None and indicators:
        values: dict[str, Any] = {"where": where, "bands": bands, "state": state}
        draft.profile = Profile(profile_id, name, precedence, indicators, source=source(fields), **values)
    return draft


def _bands(report: Report, item: Item | None) -> Bands:
    fields = mapping(report, item, "`bands`")
    if fields is None:
        return Bands()
    known_keys(report, fields, ("good", "average"), "`bands`")
    for key in ("good", "average"):
        if fields.get(key) is None:
            report(fields, f"`bands` needs `{key}`, as in {{good: 70, average: 40}}")
    good, average = (_number(report, fields.get(key), f"`{key}` of `bands`") for key in ("good", "average"))
    if good is None or average is None:
        return Bands()
    for key, value in (("good", good), ("average", average)):
        if not LOWEST < value <= HIGHEST:
            report(fields.key(key), f"`{key}` of `bands` must be above {LOWEST} and at most {HIGHEST}, {value:g} stands there")
    if good <= average:
        report(fields.key("good"), f"Good must begin above Average: {good:g} is not above {average:g}")
    return Bands(good, average)


def _indicators(draft: ProfileDraft) -> tuple[Indicator, ...]:
    report, item = draft.report, draft.fields.get("indicators")
    entries = listed(report, item, "`indicators`")
    if item is not None and not entries:
        report(item, "`indicators` is empty; a profile needs one at least")
    found: dict[str, Indicator] = {}
    for entry in entries:
        fields = mapping(report, entry, "an indicator")
        if fields is None:
            continue
        known_keys(report, fields, OF_INDICATORS, "an indicator")
        for key in OF_INDICATORS:
            if fields.get(key) is None:
                report(fields, f"an indicator needs `{key}`: it has {', '.join(OF_INDICATORS)}")
        name = text(report, fields.get("name"), "the name of an indicator")
        kind = one_of(report, fields.get("kind"), "kind of indicator", KINDS)
        weight = _number(report, fields.get("weight"), "the weight of an indicator")
        score = text(report, fields.get("score"), "the score of an indicator")
        if weight is not None and weight <= 0:
            report(fields.key("weight"), f"the weight of an indicator must be above 0, {weight:g} stands there")
        if name in found:
            report(fields.key("name"), f"the indicator {name!r} is there twice; give this one another name")
        if score is not None and isinstance(held := fields.get("score"), Scalar):
            what = f"the score of {name!r}" if name else "the score of an indicator"
            draft.formulas.append(Formula(what, held, expect="number"))
        if name and kind and weight is not None and score:
            found[name] = Indicator(name, kind, weight, score)  # type: ignore[arg-type]
    return tuple(found.values())


def _number(report: Report, item: Item | None, what: str) -> float | None:
    if item is None:
        return None
    value = item.value if isinstance(item, Scalar) else None
    if isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value):
        return float(value)
    stands = repr(item.text) if isinstance(item, Scalar) else kind_of(item)
    report(item, f"{what} must be a number, {stands} stands there")
    return None


# Between profiles


def across_profiles(drafts: Sequence[ProfileDraft], known: Sequence[Profile], names: Names | None) -> None:
    """What must be right between profiles, and their formulas, each problem told at its place.

    known: the profiles in force; one of the files takes the place of the known one of its id.
    """
    _unique_ids(drafts)
    _unique_precedence(drafts, known)
    _for_everybody(drafts)
    for draft in drafts:
        for formula in draft.formulas:
            _formula(draft.report, formula, names)


def _unique_ids(drafts: Sequence[ProfileDraft]) -> None:
    once(drafts, lambda draft: draft.id, "id", lambda value: f"the id {value!r} is taken by the profile at {{}}; keep one")


def _unique_precedence(drafts: Sequence[ProfileDraft], known: Sequence[Profile]) -> None:
    on = [draft for draft in drafts if draft.profile is not None and draft.profile.state == "on"]
    once(
        on,
        lambda draft: draft.profile.precedence if draft.profile else None,
        "precedence",
        lambda value: f"the precedence {value} is taken by the profile at {{}}; no two are alike, so that one is the first",
    )
    here = {draft.id for draft in drafts}
    taken = {each.precedence: each.id for each in known if each.id not in here and each.state == "on"}
    for draft in on:
        assert draft.profile is not None
        if draft.profile.precedence in taken:
            other = taken[draft.profile.precedence]
            said = f"the precedence {draft.profile.precedence} is taken by the profile {other!r} in force; no two are alike"
            draft.report(draft.fields.key("precedence"), said)


def _for_everybody(drafts: Sequence[ProfileDraft]) -> None:
    """At most one profile of the files is for everybody, and it comes last."""
    read = sorted(
        ((draft.profile, draft) for draft in drafts if draft.profile is not None and draft.profile.state == "on"),
        key=lambda pair: pair[0].precedence,
    )
    everybody = [(profile, draft) for profile, draft in read if profile.where is None]
    for profile, draft in everybody[1:]:
        said = f"the profile {everybody[0][0].id!r} is for everybody already; give {profile.id!r} a `where`"
        draft.report(draft.fields, said)
    others = [profile for profile, _ in read if profile.where is not None]
    if everybody and others and everybody[0][0].precedence < others[-1].precedence:
        first, draft = everybody[0]
        said = f"{first.id!r} is for everybody, so that none after it is ever reached; give it the largest `precedence`"
        draft.report(draft.fields.key("precedence"), said)


def _formula(report: Report, formula: Formula, names: Names | None) -> None:
    """Syntax, names and types: `where` is a condition, a score a number, and neither uses what the profiles make."""
    term = typed(report, formula, names)
    for part in walk(term) if term is not None else ():
        if isinstance(part, (Attribute, Turned)) and part.entity == "account" and part.name in SCORED:
            said = f"{formula.what}: a profile cannot use {part.name}, which the profiles make; name what it is made of"
            report(formula.text.at(0), said)
            return


def valid_profiles(drafts: Sequence[ProfileDraft], problems: set[tuple[str, Place]]) -> tuple[Profile, ...]:
    """The profiles in whose text no problem was found."""
    return tuple(draft.profile for draft in drafts if draft.profile is not None and not spoiled(draft, problems))


def signals_used(formulas: Iterable[str], signals: Mapping[str, str]) -> dict[str, str]:
    """Name -> formula of all signals that formulas use, by way of others too; what cannot be read uses none."""
    used: dict[str, str] = {}
    trail = list(formulas)
    while trail:
        try:
            named = set(names_of(parse(trail.pop())))
        except FormulaError:
            continue  # said where it is checked
        fresh = {name: signals[name] for name in named if name in signals and name not in used}
        used |= fresh
        trail += fresh.values()
    return dict(sorted(used.items()))
