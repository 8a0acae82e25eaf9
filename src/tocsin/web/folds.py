"""The inbox's groups as they are shown: alerts that another one keeps quiet are folded under it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tocsin.alerts.facade import AccountCard, AccountGroup, Alert
from tocsin.web import tones


@dataclass(frozen=True, slots=True)
class Row:
    """An alert, and those that it keeps quiet."""

    alert: Alert
    quiet: tuple[Alert, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """An account with its alerts. `account` is None for those about no account.

    loose: alerts kept quiet by one that is not among those listed, by the id of its rule.
    """

    account: AccountCard | None
    rows: tuple[Row, ...]
    loose: tuple[tuple[str, tuple[Alert, ...]], ...] = ()

    @property
    def alerts(self) -> list[Alert]:
        """Every alert of the group, from the top, those that are folded away included."""
        rows = [each for row in self.rows for each in (row.alert, *row.quiet)]
        return rows + [each for _, quiet in self.loose for each in quiet]

    @property
    def good(self) -> bool:
        """Whether all its alerts are good signals."""
        return all(tones.favourable(each) for each in self.alerts)


def fold(groups: Iterable[AccountGroup], *, folded: bool = True) -> list[Group]:
    """The groups with what is kept quiet under what keeps it so. folded: False shows each alert for itself."""
    return [_group(group) if folded else Group(group.account, tuple(map(Row, group.alerts))) for group in groups]


def _group(group: AccountGroup) -> Group:
    speaking = {(each.rule, _about(each)): each for each in group.alerts}
    under: dict[str, list[Alert]] = {}
    loose: dict[str, list[Alert]] = {}
    rows: list[Alert] = []
    for each in group.alerts:
        if not each.inhibited_by:
            rows.append(each)
            continue
        head = _head(each, speaking)
        if head is None:
            loose.setdefault(each.inhibited_by, []).append(each)
        else:
            under.setdefault(head.id, []).append(each)
    return Group(
        group.account,
        tuple(Row(each, tuple(under.get(each.id, ()))) for each in rows),
        tuple((rule, tuple(quiet)) for rule, quiet in loose.items()),
    )


def _head(alert: Alert, speaking: dict[tuple[str, str], Alert]) -> Alert | None:
    """The alert that speaks for this one: what keeps it quiet, or what keeps that quiet in turn; None if it is not listed."""
    seen: set[str] = set()
    head: Alert | None = alert
    while head is not None and head.inhibited_by and head.id not in seen:
        seen.add(head.id)
        head = speaking.get((head.inhibited_by, _about(head)))
    return None if head is None or head.inhibited_by else head


def _about(alert: Alert) -> str:
    """What an alert has to be about for another one to keep it quiet: the account, or whoever else."""
    return alert.account_id or f"{alert.subject_kind} {alert.subject_id}"


def in_sections(groups: Sequence[Group]) -> list[tuple[str, list[Group]]]:
    """The groups that need someone, then those that hold nothing but good signals."""
    parts = (("", [group for group in groups if not group.good]), ("Good signals", [group for group in groups if group.good]))
    return [(title, part) for title, part in parts if part]


def in_order(sections: Sequence[tuple[str, list[Group]]]) -> list[Alert]:
    """The alerts as one walks through the list, from the top: those that are not folded away."""
    return [row.alert for _, groups in sections for group in groups for row in group.rows]
