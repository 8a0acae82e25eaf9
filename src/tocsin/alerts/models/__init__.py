"""The tables of the alerts app."""

from tocsin.alerts.models.episodes import AccountSnapshot, Episode, Pending, Transition
from tocsin.alerts.models.records import AuditEntry, Mark, Sweep
from tocsin.alerts.models.rulebook import NamedFormula, RuleVersion

__all__ = ["AccountSnapshot", "AuditEntry", "Episode", "Mark", "NamedFormula", "Pending", "RuleVersion", "Sweep", "Transition"]
