"""Stripe's amounts: minor units, of which a currency has none, a hundred or a thousand, and prices for every interval."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from tocsin.ingest.hooks.fields import Fields

# As https://docs.stripe.com/currencies has them; ISK and UGX are written with two decimals there, although they have none.
ZERO_DECIMAL = frozenset(
    ("BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF")
)
THREE_DECIMAL = frozenset(("BHD", "JOD", "KWD", "OMR", "TND"))
BILLING = {("month", 1): "monthly", ("month", 3): "quarterly", ("month", 6): "semiannual", ("month", 12): "annual",
           ("year", 1): "annual", ("week", 1): "weekly", ("day", 1): "daily"}  # fmt: skip
_DAYS_A_MONTH = Decimal(365) / 12
_MONTHS = {"day": 1 / _DAYS_A_MONTH, "week": 7 / _DAYS_A_MONTH, "month": Decimal(1), "year": Decimal(12)}
_LARGEST = Decimal(10) ** 15


def decimals(currency: str) -> int:
    """How many decimals Stripe's amounts in a currency (upper case) have."""
    if currency in ZERO_DECIMAL:
        return 0
    return 3 if currency in THREE_DECIMAL else 2


def major(amount: Decimal, currency: str) -> float:
    """An amount in major units, rounded to what the currency has."""
    places = decimals(currency)
    return round(float(amount.scaleb(-places)), places)


def amount_of(fields: Fields, name: str) -> Decimal | None:
    """An amount in minor units, None where there is none: a whole number, or a text with parts of one."""
    value = fields.raw(name)
    if value is None:
        return None
    try:
        amount = Decimal(str(value)) if isinstance(value, str | int | float) and not isinstance(value, bool) else None
    except InvalidOperation:
        amount = None
    if amount is None or not amount.is_finite() or abs(amount) > _LARGEST:
        raise fields.fault(name, "is no amount")
    return amount


def monthly(items: list[Fields], currency: str) -> float | None:
    """What the items of a subscription cost a month, major units; a year has 365 days.

    None where that is not fixed: tiers, and items that are billed by use alone. Discounts and taxes are left out.
    """
    total, fixed = Decimal(0), False
    for item in items:
        price = item.object("price")
        recurring = price.maybe_object("recurring")
        if recurring is None or recurring.maybe_text("usage_type") == "metered":
            continue
        unit = amount_of(price, "unit_amount")
        if unit is None:
            unit = amount_of(price, "unit_amount_decimal")
        if unit is None:
            return None
        total += unit * quantity_of(item) / _length(recurring)
        fixed = True
    return major(total, currency) if fixed else None


def quantity_of(item: Fields) -> Decimal:
    """How many of an item; one where it does not say."""
    amount = amount_of(item, "quantity")
    return Decimal(1) if amount is None else amount


def billing_period(item: Fields) -> str | None:
    """How often an item is billed, in a word where there is one (`monthly`, `every 2 months`); None for a single charge."""
    recurring = item.object("price").maybe_object("recurring")
    if recurring is None:
        return None
    interval, count = recurring.text("interval"), _count(recurring)
    return BILLING.get((interval, count)) or f"every {count} {interval}s"


def _length(recurring: Fields) -> Decimal:
    """Months from one charge to the next."""
    interval = recurring.text("interval")
    if interval not in _MONTHS:
        raise recurring.fault("interval", f"is {interval!r}, none of {', '.join(_MONTHS)}")
    return _MONTHS[interval] * _count(recurring)


def _count(recurring: Fields) -> int:
    count = recurring.maybe_number("interval_count")
    if count is None:
        return 1
    if not (1 <= count <= 10_000 and count == int(count)):
        raise recurring.fault("interval_count", f"is {count:g}, no number of intervals")
    return int(count)
