"""Who is told of an alert, and how notices are gathered: a route tree as Alertmanager has it, and people as targets. Pure."""

from tocsin.core.routing.matching import Matcher, Silence, parse_matcher, silenced
from tocsin.core.routing.plan import Plan, Queue, RoutingError, read_plan
from tocsin.core.routing.recipients import Context, Person, Recipient, recipients
from tocsin.core.routing.tree import Resolved, Route, walk

__all__ = [
    "Context",
    "Matcher",
    "Person",
    "Plan",
    "Queue",
    "Recipient",
    "Resolved",
    "Route",
    "RoutingError",
    "Silence",
    "parse_matcher",
    "read_plan",
    "recipients",
    "silenced",
    "walk",
]
