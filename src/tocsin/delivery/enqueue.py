"""What a change of alerts leaves in the ledger: a notice for each target, inside the transaction of the change itself.

A crash after it loses nothing: notices wait in the database until a worker makes deliveries of them. The number of queries
does not grow with the alerts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction

from tocsin.alerts import facade as alerts
from tocsin.core.moment import iso
from tocsin.core.routing import Context, Plan, recipients, walk
from tocsin.core.rules import Rule
from tocsin.delivery import escalations, waking
from tocsin.delivery.directory import Directory
from tocsin.delivery.grouping import Addressed, file
from tocsin.delivery.labels import labels_of
from tocsin.delivery.models import Channel, Notice
from tocsin.delivery.routebook import plan_in_force
from tocsin.people import facade as people

if TYPE_CHECKING:
    from tocsin.alerts.facade import Alert, TransitionNotice

# Changes that the targets of the rule are told; what people do to an alert is known to who does it.
TOLD = frozenset({"opened", "released", "renotified", "stepped", "woken", "freed"})
HEARD = TOLD | {"closed", "assigned", "reopened"}
OPENING = frozenset({"opened", "released"})
CHUNK = 500


def enqueue(notices: Sequence[TransitionNotice]) -> None:
    """Note who is to be told of these changes, and let escalations begin or end. Called inside of their transaction."""
    heard = [each for each in notices if each.kind in HEARD]
    if not heard:
        return
    with transaction.atomic():
        batch = Batch.of(heard)
        for each in heard:
            alert = batch.alerts.get(each.alert_id)
            if alert is not None:
                batch.hear(each, alert)
        batch.write()
    waking.after_commit()


@dataclass
class Batch:
    """The notices of one transaction, gathered before they are written."""

    moment: datetime
    plan: Plan
    directory: Directory
    alerts: Mapping[str, Alert]
    rules: Mapping[str, Rule]
    channels: frozenset[str]
    told: Mapping[str, list[Notice]]
    _addressed: list[Addressed] = field(default_factory=list)
    _over: list[str] = field(default_factory=list)
    _begun: list[tuple[Alert, Rule, str]] = field(default_factory=list)
    _reopened: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, notices: Sequence[TransitionNotice]) -> Batch:
        """What is needed to hear these notices, read at once."""
        found = alerts.alerts_by_id(each.alert_id for each in notices)
        closed = [each.alert_id for each in notices if each.kind == "closed"]
        return cls.about(found.values(), max(each.at for each in notices), closed)

    @classmethod
    def about(cls, found: Iterable[Alert], moment: datetime, closed: Sequence[str] = ()) -> Batch:
        """What is needed to tell of these alerts."""
        return cls(
            moment=moment,
            plan=plan_in_force(),
            directory=Directory.at(moment),
            alerts={alert.id: alert for alert in found},
            rules={rule.id: rule for rule in alerts.definitions().rules},
            channels=frozenset(Channel.objects.values_list("name", flat=True)),
            told=_known(closed),
        )

    @property
    def size(self) -> int:
        """How many notices there are so far."""
        return len(self._addressed)

    def hear(self, notice: TransitionNotice, alert: Alert) -> None:
        """Note one change."""
        rule = self.rules.get(alert.rule)
        if notice.kind == "closed":
            self._close(notice, alert)
        elif notice.kind == "assigned":
            if alert.assignee and alert.assignee != notice.by:
                self.tell(alert, "assigned", notice.at, [f"user:{alert.assignee}"], notice.reason)
        elif notice.kind == "reopened":
            self._reopened.append(alert.id)
        elif not notice.quiet or alert.inhibited_by:
            self.tell(alert, notice.kind, notice.at, rule.notify if rule else ("owner",), notice.reason, routed=True)
        if notice.kind in OPENING and rule is not None and rule.escalate and not alert.baseline:
            clock = walk(self.plan.route, labels_of(alert, notice.kind, self.directory))[0].escalation_clock
            self._begun.append((alert, rule, clock))

    def tell(
        self,
        alert: Alert,
        kind: str,
        at: datetime,
        targets: Sequence[str],
        detail: str = "",
        *,
        routed: bool = False,
        sequence: str = "",
    ) -> None:
        """Note that these targets are to be told. routed: the route tree has its say; else these targets and no others."""
        labels = labels_of(alert, kind, self.directory)
        found: dict[tuple[str, str], Addressed] = {}
        leading = people.only_leaders()
        for route in walk(self.plan.route, labels):
            named = (route.notify if route.only else (*targets, *route.notify)) if routed else targets
            there = [each for each in named if self._exists(each)]
            found_people, _ = recipients(
                there, self._context(alert), self.directory.people, self.plan, self.moment, leaders_only=leading
            )
            for each in found_people:
                addressed = Addressed(alert, kind, at, sequence or iso(at), each, route, labels, detail)
                found.setdefault((each.kind, each.id), addressed)
        self._addressed += found.values()

    def write(self) -> None:
        """Write all of it."""
        over = set(self._over)
        for part in _parts(sorted(over)):
            rows = Notice.objects.filter(alert_id__in=[int(each) for each in part], state__in=("waiting", "digest"))
            rows.exclude(target_kind="channel").update(state="suppressed", reason="over before it was told")
        file(self._addressed, self.moment)
        escalations.end(over, "the alert is closed", self.moment)
        escalations.begin(self._begun, self.directory, self.moment)
        escalations.revive(self._reopened, self.alerts, self.directory, self.moment)

    def _close(self, notice: TransitionNotice, alert: Alert) -> None:
        """Tell the end to those who were told of the alert; what still waits has nothing to say any more.

        Who resolves an alert need not be told, and nobody else is; channels that others read always learn it.
        """
        self._over.append(alert.id)
        seen: set[tuple[str, str]] = set()
        for known in self.told.get(alert.id, ()):
            machine = known.target_kind == "channel"
            if (known.target_kind, known.target) in seen or (notice.quiet and not machine) or known.target_kind == "nobody":
                continue
            if known.state != "planned" and not (machine and known.state == "waiting"):
                continue
            seen.add((known.target_kind, known.target))
            labels = labels_of(alert, "closed", self.directory)
            self._addressed.append(Addressed.again(known, alert, "closed", notice.at, labels, alert.close_reason))

    def _context(self, alert: Alert) -> Context:
        account = alert.account
        return Context(
            owner=alert.assignee or (account.owner if account else ""),
            roles=account.roles if account else {},
            subject_kind=alert.subject_kind,
            subject_id=alert.subject_id,
        )

    def _exists(self, target: str) -> bool:
        """Whether a target that names a channel names one that there is."""
        kind, _, name = target.partition(":")
        return kind != "channel" or name in self.channels


def tell_now(
    alert: Alert,
    kind: str,
    targets: Sequence[str],
    *,
    moment: datetime,
    detail: str = "",
    sequence: str = "",
    routed: bool = False,
) -> int:
    """Note one change outside of any sweep, for an escalation, a repeat or the auditor; gives how many targets are told."""
    with transaction.atomic():
        batch = Batch.about([alert], moment)
        batch.tell(alert, kind, moment, targets, detail, sequence=sequence, routed=routed)
        batch.write()
    waking.after_commit()
    return batch.size


def _known(alert_ids: Sequence[str]) -> dict[str, list[Notice]]:
    """The notices that there are of these alerts."""
    found: dict[str, list[Notice]] = {}
    for part in _parts(alert_ids):
        for row in Notice.objects.filter(alert_id__in=[int(each) for each in part]).order_by("id"):
            found.setdefault(str(row.alert_id), []).append(row)
    return found


def _parts(ids: Sequence[str]) -> Iterable[Sequence[str]]:
    return (ids[first : first + CHUNK] for first in range(0, len(ids), CHUNK))
