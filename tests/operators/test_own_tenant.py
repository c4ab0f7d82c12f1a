"""A command about the partner account itself is sent under the tenant id of its account, from the settings."""

import pytest

from worker.operators.errors import InvalidRequest
from worker.operators.sending.compose import own_tenant_id
from worker.settings.model import Partner, Settings

OURS, OTHER = "7E9A1C3B-5D2F-4E80-9A6C-1B3D5F7092E4", "5e11e500-0000-4000-8000-000000000002"


def settings(**tenants: str) -> Settings:
    """Settings with these accounts and their tenant ids."""
    partners = {
        name: Partner(tenant_id=id_, client_id="app", client_secret="practice") for name, id_ in tenants.items()
    }
    return Settings.model_construct(partners=partners)


def test_without_a_named_account_the_only_account_is_meant() -> None:
    """Its tenant id is written in lower case, as the contract writes ids."""
    assert own_tenant_id(settings(contoso=OURS), None) == OURS.lower()


def test_the_named_account_is_meant() -> None:
    """The case of the typed name does not matter."""
    assert own_tenant_id(settings(contoso=OURS, fabrikam=OTHER), "Fabrikam") == OTHER


@pytest.mark.parametrize(
    ("tenants", "partner", "message"),
    [
        ({"contoso": OURS, "fabrikam": OTHER}, None, "about one of the accounts contoso, fabrikam"),
        ({"contoso": OURS}, "northwind", "no such account is configured"),
        ({}, None, "no such account is configured"),
        ({"contoso": "contoso.onmicrosoft.com"}, None, "by a domain, not by its id"),
    ],
    ids=["several", "unknown", "none", "a domain"],
)
def test_without_a_tenant_id_in_the_settings_nothing_is_sent(
    tenants: dict[str, str], partner: str | None, message: str
) -> None:
    """The advice names the option that helps."""
    with pytest.raises(InvalidRequest, match=message) as caught:
        own_tenant_id(settings(**tenants), partner)
    assert "--partner" in (caught.value.advice or "")
    assert "customerId" not in (caught.value.advice or ""), "these verbs cannot take it"
    with pytest.raises(InvalidRequest) as sending:
        own_tenant_id(settings(**tenants), partner, may_give_it=True)
    assert "customerId" in (sending.value.advice or "")
