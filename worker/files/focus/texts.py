"""Identifiers, tags and details of prices as FOCUS wants them."""

import json
import re
from datetime import date, datetime, timedelta

from worker.files.conversion.exact_lines import LAST_SECOND, MIDNIGHT
from worker.partner_center.answers.exact_json import whole_text

_PROVIDER = re.compile(r"/providers/([^/]+)/([^/]+)(?:/|$)", re.IGNORECASE)
_READ = json.JSONDecoder(parse_float=str).decode
_quoted = json.encoder.encode_basestring


def customer_id(text: str | None) -> str | None:
    """The id of a customer in one form: Microsoft writes it in any case, and with `org:` before it too."""
    return (text or "").strip().lower().removeprefix("org:") or None


def reseller_id(text: str | None) -> str | None:
    """The id of a reseller. Microsoft writes 0 or -1 where there is none."""
    found = (text or "").strip()
    return None if found in ("", "0", "-1") else found


def sku_id(product: str, sku: str) -> str | None:
    """Product and SKU. Lines of legacy offers have one of them."""
    return f"{product}:{sku}" if product or sku else None


def sku_price_id(sku: str, availability: str) -> str | None:
    """The id of a SKU and its availability. The SKU alone where the line names no availability."""
    return f"{sku}:{availability}" if sku and availability else sku or None


def resource_name(uri: str) -> str:
    """The last segment of a resource's path."""
    return uri.rstrip("/").rpartition("/")[2]


def resource_type(uri: str) -> str:
    """The type of a resource, such as `Microsoft.Compute/virtualMachines`. The last provider of the path counts."""
    found = _PROVIDER.findall(uri)
    return "/".join(found[-1]) if found else "Other"


def tags(text: str | None) -> str | None:
    """Tags as a JSON object of texts. Microsoft writes them with or without braces; what is no object is no tags."""
    return _flat(text, "")


def price_details(text: str | None) -> str | None:
    """Details of a price as a JSON object. Names that FOCUS does not define begin with `x_`."""
    return _flat(text, "x_")


def _flat(text: str | None, prefix: str) -> str | None:
    stripped = (text or "").strip()
    if not stripped:
        return None
    try:
        members = _READ(stripped if stripped.startswith("{") else f"{{{stripped}}}")
        if "\\u" in stripped:
            members = {whole_text(name): value for name, value in members.items()}
        written = [f"{_quoted(prefix + name)}:{_value(value)}" for name, value in members.items()]
    except (ValueError, RecursionError):
        return None
    return whole_text("{" + ",".join(written) + "}") if written else None


def _value(value: object) -> str:
    if isinstance(value, str):
        return _quoted(value)
    if value is None:
        return "null"
    written = json.dumps(value, ensure_ascii=False)
    return written if isinstance(value, int) else _quoted(written)


def exclusive_end(start: datetime | None, end: datetime | None) -> datetime | None:
    """The first moment after a charge. Microsoft names the last day, or its last second, or the day after it.

    The day after is the same day of a later month, or the first day of the next month. Sources: the sample lines of the
    page "Get invoice line items", and the resource "Daily rated usage line item".
    """
    if end is None or end.date() == date.max:
        return end
    after = end + timedelta(days=1)
    if end.time() >= LAST_SECOND:
        return datetime.combine(after.date(), MIDNIGHT, end.tzinfo)
    if start is None or end <= start:
        return after
    months = (end.year - start.year) * 12 + end.month - start.month
    whole_months = months > 0 and end.day == start.day
    first_of_next = months == 1 and end.day == 1 and after.day != start.day
    return end if whole_months or first_of_next else after
