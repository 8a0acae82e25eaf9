"""One turn of the wheel: verdicts meet episodes, `core.lifecycle` decides, and the changes are written set-wise."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from django.db.models import Q

from tocsin.alerts import cards
from tocsin.alerts.changes import KINDS, Changes, evidence_json
from tocsin.alerts.findings import STATE_TRIGGERS, Findings
from tocsin.alerts.models import Episode, Pending
from tocsin.alerts.models.episodes import RUNNING
from tocsin.alerts.rescoring import WHY
from tocsin.alerts.rowfindings import Identity
from tocsin.alerts.running import CHUNK, among, by_name, parts
from tocsin.alerts.shapes import LIVE, SEVERITIES, TransitionNotice
from tocsin.alerts.states import STATE_FIELDS, put, state_of
from tocsin.core.folding import fold
from tocsin.core.lifecycle import CloseReason, EpisodeState, Outcome, Policy, Verdict, settle_ladder, transition
from tocsin.facts.breathing import breathe

if TYPE_CHECKING:
    from tocsin.core.rules import Rule
    from tocsin.engine import Match

BY = "sweep"
NO_POLICY = Policy()

# What a turn reads of an alert: what is shown of it takes longer to read than all of this.
READ = ("rule", "subject_id", "key", "account", "opened_at", "baseline", "inhibited_by", "count", *STATE_FIELDS)


@dataclass(frozen=True, slots=True)
class Turn:
    """What a verdict did to one identity."""

    rule: Rule
    identity: Identity
    verdict: Verdict
    outcome: Outcome


@dataclass
class Turning:
    """The state of one sweep. `run` decides, `write` writes and gives the notices.

    accounts: where it is a pulse, the accounts that it is about; all others are left as they are. by: who is said to act.
    """

    moment: datetime
    baseline: bool
    findings: Findings
    accounts: frozenset[str] | None = None
    by: str = BY
    figures: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("opened", "closed", "kept", "held", "renotified", "pending"), 0)
    )
    _episodes: dict[Identity, Episode] = field(default_factory=dict)
    _waiting: dict[Identity, Pending] = field(default_factory=dict)
    _rows: dict[Identity, Match] = field(default_factory=dict)
    _changes: Changes = field(default_factory=Changes)

    def run(self, rules: Sequence[Rule]) -> None:
        """Put every subject and row of the rules that are on through its transition; end the episodes of rules no longer on."""
        self._turn_all([rule for rule in rules if rule.state == "on"])
        self._end_switched_off(rules)
        self._inhibit({rule.id: rule for rule in rules})

    def pulse(self, rules: Sequence[Rule], every: Sequence[Rule]) -> None:
        """The same for these rules alone, of the accounts that the pulse is about. every: all rules, for who inhibits whom."""
        self._turn_all(rules)
        self._inhibit({rule.id: rule for rule in every})

    def _turn_all(self, rules: Sequence[Rule]) -> None:
        states = [rule for rule in rules if rule.trigger.kind in STATE_TRIGGERS]
        self._load(states)
        of_people = {rule.id for rule in rules if rule.subject == "person"}
        subjects: dict[str, set[tuple[str, str]]] = {}
        for rule_id, subject, key in (*self.findings.matches, *self._episodes, *self._waiting):
            # Who has gone to another account than those of a pulse is judged there, or by the sweep.
            if not (subject in self.findings.elsewhere and rule_id in of_people):
                subjects.setdefault(rule_id, set()).add((subject, key))
        for group in _ladders(states):
            breathe()
            self._turn(group, sorted(set().union(*(subjects.get(rule.id, ()) for rule in group))))
        for rule in rules:
            if rule.trigger.kind not in STATE_TRIGGERS:
                self._turn_rows(rule)

    # What is known

    def _load(self, rules: Sequence[Rule]) -> None:
        """The running episodes of all rules, what is pending, and closed ones that still matter to one of these."""
        people = [match for match in self.findings.matches.values() if match.kind == "person"]
        met, by = {match.subject_id for match in people}, {match.rule.id for match in people}

        def ours(row: Episode | Pending) -> bool:
            return self.accounts is None or row.account_id in self.accounts or (row.subject_id in met and row.rule in by)

        for theirs in self._of_whom(met, by):
            for row in filter(ours, Episode.objects.filter(theirs, state__in=RUNNING).only(*READ).iterator(CHUNK)):
                self._episodes[row.rule, row.subject_id, row.key] = row
        longest = max((rule.policy.cooldown for rule in rules), default=timedelta(0))
        matters = (
            Q(since__isnull=False)
            | Q(close_reason__in=("resolved", "expired"), rearmed=False)
            | Q(closed_at__gt=self.moment - longest)
            | Q(snoozed_until__gt=self.moment)
        )
        over = Episode.objects.filter(matters, remembered=True, rule__in=[rule.id for rule in rules]).only(*READ)
        pending = Pending.objects.all()
        for theirs in self._of_whom(met, by):
            for row in filter(ours, over.filter(theirs).iterator(CHUNK)):
                self._episodes.setdefault((row.rule, row.subject_id, row.key), row)
            for waiting in filter(ours, pending.filter(theirs).iterator(CHUNK)):
                self._waiting[waiting.rule, waiting.subject_id, waiting.key] = waiting

    def _of_whom(self, met: AbstractSet[str], by: AbstractSet[str]) -> Iterator[Q]:
        """Some rows at a time: all; or those noted at the accounts of the pulse, and of people who came to them from others.

        met: the people who match. by: the rules that they match.
        """
        yield from among(self.accounts)
        if self.accounts is not None and by_name(self.accounts):
            for part in parts(sorted(met)):
                yield Q(subject_id__in=part, rule__in=sorted(by))

    # What follows

    def _turn(self, group: Sequence[Rule], subjects: Sequence[tuple[str, str]]) -> None:
        """All subjects of a rule, or of the rules that are stages of one ladder."""
        if all(rule.id in self.findings.unknown for rule in group):
            return
        turns: list[Turn] = []
        for subject, key in subjects:
            verdicts = {rule.id: self._verdict(rule, subject, key) for rule in group}
            if len(group) > 1:
                verdicts = self._settled(group, subject, key, verdicts)
            turns += [self._transition(rule, (rule.id, subject, key), verdicts[rule.id]) for rule in group]
        for rule in group:
            turns = self._guarded(rule, turns)
        for turn in turns:
            self._apply(turn)

    def _verdict(self, rule: Rule, subject: str, key: str) -> Verdict:
        findings = self.findings
        if rule.id in findings.unknown:
            return Verdict(truth=None, reason=findings.unknown[rule.id])
        identity = (rule.id, subject, key)
        state = self._state(identity)
        rescored = findings.rescored.at(rule.id, (state.since if state else None) or self.moment)
        return Verdict(
            truth=identity in findings.matches,
            reason=WHY if rescored else "",
            cleared=subject in findings.clears.get(rule.id, frozenset()),
            ends=self._end(identity),
            quiet=self.baseline,
            baseline=self.baseline or rescored,
            step="" if (match := findings.matches.get(identity)) is None or match.step is None else str(match.step),
        )

    def _end(self, identity: Identity) -> CloseReason | None:
        rule_id, subject, _ = identity
        if identity in self.findings.revised:
            return "revised"
        return "subject_gone" if subject in self.findings.gone.get(rule_id, frozenset()) else None

    def _transition(self, rule: Rule, identity: Identity, verdict: Verdict) -> Turn:
        return Turn(rule, identity, verdict, transition(self._state(identity), verdict, self.moment, rule.policy))

    def _settled(self, group: Sequence[Rule], subject: str, key: str, verdicts: Mapping[str, Verdict]) -> dict[str, Verdict]:
        stages = {rule.stage or 0: rule for rule in group}
        live = [stage for stage, rule in stages.items() if (state := self._state((rule.id, subject, key))) and state.live]
        settled = settle_ladder(
            {stage: verdicts[rule.id] for stage, rule in stages.items()},
            live,
            {stage: rule.policy for stage, rule in stages.items()},
        )
        return {stages[stage].id: replace(verdict, quiet=verdict.quiet or self.baseline) for stage, verdict in settled.items()}

    def _guarded(self, rule: Rule, turns: list[Turn], *, at_row: bool = False) -> list[Turn]:
        """The circuit breaker: where a rule would open more alerts at once than it may, all of those are held for review.

        Not what is of a baseline, which tells nobody and is a list to work through.
        """

        def is_new(turn: Turn) -> bool:
            return turn.rule.id == rule.id and turn.outcome.action == "open" and not turn.verdict.baseline

        new = sum(map(is_new, turns))
        limit = rule.max_new.limit(self.findings.scopes.get(rule.id, max(self.findings.scopes.values(), default=0)))
        earlier = self.findings.earlier.get(rule.id, 0) if new else 0
        if new + earlier <= limit:
            return turns
        reason = f"{new + earlier} new alerts in one sweep, above the rule's limit of {limit}"

        def held(turn: Turn) -> Turn:
            verdict = replace(turn.verdict, guard=reason)
            if at_row:
                start = self._rows[turn.identity].as_of
                return Turn(rule, turn.identity, verdict, transition(None, verdict, start, rule.policy))
            return self._transition(rule, turn.identity, verdict)

        return [held(turn) if is_new(turn) else turn for turn in turns]

    def _turn_rows(self, rule: Rule) -> None:
        """The rows since the sweep before, and the running alerts of rows that ended, expired or were revised."""
        from tocsin.engine import repeated  # who only lists alerts loads no engine

        rows = self.findings.rows
        if rule.id in self.findings.unknown:
            return
        for identity in [each for each, row in self._episodes.items() if each[0] == rule.id and row.state in RUNNING]:
            ends: CloseReason | None = "revised" if identity in rows.revised else None
            self._apply(self._transition(rule, identity, Verdict(truth=identity not in rows.ended, ends=ends)))
        turns: list[Turn] = []
        for subject, found in groupby(rows.occurred.get(rule.id, ()), key=lambda match: match.subject_id):
            known = rows.known.get((rule.id, subject), ())
            folded = fold(list(found), known, rule.collapse, rule.cooldown or timedelta(0))
            for match in folded.fresh:
                identity = (rule.id, subject, match.key)
                self._rows[identity] = repeated(match, folded.counts[match.key], folded.latest[match.key].as_of)
                # What was over before anybody could be told opens and closes at once, and is news to nobody.
                quiet = self.baseline or _over(match, self.moment)
                rescored = self.findings.rescored.at(rule.id, match.as_of)
                verdict = Verdict(truth=True, quiet=quiet, baseline=self.baseline or rescored, reason=WHY if rescored else "")
                turns.append(Turn(rule, identity, verdict, transition(None, verdict, match.as_of, rule.policy)))
            # A pulse sees the rows that have just arrived, and not those before: repeats are counted by sweeps.
            for opening in known if self.accounts is None else ():
                if opening.key in folded.counts:
                    latest = folded.latest[opening.key]
                    self._changes.counted[rule.id, subject, opening.key] = (folded.counts[opening.key], latest)
        for turn in self._guarded(rule, turns, at_row=True):
            self._apply(turn)

    def _inhibit(self, rules: Mapping[str, Rule]) -> None:
        """Note by which running rule each running alert is kept quiet: the first of its `inhibited_by` on the same account."""
        running = [row for row in self._episodes.values() if row.state in RUNNING]
        running += [row for row, _ in self._changes.made if row.state in RUNNING]
        speaking: dict[str, set[str]] = {}
        for row in running:
            if row.state in LIVE:
                speaking.setdefault(row.account_id or row.subject_id, set()).add(row.rule)
        for row in running:
            rule, here = rules.get(row.rule), speaking.get(row.account_id or row.subject_id, set())
            named = () if rule is None else rule.inhibited_by
            by = next((each for each in named if each in here), "")
            if by != row.inhibited_by:
                freed = bool(row.inhibited_by) and not by
                row.inhibited_by = by
                if row.pk is not None:
                    self._changes.requieted.append(row)
                    if freed and row.state == "open" and not row.baseline:
                        self._changes.freed.append(row)

    def _state(self, identity: Identity) -> EpisodeState | None:
        episode = self._episodes.get(identity)
        if episode is not None:
            return state_of(episode)
        waiting = self._waiting.get(identity)
        return EpisodeState("pending", since=waiting.since) if waiting else None

    def _apply(self, turn: Turn) -> None:
        """Note what is to be written for one identity."""
        identity, outcome, state = turn.identity, turn.outcome, turn.outcome.state
        episode, match = self._episodes.get(identity), self._rows.get(identity) or self.findings.matches.get(identity)
        if outcome.action in ("open", "hold") and state is not None and match is not None:
            self._forget_waiting(identity)
            made = self._new(turn.rule, identity, state, match)
            self._changes.made.append((made, outcome))
            if _over(match, self.moment):
                closing = transition(state, Verdict(truth=False, quiet=True), self.moment, turn.rule.policy)
                assert closing.state is not None  # a closed episode is remembered
                put(made, closing.state)
                self._changes.over_at_once.append((made, closing))
        elif episode is not None and state is not None:
            self._keep(episode, state, outcome, match)
        elif state is None or state.state != "pending":
            self._forget_waiting(identity)
        else:
            self.figures["pending"] += 1
            account = match.account_id if match is not None else None
            waiting = self._waiting.get(identity)
            if waiting is not None and account and account != waiting.account_id:
                waiting.account_id = account
                self._changes.moved_waiting.append(waiting)
            if waiting is None and state.since is not None:
                rule_id, subject, key = identity
                self._changes.pend.append(
                    Pending(rule=rule_id, subject_id=subject, key=key, since=state.since, account_id=account)
                )

    def _keep(self, episode: Episode, state: EpisodeState, outcome: Outcome, match: Match | None) -> None:
        was = state_of(episode)
        if match is not None and state.live:
            self._changes.seen.append(episode.pk)
            if match.account_id and match.account_id != episode.account_id:
                episode.account_id = match.account_id
                self._changes.moved.append(episode)
        if outcome.action == "keep":
            self.figures["kept"] += 1
        if state == was:
            return
        put(episode, state)
        if outcome.action in ("step", "refire") and match is not None:
            episode.message, episode.evidence = match.message, [evidence_json(line) for line in match.evidence]
            self._changes.told.append(episode)
        if outcome.action in KINDS:
            self._changes.changed.append((episode, outcome))
        else:
            self._changes.touched.append(episode)

    def _end_switched_off(self, rules: Sequence[Rule]) -> None:
        """Close what runs of a rule that is off, in shadow, a draft or no longer there: nobody will judge it again."""
        on = {rule.id for rule in rules if rule.state == "on"}
        for identity, episode in self._episodes.items():
            if identity[0] not in on and episode.state in RUNNING:
                verdict = Verdict(truth=None, ends="switched_off", quiet=True)
                outcome = transition(state_of(episode), verdict, self.moment, NO_POLICY)
                if outcome.state is not None:
                    self._keep(episode, outcome.state, outcome, None)
        for identity in self._waiting:
            if identity[0] not in on:
                self._forget_waiting(identity)

    def _forget_waiting(self, identity: Identity) -> None:
        waiting = self._waiting.get(identity)
        if waiting is not None:
            self._changes.forget.append(waiting.pk)

    def _new(self, rule: Rule, identity: Identity, state: EpisodeState, match: Match) -> Episode:
        made = Episode(
            rule=rule.id,
            rule_name=rule.name,
            category=rule.category,
            severity=rule.severity,
            rank=SEVERITIES.index(rule.severity),
            subject_kind=match.kind,
            subject_id=identity[1],
            key=identity[2],
            account_id=match.account_id or None,
            opened_at=state.opened_at or self.moment,
            baseline=state.baseline,
            last_seen_at=self.moment,
            message=match.message,
            evidence=[evidence_json(line) for line in match.evidence],
            clears=match.clears,
            playbook=rule.playbook or "",
            event_id=match.event_id,
            count=match.count,
        )
        put(made, state)
        return made

    def write(self) -> list[TransitionNotice]:
        """Write all changes; gives what changed, in order. Inside a transaction."""
        cards.write(self.findings.cards)
        for _, outcome in self._changes.happened:
            figure = {"open": "opened", "hold": "held", "close": "closed", "refire": "kept"}.get(outcome.action, "renotified")
            self.figures[figure] += 1
        return self._changes.write(self.moment, self.by)


def _over(match: Match, moment: datetime) -> bool:
    """Whether the row behind a match has ended."""
    return match.ends_at is not None and match.ends_at <= moment


def _ladders(rules: Iterable[Rule]) -> Iterator[list[Rule]]:
    """The rules, those that are stages of one ladder together."""
    ladders: dict[str, list[Rule]] = {}
    for rule in rules:
        if rule.ladder is None:
            yield [rule]
        else:
            ladders.setdefault(rule.ladder, []).append(rule)
    yield from ladders.values()
