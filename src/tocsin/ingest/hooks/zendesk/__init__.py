"""Zendesk: tickets and their satisfaction ratings, from ticket events and from triggers."""

from tocsin.ingest.hooks.shapes import Vendor
from tocsin.ingest.hooks.zendesk.read import read
from tocsin.ingest.hooks.zendesk.sample import sample
from tocsin.ingest.hooks.zendesk.signature import sign, verify

VENDOR = Vendor(
    "zendesk",
    "Zendesk",
    "Zendesk shows it in the Admin Center under Apps and integrations, Webhooks, your webhook, Reveal secret.",
    verify,
    read,
    sample,
    sign,
    {"statuses": "words", "priorities": "words", "ratings": "words"},
)
