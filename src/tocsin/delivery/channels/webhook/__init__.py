"""Outbound webhooks, signed by the Standard Webhooks scheme."""
