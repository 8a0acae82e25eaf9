"""Salesforce: accounts, contacts, opportunities and cases from the HTTP callouts of flows and of Apex."""

from tocsin.ingest.hooks.salesforce.read import read
from tocsin.ingest.hooks.salesforce.sample import sample
from tocsin.ingest.hooks.salesforce.signature import sign, verify
from tocsin.ingest.hooks.shapes import Vendor

VENDOR = Vendor(
    "salesforce",
    "Salesforce",
    "You choose it, and give it to Salesforce's named credential, as the header Authorization: Bearer <secret>.",
    verify,
    read,
    sample,
    sign,
    {"fields": "nested", "kinds": "words", "priorities": "words", "timezone": "text"},
)
