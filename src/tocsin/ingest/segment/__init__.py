"""Segment's HTTP API, also spoken by RudderStack: the calls, and what they tell."""
