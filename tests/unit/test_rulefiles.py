"""Reading rule files: what they come to, and every problem told at its place.

In the cases a `⟦` marks where the problem must be located; it is taken out before reading.
"""

# ruff: noqa: E501 - a case and its sentence read best on one line

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.core.language import Names
from tocsin.core.rulefiles import dump_rule, dump_rules, read_rules
from tocsin.core.rules import Definitions, Description, Escalation, MaxNew, Rule, Trigger, Variant

DAY = timedelta(days=1)
NAMES = Names({"tier": "number", "score": "number"}, {}, {"nps": "latest(surveys.score where kind = 'nps')"})
HEAD = "- id: quiet\n  name: Quiet\n  category: risk\n"
WHEN = "  when: days_quiet(events) > 14\n"


def problems(text: str, *, names: Names | None = NAMES, known: Definitions | None = None) -> list[str]:
    _, found = read_rules([("rules.yaml", text)], names=names, known=known)
    return [f"{each.line}:{each.column}: {each.message}" for each in found]


def marked(text: str) -> tuple[str, str]:
    """The text without its mark, and the mark's place."""
    before = text[: text.index("⟦")]
    return text.replace("⟦", ""), f"{before.count(chr(10)) + 1}:{len(before) - (before.rfind(chr(10)) + 1) + 1}: "


FULL = """\
# Kept with the rule.
- id: tier-first-weeks    # stable
  name: Missed login milestone
  category: onboarding
  subject: account
  where: lifecycle_stage = 'Onboarding'
  when: count(events where name = 'login' in $window after onboarding_started_at) < $logins
        and days_since(onboarding_started_at) >= $window and seats / 100 > $share and region in ($regions)
        and renews_on > $day
  with: {logins: 3, window: 14d, share: 5%, regions: [EU, "10%"], day: "date '2026-01-31'"}
  vary:
    - {where: tier = 1, with: {logins: 5, window: 36h}}
    - with: {logins: 1.5}
  severity: high
  message: "{{ account.name }} logged in less than {{ logins }} times"
  for: 2d
  clear: count(events) > 3
  cooldown: 2w
  renotify: 7d
  expires: 30d
  late: 12h
  inhibited_by: [other]
  notify: [owner, manager, "team:East", "role:product", "user:a@b.example", "channel:#alerts"]
  escalate: [{after: 24h, notify: manager}]
  playbook: onboarding-rescue
  needs: {events: 26h}
  max_new: 12.5%
  ladder: weeks
  stage: 2
  state: shadow
"""
FULL_RULE = Rule(
    id="tier-first-weeks",
    name="Missed login milestone",
    category="onboarding",
    where="lifecycle_stage = 'Onboarding'",
    when="count(events where name = 'login' in $window after onboarding_started_at) < $logins "
    "and days_since(onboarding_started_at) >= $window and seats / 100 > $share and region in ($regions) "
    "and renews_on > $day",
    params={"logins": 3.0, "window": 14 * DAY, "share": 0.05, "regions": ["EU", 0.1], "day": date(2026, 1, 31)},
    vary=(Variant("tier = 1", {"logins": 5.0, "window": 1.5 * DAY}), Variant(None, {"logins": 1.5})),
    severity="high",
    message="{{ account.name }} logged in less than {{ logins }} times",
    hold=2 * DAY,
    clear="count(events) > 3",
    cooldown=14 * DAY,
    renotify=7 * DAY,
    expires=30 * DAY,
    late=DAY / 2,
    inhibited_by=("other",),
    notify=("owner", "manager", "team:East", "role:product", "user:a@b.example", "channel:#alerts"),
    escalate=(Escalation(DAY, ("manager",)),),
    playbook="onboarding-rescue",
    needs={"events": timedelta(hours=26)},
    max_new=MaxNew(share=0.125),
    ladder="weeks",
    stage=2,
    state="shadow",
    percents=frozenset({"share"}),
)
OTHER = Definitions(rules=(Rule("other", "Other", "risk", when="seats > 1"),))


def test_every_key_of_a_rule_is_read() -> None:
    definitions, found = read_rules([("full.yaml", FULL)], names=None, known=OTHER)
    assert found == ()
    assert definitions.rules == (FULL_RULE,)


def test_what_is_left_out_has_its_default() -> None:
    (rule,) = read_rules([("r.yaml", HEAD + WHEN)])[0].rules
    assert (rule.subject, rule.severity, rule.state, rule.notify) == ("account", "medium", "on", ("owner",))
    assert (rule.hold, rule.expires, rule.trigger, rule.max_new.limit(100)) == (None, None, Trigger("when"), 20)


def test_a_mapping_holds_signals_segments_rules_and_what_others_read() -> None:
    text = (
        "signals:\n  logins: count(events)\n  spare: {formula: seats - 1, description: Seats to spare, unit: seats}\n"
        "segments: {gone: logins = 0}\nprofiles: []\nplaybooks: [{id: b}]\n"
        "rules:\n" + HEAD + "  trigger: {enter: gone}\n"
    )
    definitions, found = read_rules([("all.yaml", text)], names=NAMES)
    assert found == ()
    assert definitions.signals == {"logins": "count(events)", "spare": "seats - 1"}
    assert definitions.descriptions == {"spare": Description("Seats to spare", "seats")}
    assert definitions.segments == {"gone": "logins = 0"}
    assert (definitions.profiles, definitions.playbooks) == ((), ({"id": "b"},))
    assert [rule.trigger for rule in definitions.rules] == [Trigger("enter", {"enter": "gone"})]


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "[]", "rules: []", "rules:\n"])
def test_a_file_may_hold_nothing(text: str) -> None:
    assert read_rules([("empty.yaml", text)]) == (Definitions(), ())


@pytest.mark.parametrize(
    ("trigger", "spec"),
    [
        ("{event: name = 'export' and properties.rows > 5}", {"event": "name = 'export' and properties.rows > 5"}),
        ("{change: plan, from: [pro], to: [free]}", {"change": "plan", "from": ["pro"], "to": ["free"]}),
        ("{change: mrr, direction: down, by: 10%}", {"change": "mrr", "direction": "down", "by": "10%"}),
        ("{change: health_band, to: Poor}", {"change": "health_band", "to": "Poor"}),
        ("{new: tickets, where: priority = 'critical'}", {"new": "tickets", "where": "priority = 'critical'"}),
        ("{leave: good}", {"leave": "good"}),
        (
            "{countdown: renews_on, steps: [90, 7], overdue: true}",
            {"countdown": "renews_on", "steps": [90, 7], "overdue": True},
        ),
        ("{countdown: tasks.due_on, steps: [1]}", {"countdown": "tasks.due_on", "steps": [1]}),
    ],
)
def test_triggers(trigger: str, spec: dict[str, object]) -> None:
    known = Definitions(segments={"good": "seats > 1"})
    definitions, found = read_rules([("r.yaml", HEAD + f"  trigger: {trigger}\n")], names=NAMES, known=known)
    assert found == ()
    assert definitions.rules[0].trigger == Trigger(next(iter(spec)), spec)  # type: ignore[arg-type]


def test_a_triggering_row_is_seen_by_where_and_when() -> None:
    text = HEAD + "  trigger: {event: kind = 'feature'}\n  when: count(events where feature = event.feature) = 1\n"
    assert problems(text) == []
    new = HEAD + "  trigger: {new: tickets}\n  when: row.priority = 'critical'\n"
    assert problems(new) == []
    assert problems(new.replace("row.priority", "row.prio")) == [
        "5:9: rule 'quiet': `when`: tickets have no column 'prio', did you mean 'priority'?"
    ]


def test_event_alerts_expire_by_themselves() -> None:
    (rule,) = read_rules([("r.yaml", HEAD + "  trigger: {event: minutes > 1}\n")])[0].rules
    assert rule.expires == 14 * DAY


CASES = {
    # the file itself
    "no YAML": (
        "- id: a\n  name: [⟦",
        "this is no YAML: while parsing a flow node, expected the node content, but found '<stream end>'",
    ),
    "two documents": ("a: 1\n⟦---\nb: 2\n", "this is no YAML: expected a single document in the stream"),
    "a control character": ("rules: ⟦\x07", "this is no YAML: the character here may not stand in a text file"),
    "an alias": ("- &a {id: x}\n- ⟦*a\n", "the alias *a is not supported in rule files; write it out"),
    "a tag": ("rules: ⟦!!python/name:os.system x", "the tag tag:yaml.org,2002:python/name:os.system is not supported"),
    "a key that is a list": ("? ⟦[a]\n: 1\n", "a key must be a plain word"),
    "a text": ("⟦hello", "a rule file holds a list of rules, or a mapping with signals, segments, rules, profiles, milestones, playbooks; a text"),
    "an unknown section": ("⟦rule: []", "unknown key 'rule' in a rule file, did you mean 'rules'?"),
    "rules that are no list": ("rules: ⟦{a: 1}", "`rules` must be a list, a mapping stands there"),
    "a rule that is no mapping": ("- ⟦no-login", "a rule must be a mapping of names to values, a text stands there"),
    # keys of a rule
    "no id": ("- ⟦name: Quiet\n  category: risk\n" + WHEN, "a rule needs an `id`"),
    "no name": ("- ⟦id: quiet\n  category: risk\n" + WHEN, "rule 'quiet': a rule needs a `name`"),
    "no category": ("- ⟦id: quiet\n  name: Quiet\n" + WHEN, "rule 'quiet': a rule needs a `category` (onboarding, renewal,"),
    "an id with capitals": (
        "- id: ⟦Quiet_One\n  name: Quiet\n  category: risk\n" + WHEN,
        "the id 'Quiet_One' must be small letters, digits and single hyphens, such as quiet-one",
    ),
    "an id that is a number": (
        "- id: ⟦12\n  name: Quiet\n  category: risk\n" + WHEN, "the id must be a text, a number stands there; write it in quotes: '12'",
    ),
    "an unknown key": (HEAD + WHEN + "  ⟦serverity: high\n", "rule 'quiet': unknown key 'serverity' in a rule, did you mean 'severity'?"),
    "a key twice": (HEAD + WHEN + "  ⟦name: Again\n", "rule 'quiet': the key 'name' is there twice; keep one"),
    "an empty name": ("- id: quiet\n  name: ⟦' '\n  category: risk\n" + WHEN, "rule 'quiet': the name is empty"),
    "an unknown category": (
        "- id: quiet\n  name: Quiet\n  category: ⟦risks\n" + WHEN, "rule 'quiet': unknown category 'risks', did you mean 'risk'?",
    ),
    "an unknown severity": (
        HEAD + WHEN + "  severity: ⟦urgent\n", "rule 'quiet': unknown severity 'urgent'; there are info, low, medium, high, critical",
    ),
    "an unknown state": (HEAD + WHEN + "  state: ⟦shadows\n", "rule 'quiet': unknown state 'shadows', did you mean 'shadow'?"),
    "an unknown subject": (HEAD + WHEN + "  subject: ⟦acount\n", "rule 'quiet': unknown subject 'acount', did you mean 'account'?"),
    "a duration that is none": (HEAD + WHEN + "  for: ⟦2 days\n", "rule 'quiet': `for`: '2 days' is no duration; write a number"),
    "a duration that is a number": (
        HEAD + WHEN + "  cooldown: ⟦14\n", "rule 'quiet': `cooldown` must be a duration such as 36h, 14d or 2w, a number stands there",
    ),
    "a reminder at once": (HEAD + WHEN + "  ⟦renotify: 0d\n", "rule 'quiet': `renotify` must be longer than nothing"),
    "an unknown target": (
        HEAD + WHEN + "  notify: [owner, ⟦ownr]\n", "rule 'quiet': unknown notify target 'ownr', did you mean 'owner'?",
    ),
    "a target without a name": (HEAD + WHEN + "  notify: ⟦'team:'\n", "rule 'quiet': the notify target 'team:' lacks a team's name"),
    "a user without an address": (
        HEAD + WHEN + "  notify: ['⟦user:ann']\n".replace("'⟦", "⟦'"), "rule 'quiet': the notify target 'user:ann' needs an e-mail",
    ),
    "an escalation without its time": (
        HEAD + WHEN + "  escalate: [⟦{notify: [manager]}]\n", "rule 'quiet': a step of `escalate` needs `after`",
    ),
    "an escalation to nobody known": (
        HEAD + WHEN + "  escalate: [{after: 24h, notify: [⟦boss]}]\n", "rule 'quiet': unknown notify target 'boss'; there are owner",
    ),
    "max_new that is no number": (HEAD + WHEN + "  max_new: ⟦many\n", "rule 'quiet': `max_new` must be a number of alerts or a percent"),
    "max_new over everything": (HEAD + WHEN + "  max_new: ⟦500%\n", "rule 'quiet': `max_new` is at most 100%, 500% stands there"),
    "needs of an unknown collection": (
        HEAD + WHEN + "  needs: {⟦event: 26h}\n", "rule 'quiet': unknown collection 'event' in `needs`, did you mean 'events'?",
    ),
    "a stage without a ladder": (HEAD + WHEN + "  ⟦stage: 70\n", "rule 'quiet': `stage` goes with `ladder`"),
    "a ladder without a stage": (HEAD + WHEN + "  ⟦ladder: x\n", "rule 'quiet': `ladder` goes with `stage`"),
    "a stage that is no number": (
        HEAD + WHEN + "  ladder: x\n  stage: ⟦high\n", "rule 'quiet': the stage must be a whole number from 0 up, 'high' stands there",
    ),
    # triggers
    "no trigger": ("- ⟦id: quiet\n  name: Quiet\n  category: risk\n", "rule 'quiet': a rule needs one trigger: `when: <formula>`"),
    "two triggers": (
        HEAD + "  trigger: ⟦{event: minutes > 1, new: tickets}\n",
        "rule 'quiet': a rule has exactly one trigger, 2 stand there (event, new); make a rule of each",
    ),
    "an unknown trigger": (HEAD + "  trigger: {⟦evnt: minutes > 1}\n", "rule 'quiet': unknown trigger 'evnt', did you mean 'event'?"),
    "an unknown field of a trigger": (
        HEAD + "  trigger: {change: plan, ⟦form: [a]}\n",
        "rule 'quiet': unknown key 'form' in a trigger of kind change, did you mean 'from'?",
    ),
    "when beside a countdown": (
        HEAD + "  ⟦when: seats > 1\n  trigger: {countdown: renews_on, steps: [1]}\n",
        "rule 'quiet': a trigger of kind countdown takes no `when`; only event, change, new, enter do",
    ),
    "for beside an event": (
        HEAD + "  trigger: {event: minutes > 1}\n  ⟦for: 1d\n", "rule 'quiet': `for` goes with a rule that has `when` alone",
    ),
    "collapse of a condition": (HEAD + WHEN + "  ⟦collapse: 1d\n", "rule 'quiet': `collapse` goes with triggers of kind event"),
    "an unknown collection": (
        HEAD + "  trigger: {new: ⟦ticket}\n", "rule 'quiet': unknown collection 'ticket', did you mean 'tickets'?",
    ),
    "an unknown segment": (
        HEAD + "  trigger: {enter: ⟦gone}\n", "rule 'quiet': unknown segment 'gone'; define it under `segments`",
    ),
    "an unknown attribute": (HEAD + "  trigger: {change: ⟦plans}\n", "rule 'quiet': unknown attribute 'plans', did you mean 'plan'?"),
    "by without direction": (
        HEAD + "  trigger: {change: mrr, ⟦by: 10%}\n", "rule 'quiet': `by` of `change` goes with `direction: up`",
    ),
    "a countdown without steps": (HEAD + "  trigger: ⟦{countdown: renews_on}\n", "rule 'quiet': a countdown needs `steps`"),
    "steps that are no days": (
        HEAD + "  trigger: {countdown: renews_on, steps: ⟦[soon]}\n", "rule 'quiet': `steps` of a countdown must be a list of whole",
    ),
    "a countdown to a text": (
        HEAD + "  trigger: {countdown: ⟦region, steps: [1]}\n", "rule 'quiet': a countdown needs a date or a time, region is a text",
    ),
    "a countdown of unknown rows": (
        HEAD + "  trigger: {countdown: ⟦task.due_on, steps: [1]}\n", "rule 'quiet': unknown collection 'task', did you mean 'tasks'?",
    ),
    # parameters
    "with that is no mapping": (HEAD + WHEN + "  with: ⟦[1]\n", "rule 'quiet': `with` must be a mapping of names to values, a list"),
    "a parameter that is a mapping": (
        HEAD + "  when: seats > $x\n  with: {x: ⟦{a: 1}}\n", "rule 'quiet': the parameter 'x' must be a number, text, duration or list",
    ),
    "a parameter with a bad name": (HEAD + WHEN + "  with: {⟦a-b: 1}\n", "rule 'quiet': the parameter 'a-b' must be a name"),
    "a parameter with a taken name": (
        HEAD + "  when: seats > $account\n  with: {⟦account: 1}\n".replace("$account", "1"),
        "rule 'quiet': a parameter cannot be called 'account'",
    ),
    "a parameter with the name of what a message tells": (
        HEAD + "  when: seats > 1\n  with: {⟦feature: 1}\n", "rule 'quiet': a parameter cannot be called 'feature'",
    ),
    "a date that is none": (
        HEAD + "  when: renews_on > $d\n  with: {d: ⟦\"date '2026-02-30'\"}\n", "rule 'quiet': the parameter 'd': day is out of range",
    ),
    "an undefined parameter": (
        HEAD + "  when: seats > 1 and mrr > ⟦$florr\n  with: {floor: 2}\n".replace("seats > 1", "seats > $floor"),
        "rule 'quiet': `when`: unknown parameter '$florr', did you mean 'floor'?",
    ),
    "an unused parameter": (HEAD + WHEN + "  with: {⟦days: 14d}\n", "rule 'quiet': the parameter 'days' is never used"),
    "a variant of nothing": (
        HEAD + "  when: seats > $x\n  with: {x: 1}\n  vary: [{where: tier = 1, with: {⟦y: 2}}]\n",
        "rule 'quiet': unknown parameter 'y' in `vary`; define it under the rule's `with` too",
    ),
    "a variant of another type": (
        HEAD + "  when: seats > $x\n  with: {x: 1}\n  vary: [{where: tier = 1, with: {⟦x: 2d}}]\n",
        "rule 'quiet': the parameter 'x' is a duration here and a number in the rule's `with`",
    ),
    "a variant without parameters": (
        HEAD + WHEN + "  vary: [⟦{where: tier = 1}]\n", "rule 'quiet': an entry of `vary` needs `with`",
    ),
    # formulas
    "a formula that ends too early": (HEAD + "  when: count(events)  >⟦\n", "rule 'quiet': `when`: the formula ends too early"),
    "an unknown name": (HEAD + "  when: 3 < ⟦seatz\n", "rule 'quiet': `when`: unknown name 'seatz', did you mean 'seats'?"),
    "an unknown collection in a formula": (
        HEAD + "  when: count(⟦event) > 1\n", "rule 'quiet': `when`: unknown collection 'event', did you mean 'events'?",
    ),
    "a text compared with a number": (
        HEAD + "  when: seats > ⟦'ten'\n", "rule 'quiet': `when`: a number cannot be compared with a text",
    ),
    "a condition that is a number": (HEAD + "  when: ⟦count(events)\n", "rule 'quiet': `when`: a truth (true or false) was expected"),
    "in a quoted formula": (
        HEAD + "  when: 'name = ''it''''s'' and ⟦seatz > 1'\n", "rule 'quiet': `when`: unknown name 'seatz', did you mean 'seats'?",
    ),
    "in a folded formula": (
        HEAD + "  when: >-  # a comment\n    seats > 1\n\n    and\n      ⟦seatz > 1\n",
        "rule 'quiet': `when`: unknown name 'seatz', did you mean 'seats'?",
    ),
    "in a literal formula": (
        HEAD + "  when: |\n    seats > 1\n    and ⟦seatz > 1\n", "rule 'quiet': `when`: unknown name 'seatz', did you mean 'seats'?",
    ),
    "in a double-quoted formula over two lines": (
        HEAD + '  when: "name = \'\\u00e9\\t\' \\\n    and ⟦seatz > 1"\n', "rule 'quiet': `when`: unknown name 'seatz', did you mean",
    ),
    "in a plain formula over two lines": (
        HEAD + "  when: seats > 1\n     and ⟦seatz > 1   # why\n", "rule 'quiet': `when`: unknown name 'seatz', did you mean 'seats'?",
    ),
    "in where": (HEAD + WHEN + "  where: ⟦teir = 1\n", "rule 'quiet': `where`: unknown name 'teir', did you mean 'tier'?"),
    "in clear": (HEAD + WHEN + "  clear: ⟦seats\n", "rule 'quiet': `clear`: a truth (true or false) was expected"),
    "in an event trigger": (
        HEAD + "  trigger: {event: minutes > ⟦'a'}\n", "rule 'quiet': `event`: a number cannot be compared with a text",
    ),
    "in a new trigger": (
        HEAD + "  trigger: {new: tickets, where: ⟦prio = 'x'}\n", "rule 'quiet': `where` of `new`: unknown name 'prio'",
    ),
    "in vary": (
        HEAD + "  when: seats > $x\n  with: {x: 1}\n  vary: [{where: ⟦teir = 1, with: {x: 2}}]\n",
        "rule 'quiet': `where` of `vary`: unknown name 'teir', did you mean 'tier'?",
    ),
    "of another subject": (
        HEAD + "  subject: csm\n  when: ⟦seats > 1\n",
        "rule 'quiet': `when`: unknown name 'seats'; 'seats' is an attribute of accounts: write sum(accounts.seats)",
    ),
    # messages
    "a message with an unknown name": (
        HEAD + WHEN + "  message: ⟦'{{ accnt.name }}'\n".replace("⟦'", "'⟦"),
        "rule 'quiet': unknown name 'accnt' in the message, did you mean 'account'?",
    ),
    "a message that cannot be read": (
        HEAD + WHEN + "  message: |\n    fine\n    ⟦{{ account.name }\n", "rule 'quiet': the message cannot be read: unexpected '}'",
    ),
    # signals and segments
    "a signal that names itself": (
        "signals:\n  ⟦a: a + 1\n", "the signal 'a' is defined by itself: a -> a; break the cycle",
    ),
    "a signal without a formula": ("signals:\n  a: ⟦{unit: days}\n", "the signal 'a' needs a `formula`"),
    "an empty signal": ("signals:\n  ⟦a:\n", "the signal 'a' has no formula"),
    "a signal with a wrong name": ("signals:\n  ⟦a-b: seats\n", "the signal 'a-b' must be a name"),
    "a signal called like an attribute": ("signals:\n  ⟦seats: count(people)\n", "the signal 'seats' is never seen: accounts have"),
    "a signal with an unknown name": ("signals:\n  a: 1 + ⟦seatz\n", "the signal 'a': unknown name 'seatz', did you mean 'seats'?"),
    "a signal that cannot be read": ("signals:\n  a: {formula: 1 +⟦}\n", "the signal 'a': the formula ends too early"),
    "a segment that is a number": ("segments:\n  a: ⟦seats\n", "the segment 'a': a truth (true or false) was expected"),
    "signals that are a list": ("signals: ⟦[a]\n", "`signals` must be a mapping of names to values, a list stands there"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_one_problem_told_once_at_its_place(case: str) -> None:
    text, place = marked(CASES[case][0])
    found = problems(text)
    assert len(found) == 1, found
    assert found[0].startswith(place + CASES[case][1])


def test_all_problems_of_all_files_are_told_sorted() -> None:
    first = HEAD.replace("risk", "riks") + "  when: count(event) >\n  severity: urgent\n"
    second = HEAD + WHEN + "  for: soon\n"
    _, found = read_rules([("b.yaml", first), ("a.yaml", second)], names=NAMES)
    places = [(each.file, each.line, each.column) for each in found]
    assert places == [("a.yaml", 1, 7), ("a.yaml", 5, 8), ("b.yaml", 3, 13), ("b.yaml", 4, 23), ("b.yaml", 5, 13)]
    assert str(found[0]) == "a.yaml:1:7: rule 'quiet': the id is taken by the rule at b.yaml:1:7; give this one another"


def test_a_cycle_of_signals_is_shown_as_a_cycle() -> None:
    text = "signals:\n  a: b + 1\n  b: 2 * c\n  c: a\n  d: a\n"
    said = [each.split("; break")[0] for each in problems(text, names=None)]
    assert said == [
        "2:3: the signal 'a' is defined by itself: a -> b -> c -> a",
        "3:3: the signal 'b' is defined by itself: b -> c -> a -> b",
        "4:3: the signal 'c' is defined by itself: c -> a -> b -> c",
    ]


def test_columns_and_attributes_are_no_cycle() -> None:
    text = "signals:\n  priority: count(tickets where priority = 'high')\n  age: avg(tickets.age where open and age > 3)\n"
    assert problems(text) == []


def test_a_cycle_through_a_known_signal_is_seen() -> None:
    names = replace(NAMES, signals={"old": "fresh + 1"})
    assert problems("signals:\n  fresh: old\n", names=names) == [
        "2:3: the signal 'fresh' is defined by itself: fresh -> old -> fresh; break the cycle"
    ]


def test_a_signal_may_be_for_people_only() -> None:
    assert problems("signals:\n  of_person: account.tier\n") == []


def test_a_signal_twice_in_two_files_is_told_with_the_other_place() -> None:
    _, found = read_rules([("a.yaml", "signals: {x: seats}"), ("b.yaml", "signals:\n  x: mrr\n")])
    assert [str(each) for each in found] == ["b.yaml:2:3: the signal 'x' is defined at a.yaml:1:11 already; keep one"]


def test_inhibitors_are_looked_for_in_all_files_and_what_is_known() -> None:
    inhibited = HEAD + WHEN + "  inhibited_by: [loud, other, quiet, oter]\n"
    loud = HEAD.replace("quiet", "loud") + WHEN
    _, found = read_rules([("a.yaml", inhibited), ("b.yaml", loud)], known=OTHER)
    assert [str(each) for each in found] == [
        "a.yaml:5:31: rule 'quiet': a rule cannot inhibit itself",
        "a.yaml:5:38: rule 'quiet': unknown rule 'oter' in `inhibited_by`, did you mean 'other'?",
    ]


def ladder(rule_id: str, stage: int, subject: str = "account") -> str:
    return (
        HEAD.replace("quiet", rule_id)
        + f"  subject: {subject}\n  when: count(events) > 1\n  ladder: license\n  stage: {stage}\n"
    )


def test_stages_of_a_ladder_are_unique_and_of_one_subject() -> None:
    known = Definitions(rules=(Rule("old", "Old", "risk", when="seats > 1", ladder="license", stage=90),))
    text = ladder("a", 70) + ladder("b", 70) + ladder("c", 90) + ladder("d", 100, "person")
    assert problems(text, known=known) == [
        "14:3: rule 'b': stage 70 of the ladder 'license' is taken by the rule 'a'",
        "21:3: rule 'c': stage 90 of the ladder 'license' is taken by the rule 'old'",
        "27:3: rule 'd': the stages of the ladder 'license' are about the subject account, this rule about person",
    ]


def test_a_rule_may_take_the_place_of_the_known_one_with_its_id() -> None:
    known = Definitions(rules=(Rule("old", "Old", "risk", when="seats > 1", ladder="license", stage=90),))
    assert problems(ladder("old", 90), known=known) == []


def test_rules_with_a_problem_are_left_out_and_the_others_are_there() -> None:
    text = HEAD + WHEN + "  severity: urgent\n" + HEAD.replace("quiet", "loud") + WHEN
    definitions, _ = read_rules([("a.yaml", text)])
    assert [rule.id for rule in definitions.rules] == ["loud"]


def test_variants_are_checked_with_their_own_parameters() -> None:
    text = HEAD + "  when: region in ($them)\n  with: {them: [EU]}\n  vary: [{where: tier = 1, with: {them: [1]}}]\n"
    assert problems(text) == ["4:20: rule 'quiet': `when`: a text cannot be compared with a number"]


def test_signals_of_the_file_and_of_the_workspace_are_known_to_rules_and_messages() -> None:
    text = (
        "signals: {calm: count(events)}\nrules:\n" + HEAD + "  when: calm = 0 and nps < 5\n  message: '{{ calm }} {{ nps }}'\n"
    )
    assert problems(text) == []


# --- Writing


def test_the_authors_text_is_kept_comments_and_all() -> None:
    (rule,) = read_rules([("full.yaml", FULL)], known=OTHER)[0].rules
    assert dump_rule(rule) == FULL


def test_what_was_changed_since_is_changed_in_the_authors_text() -> None:
    (rule,) = read_rules([("full.yaml", FULL)], known=OTHER)[0].rules
    text = dump_rule(replace(rule, state="off", cooldown=None, max_new=MaxNew(count=7)))
    assert "# stable" in text
    (again,) = read_rules([("again.yaml", text)], known=OTHER)[0].rules
    assert (again.state, again.cooldown, again.max_new) == ("off", None, MaxNew(count=7))
    assert replace(again, state="shadow", cooldown=14 * DAY, max_new=MaxNew(share=0.125)) == rule


def test_a_rule_made_in_the_product_can_be_written_and_read_again() -> None:
    text = dump_rules([replace(FULL_RULE, params={**FULL_RULE.params, "regions": ["EU", "US"]}), *OTHER.rules])
    definitions, found = read_rules([("made.yaml", text)])
    assert found == ()
    assert definitions.rules == (replace(FULL_RULE, params={**FULL_RULE.params, "regions": ["EU", "US"]}), *OTHER.rules)


def test_no_rules_are_an_empty_file() -> None:
    assert read_rules([("none.yaml", dump_rules([]))]) == (Definitions(), ())


texts = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=40).filter(str.strip)
spans = st.one_of(st.none(), st.integers(1, 2_000).map(lambda hours: timedelta(hours=hours)))
RULES = st.builds(
    Rule,
    id=st.from_regex(r"[a-z0-9]{1,8}(-[a-z0-9]{1,8}){0,2}", fullmatch=True),
    name=texts,
    category=st.sampled_from(["risk", "work"]),
    when=st.just("seats > $x and region != $y"),
    params=st.fixed_dictionaries({"x": st.integers(-10, 10**6).map(float) | st.floats(0, 1), "y": st.just("EU")}),
    message=st.none() | st.just('{{ x }}: "quoted"\n and more'),
    hold=spans,
    cooldown=spans,
    playbook=st.none() | texts,
    max_new=st.one_of(
        st.integers(0, 999).map(lambda n: MaxNew(count=n)), st.sampled_from([0.0, 0.05, 0.5]).map(lambda s: MaxNew(share=s))
    ),
    notify=st.lists(st.sampled_from(["owner", "manager", "channel:#x: y"]), max_size=2).map(tuple),
    state=st.sampled_from(["on", "shadow", "off", "draft"]),
    percents=st.sampled_from([frozenset(), frozenset({"x"})]),
)


@settings(deadline=None, max_examples=40)
@given(RULES)
def test_written_and_read_again_a_rule_is_the_same(rule: Rule) -> None:
    if rule.percents and rule.params["x"] < 0:  # type: ignore[operator]
        rule = replace(rule, percents=frozenset())
    definitions, found = read_rules([("r.yaml", dump_rule(rule))])
    assert found == ()
    (again,) = definitions.rules
    assert again.params["x"] == pytest.approx(rule.params["x"])
    assert replace(again, params=rule.params) == rule


@settings(deadline=None)
@given(st.text(st.sampled_from("-: {}[]'\"|>#\nab$%*&!?,\t"), max_size=60))
def test_any_text_gives_problems_and_never_an_exception(text: str) -> None:
    definitions, found = read_rules([("r.yaml", text)], names=NAMES)
    assert definitions.rules == ()
    assert all(each.file == "r.yaml" and each.line >= 1 and each.column >= 1 and each.message for each in found)


def test_a_rule_is_rolled_up_over_families() -> None:
    definitions, found = read_rules([("rules.yaml", HEAD + "  rollup: family\n" + WHEN)], names=NAMES)
    assert not found
    (rule,) = definitions.rules
    assert (rule.subject, rule.rollup, rule.about) == ("account", "family", "family")
    again, _ = read_rules([("rules.yaml", dump_rule(replace(rule, source="")))], names=NAMES)
    assert again.rules == (rule,)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEAD + "  rollup: ⟦tribe\n" + WHEN, "unknown rollup 'tribe'; there is family"),
        (
            HEAD + "  subject: person\n  ⟦rollup: family\n" + WHEN,
            "`rollup: family` is for rules about accounts; this one is about the subject person",
        ),
        (
            HEAD + "  ⟦rollup: family\n  trigger: {new: tickets}\n",
            "`rollup: family` goes with `when` alone; the trigger `new` is each account's own",
        ),
    ],
)
def test_families_are_of_accounts_and_of_conditions(text: str, said: str) -> None:
    given, place = marked(text)
    assert any(each.startswith(place) and said in each for each in problems(given)), problems(given)
