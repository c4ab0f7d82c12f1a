"""The settings of one partner account, and which of them must fit together."""

from typing import Annotated, Final, Literal, Self

from pydantic import Field, SecretStr, ValidationInfo, model_validator

from worker.settings.section import Section
from worker.settings.values import AnyCaseToLower, BaseUrl, Hosts, ProxyUrl, SecureUrl, TenantId, Text

WITHOUT_CREDENTIALS: Final = "without credentials"
"""The context of a validation whose process does not call Microsoft: an account may then have no credential."""


class Partner(Section):
    """AZPLAN_PARTNERS__<NAME>__*: one partner account (CSP tenant). Exactly one kind of credential."""

    tenant_id: TenantId = Field(description="the partner's tenant; no two accounts may have the same")
    client_id: Text = Field(description="id of the application that is registered in this tenant")
    client_secret: SecretStr | None = Field(None, description="secret of the application")
    certificate_file: Text | None = Field(
        None, description="instead of the secret: PEM file with certificate and private key"
    )
    federated_token_file: Text | None = Field(
        None, description="instead of the secret: token of a workload identity, read again for each request"
    )
    base_url: BaseUrl = Field(
        "https://api.partnercenter.microsoft.com",
        description="address of Partner Center; plain http for loopback hosts only",
    )
    authority: SecureUrl | None = Field(
        None, description="token authority; default `https://login.microsoftonline.com/<tenant id>`"
    )
    audience: Text = Field(
        "https://api.partnercenter.microsoft.com", description="audience of tokens; never derived from the base URL"
    )
    ca_file: Text | None = Field(
        None,
        description="PEM file: certificate authority for all addresses of the account, also those of storage, besides"
        " the system's",
    )
    proxy: ProxyUrl | None = Field(
        None,
        description="`http://user:password@host:port`: proxy for all addresses of the account, also those of storage,"
        " by CONNECT",
    )
    refresh_token_file: Text | None = Field(
        None, description="app+user: file with the newest refresh token; the worker replaces it at each renewal"
    )
    attestation: Annotated[Literal["legacy", "off"], AnyCaseToLower] = Field(
        "legacy",
        description="how a customer's acceptance of the agreement is recorded: `legacy` by Partner Center's operation;"
        " `off`: not at all, customers accept directly",
    )
    cancel_through: Annotated[Literal["partner_center", "arm", "arm_then_partner_center"], AnyCaseToLower] = Field(
        "partner_center",
        description="how Azure subscriptions are cancelled and brought back: `partner_center`, `arm` (Azure Resource"
        " Manager) or `arm_then_partner_center` (Partner Center after a definite refusal)",
    )
    requests_per_minute: int = Field(
        500, ge=1, description="requests in any 60 seconds, for each resource family of Partner Center"
    )
    arm_url: BaseUrl = Field(
        "https://management.azure.com",
        description="address of Azure Resource Manager; plain http for loopback hosts only",
    )
    arm_audience: Text = Field(
        "https://management.azure.com",
        description="audience of tokens for Azure Resource Manager; never derived from its address",
    )
    arm_requests_per_minute: int = Field(600, ge=1, description="requests in any 60 seconds to Azure Resource Manager")
    graph_url: BaseUrl = Field(
        "https://graph.microsoft.com/v1.0",
        description="address of Microsoft Graph, with its version; plain http for loopback hosts only",
    )
    graph_audience: Text = Field(
        "https://graph.microsoft.com",
        description="audience of tokens for Microsoft Graph; never derived from its address",
    )
    graph_requests_per_minute: int = Field(10, ge=1, description="requests in any 60 seconds to Microsoft Graph")
    storage_hosts: Hosts = Field(
        ".blob.core.windows.net,.dfs.core.windows.net",
        description="hosts that exports are downloaded from, several with commas: `.example.net` for all names that end"
        " so, else whole names; never another host, whatever Microsoft Graph answers",
    )
    sandbox: bool = Field(
        default=False,
        description="a sandbox tenant, in which Partner Center has no budgets: `SetUsageBudget` is refused",
    )

    @model_validator(mode="after")
    def _fits(self, info: ValidationInfo) -> Self:
        given = [self.client_secret, self.certificate_file, self.federated_token_file]
        credentials = sum(credential is not None for credential in given)
        if credentials > 1 or (credentials == 0 and info.context != WITHOUT_CREDENTIALS):
            raise ValueError("needs exactly one of CLIENT_SECRET, CERTIFICATE_FILE and FEDERATED_TOKEN_FILE")
        return self

    @property
    def authority_url(self) -> str:
        """Address of the token authority."""
        return self.authority or f"https://login.microsoftonline.com/{self.tenant_id}"
