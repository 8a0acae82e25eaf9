"""From targets (owner, manager, team:, role:, user:, channel:) to the people and channels that are told. Nothing is dropped.

Who is missing, inactive or away is stood in for: the stand-in, then the manager, then operations, then administrators.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from tocsin.core.moment import iso
from tocsin.core.routing.plan import Plan

LEAD = frozenset({"admin", "operations", "leader"})
USER_ROLES = ("admin", "operations", "leader", "csm", "viewer")
MOST_STEPS = 5  # from stand-in to stand-in


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody on our side, as routing sees them. away_until: None while they are there. stand_in, manager: e-mail or ''."""

    email: str
    name: str = ""
    role: str = "csm"
    team: str = ""
    manager: str = ""
    active: bool = True
    away_until: datetime | None = None
    stand_in: str = ""


@dataclass(frozen=True, slots=True)
class Context:
    """What an alert is about. owner: the account's CSM as the facts give them ('' unknown), or who it is assigned to.

    roles: of the account's team, role -> e-mail addresses. subject_kind, subject_id: of alerts about our own people the
    subject is who the alert speaks of.
    """

    owner: str = ""
    roles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    subject_kind: str = "account"
    subject_id: str = ""


@dataclass(frozen=True, slots=True)
class Recipient:
    """A person (`person`, e-mail), a channel (`channel`, name) or, where nobody at all is left, `nobody`. why: in words."""

    kind: str
    id: str
    why: str


@dataclass(frozen=True)
class _Finding:
    plan: Plan
    context: Context
    people: Mapping[str, Person]
    moment: datetime
    private: bool

    def of(self, target: str) -> Iterator[Recipient]:
        """Who a target stands for; none where nobody does."""
        kind, _, name = target.partition(":")
        match kind:
            case "channel":
                yield Recipient("channel", name, f"the rule or route names the channel {name}")
            case "user":
                yield from self.stood_in(name, "named by the rule or route")
            case "team":
                members = [each for each in self.people.values() if each.team == name and each.active]
                for each in members:
                    yield from self.stood_in(each.email, f"of the team {name}")
            case "role":
                yield from self._role(name)
            case "manager":
                yield from self._manager()
            case _:
                yield from self._owner()

    def _owner(self) -> Iterator[Recipient]:
        context = self.context
        if context.subject_kind == "csm":
            yield from self.stood_in(context.subject_id, "the alert is about them")
        elif context.subject_kind in ("team", "company"):
            yield from self._manager()
        elif context.owner:
            queue = self.plan.queue_of(context.owner)
            if queue is not None:
                for target in queue.notify:
                    yield from (Recipient(each.kind, each.id, f"the queue {queue.name}") for each in self.of(target))
            else:
                yield from self.stood_in(context.owner, "CSM of the account")

    def _manager(self) -> Iterator[Recipient]:
        context = self.context
        if context.subject_kind == "team":
            found = {each.manager for each in self.people.values() if each.team == context.subject_id and each.manager}
            for email in sorted(found):
                yield from self.stood_in(email, f"manages the team {context.subject_id}")
            return
        if context.subject_kind == "company":
            yield from self._with_role("leader", "leads customer success")
            return
        report = self.people.get((context.subject_id if context.subject_kind == "csm" else context.owner).lower())
        if report is not None and report.manager and report.manager != report.email:
            yield from self.stood_in(report.manager, f"manages {report.name or report.email}")
        elif report is not None and report.team:
            for each in self.people.values():
                if each.team == report.team and each.role == "leader" and each.active and each.email != report.email:
                    yield from self.stood_in(each.email, f"leads the team {report.team}")

    def _role(self, name: str) -> Iterator[Recipient]:
        for target in self.plan.functions.get(name, ()):
            yield from (Recipient(each.kind, each.id, f"stands for {name}") for each in self.of(target))
        if name in self.plan.functions:
            return
        of_account = self.context.roles.get(name, ())
        for email in of_account:
            yield from self.stood_in(email, f"{name} of the account")
        if not of_account and name in USER_ROLES:
            yield from self._with_role(name, f"has the role {name}")

    def _with_role(self, role: str, why: str) -> Iterator[Recipient]:
        for each in sorted(self.people.values(), key=lambda person: person.email):
            if each.role == role and each.active:
                yield from self.stood_in(each.email, why)

    def stood_in(self, email: str, why: str) -> Iterator[Recipient]:
        """The person, or who stands in for them, or their manager; nobody where none of these is there."""
        address, seen, reason = email.strip().lower(), set[str](), why
        first = self.people.get(address)
        while address and address not in seen and len(seen) < MOST_STEPS:
            seen.add(address)
            person = self.people.get(address)
            if person is not None and self._present(person):
                yield Recipient("person", person.email, reason)
                return
            if person is None or not person.active or not person.stand_in:
                break
            until = f" until {iso(person.away_until)}" if person.away_until else ""
            address, reason = person.stand_in.lower(), f"stands in for {person.name or person.email}, who is away{until}"
        if first is None:
            return
        manager = self.people.get(first.manager.lower()) if first.manager else None
        if manager is not None and manager.email != first.email and self._present(manager):
            state = "away" if first.active else "no longer active"
            yield Recipient("person", manager.email, f"manages {first.name or first.email}, who is {state}")

    def fallback(self, why: str) -> Iterator[Recipient]:
        """Operations, else administrators, else nobody, which is a finding of its own."""
        for role in ("operations", "admin"):
            found = [each for each in self.people.values() if each.role == role and self._present(each)]
            if found:
                yield from (Recipient("person", each.email, why) for each in sorted(found, key=lambda one: one.email))
                return
        yield Recipient("nobody", "", why)

    def _present(self, person: Person) -> bool:
        return person.active and (person.away_until is None or person.away_until <= self.moment)

    def may_see(self, found: Recipient) -> bool:
        """Alerts about a CSM are for those who lead and for the CSM; never for a channel that others read, unless named so."""
        if self.context.subject_kind != "csm" or found.kind != "person":
            return True
        person = self.people[found.id]
        return person.role in LEAD or (not self.private and person.email == self.context.subject_id.lower())


def recipients(
    targets: Sequence[str],
    context: Context,
    people: Mapping[str, Person],
    plan: Plan,
    moment: datetime,
    *,
    leaders_only: bool = False,
) -> tuple[list[Recipient], list[str]]:
    """Whom these targets stand for, each once, in their order; and, in words, the targets that nobody stood for.

    people: by e-mail in lower case. leaders_only: alerts about a CSM are not even for that CSM. Where no target finds
    anybody, operations are told, else administrators; where there are none either, the one recipient is `nobody`.
    """
    finding = _Finding(plan, context, people, moment, leaders_only)
    found: dict[tuple[str, str], Recipient] = {}
    lost: list[str] = []
    for target in dict.fromkeys(targets):
        those = [each for each in finding.of(target) if finding.may_see(each)]
        if not those:
            lost.append(_lost(target, context))
        for each in those:
            found.setdefault((each.kind, each.id), each)
    if not found:
        why = f"nobody else is there: {'; '.join(lost) or 'the rule names nobody'}"
        for each in finding.fallback(why):
            found.setdefault((each.kind, each.id), each)
    return list(found.values()), lost


def _lost(target: str, context: Context) -> str:
    """Why a target found nobody, and how to mend it."""
    kind, _, name = target.partition(":")
    if kind == "owner":
        return f"the CSM {context.owner} is unknown or inactive" if context.owner else "the account has no CSM"
    if kind == "manager":
        return "the CSM has no manager who is there"
    if kind == "role":
        return f"nobody stands for the role {name}"
    if kind == "team":
        return f"the team {name} has nobody who is there"
    return f"{name} is unknown or inactive"
