"""Cuts the lists of an event that is too large for the broker; `truncated` names the lists."""

import json
from collections.abc import Mapping
from typing import Any

from events.wire.dead_letter import record_size
from events.wire.record import Outgoing
from events.wire.strict_json import json_bytes

_TRUNCATED = "truncated"


def fit_event(event: Outgoing, limit: int) -> Outgoing:
    """`event`, or, if it has more than `limit` bytes, the event with as many items in each of its lists as fit.

    The same event and limit give the same bytes. An event that is too large even without any item comes back without
    items: no smaller one exists.
    """
    if record_size(event) <= limit:
        return event
    data = json.loads(event.value or b"{}")
    lists = _lists(data)
    least, most = 0, max(map(len, lists.values()), default=0)
    while least < most:  # the largest number of items that fits
        middle = (least + most + 1) // 2
        if record_size(_with(event, _cut(data, lists, middle))) <= limit:
            least = middle
        else:
            most = middle - 1
    return _with(event, _cut(data, lists, least))


def _lists(data: Mapping[str, Any]) -> dict[str, list[Any]]:
    return {name: value for name, value in data.items() if isinstance(value, list) and name != _TRUNCATED}


def _cut(data: Mapping[str, Any], lists: Mapping[str, list[Any]], most: int) -> dict[str, Any]:
    long = [name for name, items in lists.items() if len(items) > most]
    if not long:
        return dict(data)
    told = dict.fromkeys((*data.get(_TRUNCATED, ()), *long))
    return {**data, **{name: lists[name][:most] for name in long}, _TRUNCATED: list(told)}


def _with(event: Outgoing, data: Mapping[str, Any]) -> Outgoing:
    return Outgoing(event.key, json_bytes(data), event.headers)
