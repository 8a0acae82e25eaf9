"""Any other system: rows of the collections as JSON, or JSON of any shape with a mapping."""

from tocsin.ingest.hooks.generic.read import read
from tocsin.ingest.hooks.generic.sample import sample
from tocsin.ingest.hooks.generic.signature import sign, verify
from tocsin.ingest.hooks.shapes import Vendor

VENDOR = Vendor(
    "generic",
    "Other (JSON)",
    "You choose it, and give it to the sender, which signs with it or sends it as Authorization: Bearer <secret>.",
    verify,
    read,
    sample,
    sign,
    {"mapping": "json", "timezone": "text"},
)
