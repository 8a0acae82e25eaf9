"""Intercom: conversations and their ratings, contacts and companies."""

from tocsin.ingest.hooks.intercom.read import read
from tocsin.ingest.hooks.intercom.sample import sample
from tocsin.ingest.hooks.intercom.signature import sign, verify
from tocsin.ingest.hooks.shapes import Vendor

VENDOR = Vendor(
    "intercom",
    "Intercom",
    "Intercom shows it in the Developer Hub, on the page Basic information of your app, as the client secret.",
    verify,
    read,
    sample,
    sign,
    {"account_attribute": "text", "attributes": "words"},
)
