"""From a change of an alert to the person who can act: routes, groups, the outbox, escalation, channels (see `facade`)."""
