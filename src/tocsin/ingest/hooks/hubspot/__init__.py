"""HubSpot: companies, contacts and deals from the changes that its apps subscribe to."""

from tocsin.ingest.hooks.hubspot.read import read
from tocsin.ingest.hooks.hubspot.sample import sample
from tocsin.ingest.hooks.hubspot.signature import sign, verify
from tocsin.ingest.hooks.shapes import Vendor

VENDOR = Vendor(
    "hubspot",
    "HubSpot",
    "HubSpot shows it as the client secret, on the Auth page of the app that sends the webhooks.",
    verify,
    read,
    sample,
    sign,
    {"properties": "nested", "kinds": "words", "outcomes": "words", "timezone": "text"},
)
