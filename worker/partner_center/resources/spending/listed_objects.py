"""The objects of a long list, read one by one. What is no object is left out, as null is."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import TypeVar

from pydantic import ValidationError

from worker.partner_center.answers.exact_json import loads
from worker.partner_center.answers.resource import Collection, Resource
from worker.partner_center.errors import Unanswered
from worker.partner_center.item_stream import items
from worker.partner_center.operation import Operation
from worker.partner_center.port import PartnerCenter, Query

IN_A_ROW = 100
"""Objects that are read before other commands go on: a piece of an answer may hold thousands."""

ResourceT = TypeVar("ResourceT", bound=Resource)


async def objects(
    center: PartnerCenter,
    operation: Operation[Collection[ResourceT]],
    path: Mapping[str, str],
    kind: type[ResourceT],
    *,
    query: Query | None = None,
) -> AsyncGenerator[ResourceT]:
    """Yield every object of the list over all of its pages, whatever their size. Raises the errors of `items`.

    Raises `Unanswered` for an object that is no `kind`: a list without it would not be the whole list.
    """
    async with aclosing(items(center, operation, path, query=query)) as raw:
        number = 0
        async for each in raw:
            number += 1
            if number % IN_A_ROW == 0:
                await asyncio.sleep(0)
            document = loads(each)
            if not isinstance(document, Mapping):
                continue
            try:
                found = kind.model_validate(document)
            except ValidationError:
                raise Unanswered(operation.name, "an entry of this list cannot be read") from None
            yield found
