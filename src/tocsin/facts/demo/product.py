"""The fictional product: its features, and the events that they send."""

from __future__ import annotations

from random import Random

from tocsin.facts.demo.life import Life
from tocsin.facts.demo.window import SPAN

# Feature, name of its event, popularity, share of accounts that use it from the start.
FEATURES: tuple[tuple[str, str, float, float], ...] = (
    ("Route planner", "Route planned", 10.0, 1.0),
    ("Live map", "Live map opened", 7.0, 0.85),
    ("Driver app", "Driver assigned", 6.0, 0.8),
    ("Reports", "Report opened", 4.0, 0.75),
    ("Proof of delivery", "Delivery confirmed", 4.0, 0.6),
    ("Telematics sync", "Vehicle data read", 3.0, 0.45),
    ("Time windows", "Time window set", 2.5, 0.5),
    ("Dashboards", "Dashboard opened", 2.5, 0.5),
    ("Exports", "Export made", 1.5, 0.45),
    ("Customer portal", "Tracking link sent", 2.0, 0.3),
    ("Fleet costs", "Cost sheet opened", 1.5, 0.3),
    ("API", "API called", 1.5, 0.25),
    ("Automations", "Automation run", 2.0, 0.0),
)
AUTOMATIONS = 12
# The features that come through the integration that may be cut off.
FED = (1, 5)
RELEASED = 210.0  # the day on which Automations came out

NEVER = 99_999.0

# Name and kind of the events that are not the use of a feature; features follow.
OTHER_EVENTS: tuple[tuple[str, str], ...] = (
    ("Signed in", "login"),
    ("Viewed Home Page", "page"),
    ("Viewed Settings Page", "page"),
    ("Viewed Pricing Page", "page"),
    ("Help clicked", "click"),
    ("Filter clicked", "click"),
    ("Upgrade clicked", "click"),
    ("Error page shown", "error"),
    ("Note added", "other"),
)
LOGIN, HOME, SETTINGS, PRICING, HELP, FILTER, UPGRADE, ERROR, NOTE = range(len(OTHER_EVENTS))
FIRST_FEATURE = len(OTHER_EVENTS)

FEED_EVENT = FIRST_FEATURE + 5

EVENT_NAMES = [name for name, _ in OTHER_EVENTS] + [name for _, name, _, _ in FEATURES]
EVENT_KINDS = [kind for _, kind in OTHER_EVENTS] + ["feature"] * len(FEATURES)
EVENT_FEATURES: list[str | None] = [None] * len(OTHER_EVENTS) + [feature for feature, _, _, _ in FEATURES]

# Properties by the event's code: several variants, drawn evenly; empty for the others.
PROPERTIES: dict[int, tuple[str, ...]] = {
    PRICING: ('{"path":"/pricing"}',),
    UPGRADE: ('{"path":"/billing","button":"upgrade"}',),
    HELP: ('{"path":"/routes"}', '{"path":"/import"}', '{"path":"/settings"}', '{"path":"/reports"}'),
    ERROR: ('{"status":500,"path":"/routes"}', '{"status":502,"path":"/live-map"}', '{"status":404,"path":"/exports"}'),
    FIRST_FEATURE + 3: ('{"report":"on-time"}', '{"report":"mileage"}', '{"report":"drivers"}'),
    FIRST_FEATURE + 8: ('{"format":"csv"}', '{"format":"xlsx"}'),
}


def adoption(life: Life, rng: Random) -> list[tuple[float, float]]:
    """For each feature the days from and until which the account uses it; NEVER where it does not."""
    spans = []
    for place, (_, _, _, share) in enumerate(FEATURES):
        start = life.created if rng.random() < share else NEVER
        if start == NEVER and rng.random() < 0.3 and life.level > 0.3:
            first = max(life.created + 30, RELEASED if place == AUTOMATIONS else 20.0)
            start = first + rng.random() * max(1.0, SPAN + 60 - first)
        stop = NEVER
        if place not in (0, 1) and start < SPAN - 150 and rng.random() < 0.05:
            stop = max(start, 0.0) + 60 + rng.random() * (SPAN - max(start, 0.0) - 60)
        spans.append((start, stop))
    return spans
