"""The REST interface: `/api/v1/`, with its OpenAPI document. A router for each app's facade; nothing is decided here."""
