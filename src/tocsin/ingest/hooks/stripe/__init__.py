"""Stripe: subscriptions, trials and invoices from the events of its API."""

from tocsin.ingest.hooks.shapes import Vendor
from tocsin.ingest.hooks.stripe.read import read
from tocsin.ingest.hooks.stripe.sample import sample
from tocsin.ingest.hooks.stripe.signature import sign, verify

VENDOR = Vendor(
    "stripe",
    "Stripe",
    "Stripe shows it under Developers, Webhooks, your endpoint, Signing secret; it begins with whsec_.",
    verify,
    read,
    sample,
    sign,
    {"account_metadata_key": "text", "names": "words", "timezone": "text"},
)
