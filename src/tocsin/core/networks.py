"""Networks as a setting names them."""

from __future__ import annotations

import ipaddress

from tocsin.core.errors import UserError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def networks(text: str, setting: str) -> tuple[Network, ...]:
    """The networks of a text such as `10.0.0.0/8, 127.0.0.1`. UserError names the setting, and the one that is no network."""
    found = []
    for each in text.replace(",", " ").split():
        try:
            found.append(ipaddress.ip_network(each, strict=False))
        except ValueError as error:
            raise UserError(
                f"{setting}: {each!r} is no network; write such as 10.1.0.0/16, with commas between several"
            ) from error
    return tuple(found)
