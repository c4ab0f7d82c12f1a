"""The customer's acceptance of the agreement, as Microsoft's records show it."""

from typing import Any, cast

import pytest

from worker.customers.agreement import Acceptance, attested, signed_directly
from worker.partner_center.operation import Operation
from worker.partner_center.port import PartnerCenter


class Answering:
    """A partner account whose every call has one answer."""

    def __init__(self, answer: object) -> None:
        self._answer = answer

    async def call(self, operation: Operation[Any], _path: object, **_rest: object) -> Any:
        """The answer, in the model of the operation."""
        assert operation.answer is not None
        return operation.answer.model_validate(self._answer)


def account(answer: object) -> PartnerCenter:
    """An account that gets this answer."""
    return cast("PartnerCenter", Answering(answer))


@pytest.mark.parametrize("confirmation", [{}, {"templateId": None, "dateAgreed": None}, {"dateAgreed": "soon"}])
async def test_date_and_template_are_null_where_microsoft_names_none(confirmation: dict[str, Any]) -> None:
    """`agreedOn` and `templateId` are null where Microsoft names none, also for an acceptance that was attested."""
    assert await attested(account({"items": [confirmation]}), "c") == Acceptance("attested", None, None)


async def test_an_acceptance_with_a_date_is_newer_than_one_without() -> None:
    """Of several acceptances the newest is named."""
    recorded = [{"templateId": "a"}, {"templateId": "b", "dateAgreed": "2026-02-03T00:00:00Z"}]
    found = await attested(account({"items": recorded}), "c")
    assert found is not None
    assert found.template_id == "b"


@pytest.mark.parametrize(("signed", "how"), [(True, Acceptance("direct")), (False, None), (None, None)])
async def test_a_direct_acceptance_has_no_date(signed: bool | None, how: Acceptance | None) -> None:
    """A direct acceptance has neither date nor template. An answer that does not say yes is none."""
    assert await signed_directly(account({"isSigned": signed}), "c") == how
