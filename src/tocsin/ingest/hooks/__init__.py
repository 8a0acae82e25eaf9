"""Inbound webhooks, the part that is pure: who sent a request, and what rows its body tells.

To add a vendor: a folder with `VENDOR` and its page.md, a line here, `make docs`, a file of tests.
"""

from collections.abc import Mapping
from types import MappingProxyType

from tocsin.ingest.hooks import generic, hubspot, intercom, jira, salesforce, stripe, zendesk
from tocsin.ingest.hooks.shapes import Reading, Refused, Request, Row, Vendor

VENDORS: Mapping[str, Vendor] = MappingProxyType(
    {each.VENDOR.name: each.VENDOR for each in (stripe, hubspot, salesforce, zendesk, intercom, jira, generic)}
)

__all__ = ["VENDORS", "Reading", "Refused", "Request", "Row", "Vendor"]
