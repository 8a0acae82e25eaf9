"""Jira: product issues that are tagged to accounts."""

from tocsin.ingest.hooks.jira.read import read
from tocsin.ingest.hooks.jira.sample import sample
from tocsin.ingest.hooks.jira.signature import sign, verify
from tocsin.ingest.hooks.shapes import Vendor

VENDOR = Vendor(
    "jira",
    "Jira",
    "You choose it, or let Jira make it, under Settings, System, WebHooks, in the field Secret of the webhook.",
    verify,
    read,
    sample,
    sign,
    {"account_field": "text", "priorities": "words"},
)
