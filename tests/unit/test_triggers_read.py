"""Triggers in rule files: what each kind takes, which goes with which subject, and every wrong form told in one sentence.

A `⟦` marks where the problem must be located, as in `test_rulefiles`.
"""

# ruff: noqa: E501 - a case and its sentence read best on one line

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.unit.test_rulefiles import HEAD, NAMES, marked
from tocsin.core.language import Names
from tocsin.core.rulefiles import dump_rule, read_rules
from tocsin.core.rules import Definitions, Rule

DAY = timedelta(days=1)
KNOWN = Definitions(
    segments={"good": "seats > 1"},
    signals={
        "days_left": "days_until(renews_on)",
        "contract_on": "coalesce(min(subscriptions.renews_on where open), renews_on)",
    },
)
STEPS = "  with: {steps: [30, 14]}\n"


def read(trigger: str, more: str = "") -> tuple[tuple[Rule, ...], list[str]]:
    definitions, found = read_rules([("r.yaml", f"{HEAD}{more}  trigger: {trigger}\n")], names=NAMES, known=KNOWN)
    return definitions.rules, [f"{each.line}:{each.column}: {each.message}" for each in found]


def rule_of(trigger: str, more: str = "") -> Rule:
    rules, found = read(trigger, more)
    assert found == []
    return rules[0]


# --- What is right


@pytest.mark.parametrize(
    ("trigger", "more"),
    [
        ("{event: minutes > $most and properties.rows > 5}", "  with: {most: 3}\n"),
        (
            "{event: kind = 'feature'}",
            "  when: count(events where feature = event.feature and at < event.at in last 30d) = 0\n",
        ),
        ("{event: kind = 'feature'}", "  where: event.minutes > seats\n"),
        ("{event: tier = 1 and kind = 'login'}", ""),
        ("{new: tickets, where: priority = $grave}", "  with: {grave: high}\n  when: count(tickets where id = row.id) = 1\n"),
        ("{new: people}", ""),
        ("{change: plan}", "  when: seats > 1\n  collapse: 7d\n  cooldown: 1d\n"),
        ("{change: plan, from: [pro, null], to: free}", ""),
        ("{change: seats, from: 3, to: [1, 2]}", ""),
        ("{change: score, direction: up, by: 5}", ""),
        ("{change: health_score, direction: down, by: 12.5%}", ""),
        ("{change: status, to: [churned, cancelling]}", ""),
        ("{change: health_band, from: [Good, Average], to: Poor}", ""),
        ("{enter: good}", "  when: seats > 1\n"),
        ("{leave: good}", ""),
        ("{countdown: renews_on, steps: [90, 7, 0], overdue: true}", "  renotify: 7d\n"),
        ("{countdown: renews_on, steps: $steps}", STEPS + "  vary: [{where: tier = 1, with: {steps: [180, 120]}}]\n"),
        ("{countdown: renews_on, steps: [30], before: seats + 1}", ""),
        ("{countdown: renews_on, steps: [30], before: $notice}", "  with: {notice: 30d}\n"),
        ("{countdown: created_at, steps: [30], before: '30'}", ""),
        ("{countdown: invoices.due_on, steps: [3]}", ""),
        ("{countdown: contract_on, steps: [30]}", ""),
    ],
)
def test_it_is_read(trigger: str, more: str) -> None:
    assert rule_of(trigger, more).trigger.kind in trigger


TAKES = {
    "account": {"event", "new", "change", "enter", "leave", "countdown"},
    "person": {"event", "new", "change", "countdown"},
    "feature": {"event"},
    "csm": {"countdown"},
    "team": set(),
    "company": set(),
}
EXAMPLES = {
    "event": "{event: minutes > 1}",
    "new": "{new: tickets}",
    "change": "{change: plan}",
    "enter": "{enter: good}",
    "leave": "{leave: good}",
    "countdown": "{countdown: tasks.due_on, steps: [1]}",
}


@pytest.mark.parametrize("subject", TAKES)
def test_each_subject_takes_its_own_triggers_and_all_take_when(subject: str) -> None:
    for kind, trigger in EXAMPLES.items():
        own = {"countdown": "{countdown: created_at, steps: [1]}", "change": "{change: role}"} if subject == "person" else {}
        _, found = read(own.get(kind, trigger), f"  subject: {subject}\n")
        if kind in TAKES[subject]:
            assert found == []
        else:
            takes = ", ".join(("when", *(each for each in EXAMPLES if each in TAKES[subject])))
            assert found[0].startswith(
                f"5:12: rule 'quiet': a rule about a {subject} cannot have a trigger of kind {kind}; it takes"
            )
            assert set(found[0].split("it takes ")[1].split(", ")) == set(takes.split(", "))
            assert len(found) == 1


@pytest.mark.parametrize(
    ("trigger", "expires"),
    [
        ("{event: minutes > 1}", 14 * DAY),
        ("{change: plan}", 14 * DAY),
        ("{enter: good}", 14 * DAY),
        ("{leave: good}", 14 * DAY),
        ("{new: surveys}", 14 * DAY),  # has no end: nothing else closes it
        ("{new: tickets}", None),  # closes when the ticket is resolved
        ("{countdown: renews_on, steps: [1]}", None),
    ],
)
def test_what_nothing_else_closes_expires_after_14_days(trigger: str, expires: timedelta | None) -> None:
    assert rule_of(trigger).expires == expires
    assert rule_of(trigger, "  expires: 3d\n").expires == 3 * DAY


def test_steps_as_a_parameter_are_written_and_read_again() -> None:
    rule = rule_of("{countdown: renews_on, steps: $steps, before: seats, overdue: true}", STEPS)
    again, found = read_rules([("r.yaml", dump_rule(rule))], names=NAMES)
    assert found == ()
    assert again.rules == (rule,)


# --- What is wrong: more of the rule, trigger, and what is said, where the mark stands

SAYS_STEPS = "the parameter 'steps' lists the steps of a countdown: whole numbers of days, such as [90, 30, 7]"
SEATS, PERSON = "  when: seats > 1\n", "  subject: person\n"

WRONG = {
    # the trigger as a whole
    "a text": ("", "⟦event", "`trigger` must be a mapping"),
    "nothing in it": ("", "⟦{}", "`trigger` is empty; give one of event, change, new, enter, leave, countdown"),
    # event
    "an event without its formula": ("", "⟦{event: }", "`event` needs a formula on the event, such as kind = 'login'"),
    "an event that is no condition": ("", "{event: ⟦minutes}", "`event`: a truth (true or false) was expected, a number stands"),
    "an event formula with an aggregate": ("", "{event: ⟦count(events) > 1}", "`event`: an aggregate cannot stand"),
    "an event that names itself": ("", "{event: ⟦event.minutes > 1}", "`event`: unknown name 'event.minutes', did you mean 'mi"),
    "an unknown column of the event": ("", "{event: ⟦minutez > 1}", "`event`: unknown name 'minutez', did you mean 'minutes'?"),
    "an unknown parameter": ("", "{event: minutes > ⟦$most}", "`event`: unknown parameter '$most'; define it under `with`"),
    "where of an event": ("", "{event: minutes > 1, ⟦where: x}", "unknown key 'where' in a trigger of kind event; there is event"),
    "an unknown column in `when`": (
        "  when: ⟦event.minutez > 1\n", "{event: minutes > 1}", "`when`: events have no column 'minutez', did you mean 'minutes'?",
    ),
    "row in an event's `when`": ("  when: ⟦row.minutes > 1\n", "{event: minutes > 1}", "`when`: unknown name 'row.minutes'"),
    "clear of an event": ("  ⟦clear: seats > 1\n", "{event: minutes > 1}", "`clear` goes with a rule that has `when` alone"),
    "a ladder of events": ("  ⟦ladder: x\n  stage: 1\n", "{event: minutes > 1}", "`ladder` goes with a rule that has `when` alone"),
    "late that is no duration": ("  late: ⟦soon\n", "{event: minutes > 1}", "`late`: 'soon' is no duration"),
    "a collapse of nothing": ("  ⟦collapse: 0d\n", "{event: minutes > 1}", "`collapse` must be longer than nothing"),
    # new
    "new of nothing": ("", "⟦{new: }", "`new` needs a collection, such as tickets"),
    "new rows that have no start": ("", "{new: ⟦rates}", "unknown collection 'rates'; there are"),
    "new rows that persons have not": (
        PERSON, "{new: ⟦milestones}", "a person has no collection 'milestones'; it has events, metrics, touchpoints, tickets, surveys",
    ),
    "when in a new trigger": ("", "{new: tickets, ⟦when: x}", "unknown key 'when' in a trigger of kind new, did you mean 'where'?"),
    "a where that is no condition": ("", "{new: tickets, where: ⟦priority}", "`where` of `new`: a truth (true or false) was"),
    "event in a new row's `when`": ("  when: ⟦event.at > created_at\n", "{new: tickets}", "`when`: unknown name 'event.at'"),
    # change
    "change of nothing": ("", "⟦{change: }", "`change` needs an attribute, such as plan"),
    "an attribute of people": ("", "{change: ⟦role}", "unknown attribute 'role'"),
    "an attribute of accounts": (PERSON, "{change: ⟦plan}", "unknown attribute 'plan'"),
    "a signal that is no attribute": ("", "{change: ⟦nps}", "unknown attribute 'nps'"),
    "a direction of a text": ("", "{change: plan, ⟦direction: up}", "`direction` is for numbers, plan is a text"),
    "an unknown direction": ("", "{change: mrr, direction: ⟦sideways}", "unknown direction 'sideways'; there are up, down"),
    "a direction and values": ("", "{change: mrr, ⟦direction: up, to: [3]}", "`direction` is for numbers; it does not go with"),
    "an amount of nothing": ("", "{change: mrr, direction: up, by: ⟦0}", "`by` of `change` must be a number or a percent"),
    "an amount below nothing": ("", "{change: mrr, direction: up, by: ⟦-10%}", "`by` of `change` must be a number or a percent"),
    "an amount that is a text": ("", "{change: mrr, direction: up, by: ⟦lots}", "`by` of `change` must be a number or a percent"),
    "values in a mapping": ("", "{change: plan, from: ⟦{a: 1}}", "`from` of `change` must be a value or a list of values"),
    "no values": ("", "{change: plan, to: ⟦[]}", "`to` of `change` lists no value; write one, or leave the key out"),
    "a number for a text": (
        "", "{change: plan, to: [free, ⟦3]}", "`to` of `change`: plan is a text, a number stands there; write it in quotes: '3'",
    ),
    "a text for a number": ("", "{change: mrr, from: ⟦high}", "`from` of `change`: mrr is a number, a text stands there"),
    "an unknown status": ("", "{change: status, to: ⟦churnd}", "`to` of `change`: unknown status 'churnd', did you mean 'churned'?"),
    "an unknown band": (
        "", "{change: health_band, to: ⟦Bad}", "`to` of `change`: unknown health_band 'Bad'; there are Good, Average, Poor",
    ),
    "for beside a change": ("  ⟦for: 1d\n", "{change: plan}", "`for` goes with a rule that has `when` alone"),
    # enter, leave
    "a segment near another": ("", "{enter: ⟦god}", "unknown segment 'god', did you mean 'good'?"),
    "enter of nothing": ("", "⟦{enter: }", "`enter` needs the name of a segment"),
    "when beside leave": ("  ⟦when: seats > 1\n", "{leave: good}", "a trigger of kind leave takes no `when`; only event, change"),
    "collapse of entries": ("  ⟦collapse: 3d\n", "{enter: good}", "`collapse` goes with triggers of kind event, change, new, not"),
    # countdown
    "countdown to nothing": ("", "⟦{countdown: , steps: [1]}", "`countdown` needs a date, such as renews_on or tasks.due_on"),
    "an unknown date": ("", "{countdown: ⟦renews_onn, steps: [1]}", "unknown date 'renews_onn', did you mean 'renews_on'?"),
    "a signal that is no date": ("", "{countdown: ⟦days_left, steps: [1]}", "a countdown needs a date or a time, days_left is a"),
    "a signal that persons have not": (PERSON, "{countdown: ⟦contract_on, steps: [1]}", "`countdown`: "),
    "a date near a signal": ("", "{countdown: ⟦contract_onn, steps: [1]}", "unknown date 'contract_onn', did you mean 'contract_on'?"),
    "an unknown date of rows": ("", "{countdown: ⟦tasks.due_onn, steps: [1]}", "unknown date 'tasks.due_onn', did you mean"),
    "a date of rows that is none": ("", "{countdown: ⟦tasks.title, steps: [1]}", "a countdown needs a date or a time, tasks.title"),
    "a person's date that accounts have": (PERSON, "{countdown: ⟦renews_on, steps: [1]}", "unknown date 'renews_on'"),
    "a date of rows that persons have not": (
        PERSON, "{countdown: ⟦tasks.due_on, steps: [1]}", "a person has no collection 'tasks'; it has events, metrics, touchpoints, tickets, surveys",
    ),
    "a csm's date that accounts have": (
        "  subject: csm\n", "{countdown: ⟦renews_on, steps: [1]}", "a countdown about a csm counts to a date of tasks",
    ),
    "one step alone": ("", "{countdown: renews_on, steps: ⟦30}", "`steps` of a countdown must be a list of whole numbers of days"),
    "no steps in the list": ("", "{countdown: renews_on, steps: ⟦[]}", "`steps` of a countdown must be a list of whole numbers"),
    "steps after the date": ("", "{countdown: renews_on, steps: ⟦[-3]}", "`steps` of a countdown must be a list of whole numbers"),
    "half days": ("", "{countdown: renews_on, steps: ⟦[1.5]}", "`steps` of a countdown must be a list of whole numbers of days"),
    "a step twice": ("", "{countdown: renews_on, steps: ⟦[7, 7]}", "`steps` of a countdown names a number of days twice"),
    "steps that are no parameter": (
        STEPS, "{countdown: renews_on, steps: ⟦$stepz}",
        "`steps`: unknown parameter '$stepz', did you mean 'steps'?",
    ),
    "a parameter that lists no steps": ("  with: {⟦steps: 30}\n", "{countdown: renews_on, steps: $steps}", SAYS_STEPS),
    "a parameter that lists none": ("  with: {⟦steps: []}\n", "{countdown: renews_on, steps: $steps}", SAYS_STEPS),
    "a parameter that lists half days": ("  with: {⟦steps: [1.5]}\n", "{countdown: renews_on, steps: $steps}", SAYS_STEPS),
    "a parameter that lists a step twice": (
        "  with: {⟦steps: [7, 7]}\n", "{countdown: renews_on, steps: $steps}", "the parameter 'steps' names a number of days twice",
    ),
    "a segment's parameter that lists no steps": (
        STEPS + "  vary: [{where: tier = 1, with: {⟦steps: [soon]}}]\n", "{countdown: renews_on, steps: $steps}", SAYS_STEPS,
    ),
    "a segment's parameter that is no list": (
        STEPS + "  vary: [{where: tier = 1, with: {⟦steps: 180}}]\n", "{countdown: renews_on, steps: $steps}",
        "the parameter 'steps' is a number here and a list in the rule's `with`",
    ),
    "overdue that is no truth": ("", "{countdown: renews_on, steps: [1], overdue: ⟦maybe}", "`overdue` of a countdown must be true"),
    "before that is a text": ("", "{countdown: renews_on, steps: [1], before: ⟦region}", "`before`: a number was expected, a text"),
    "before that is a truth": ("", "{countdown: renews_on, steps: [1], before: ⟦seats > 1}", "`before`: a number was expected, a tr"),
    "before with an unknown name": ("", "{countdown: renews_on, steps: [1], before: ⟦seatz}", "`before`: unknown name 'seatz', did"),
    "before that ends too early": ("", "{countdown: renews_on, steps: [1], before: 3 +⟦}", "`before`: the formula ends too early"),
    "a field of another trigger": ("", "{countdown: renews_on, steps: [1], ⟦by: 3}", "unknown key 'by' in a trigger of kind countdown"),
    "a cooldown's neighbour": ("  ⟦collapse: 3d\n", "{countdown: renews_on, steps: [1]}", "`collapse` goes with triggers of kind"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_form_is_told_once_at_its_place(case: str) -> None:
    more, trigger, said = WRONG[case]
    text, place = marked(f"{HEAD}{more}  trigger: {trigger}\n")
    definitions, found = read_rules([("r.yaml", text)], names=NAMES, known=KNOWN)
    told = [f"{each.line}:{each.column}: {each.message}" for each in found]
    assert [each for each in told if "is never used" not in each] == told[-1:], told
    assert told[-1].startswith(f"{place}rule 'quiet': {said}")
    assert definitions.rules == ()


MIXED = Names({"tier": "text", "signed": "text"})


@pytest.mark.parametrize(
    "trigger",
    [
        "{change: tier, from: [1, 2], to: [3, tech touch]}",
        "{change: tier, direction: up, by: 1}",
        "{countdown: signed, steps: [30]}",
    ],
)
def test_of_mixed_values_any_may_be_meant(trigger: str) -> None:
    assert read_rules([("r.yaml", f"{HEAD}  trigger: {trigger}\n")], names=MIXED)[1] == ()
