"""Makes the partner accounts from settings. Connects to nothing.

Not part of `worker.assembly.parts`: a verb that does not call Partner Center must not import its client.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies_environment, proxy_bypass

from worker.ceiling.shared_ceiling import Terms
from worker.clock import Clock
from worker.journal.processing.lane_prefixes_of_accounts import Directory
from worker.journal.processing.shared_ceilings import SharedCeilings
from worker.loopback import is_loopback
from worker.partner_center.client.account import Account, AccountConfig
from worker.partner_center.client.ceilings.leases import Leases
from worker.partner_center.client.proxy import Proxy
from worker.partner_center.client.token_requests import Identity
from worker.settings.model import Settings, SettingsError
from worker.settings.partner import Partner
from worker.settings.sources import value_now


def open_accounts(settings: Settings, clock: Clock) -> dict[str, Account]:
    """The partner accounts by name. Connects to nothing. Raises `SettingsError` if a file or a URL cannot be used."""
    accounts = {}
    for name, partner in settings.partners.items():
        try:
            accounts[name] = Account(
                account_of(name, partner),
                clock,
                call_timeout=settings.worker.call_timeout.total_seconds(),
                connections=settings.worker.concurrency,
            )
        except OSError as error:
            setting = f"AZPLAN_PARTNERS__{name.upper()}__CA_FILE {partner.ca_file}"
            raise SettingsError([f"{setting} cannot be used: {error.strerror or error}"]) from error
        except ValueError as error:
            raise SettingsError(
                [f"AZPLAN_PARTNERS__{name.upper()}__BASE_URL, __ARM_URL or __GRAPH_URL cannot be used: {error}"]
            ) from error
    return accounts


def share(
    accounts: Mapping[str, Account],
    tenants: Directory,
    ceilings: SharedCeilings,
    clock: Clock,
    settings: Settings,
    *,
    exchanged: Callable[[], None] = lambda: None,
) -> Leases:
    """Let these accounts share their request ceilings with all processes on a journal. Before their first call.

    `exchanged` is called when slots may have come for commands that did not begin for want of them.
    """
    terms = Terms(settings.worker.call_timeout.total_seconds())
    leases = Leases(ceilings.exchange, clock, terms, exchanged=exchanged)
    for name, account in accounts.items():
        account.share(leases, tenants.accounts[name].lanes)
    return leases


def unused_proxies(settings: Settings) -> Iterator[tuple[str, str]]:
    """Each account for which the environment names a proxy that azplan does not use, with a sentence about it."""
    proxies = getproxies_environment()
    named = next((scheme for scheme in ("https", "all") if proxies.get(scheme)), None)
    for name, partner in settings.partners.items() if named else ():
        urls = (partner.base_url, partner.arm_url, partner.graph_url, partner.authority_url)
        hosts = {urlsplit(url).hostname or "" for url in urls}
        if partner.proxy is None and not all(is_loopback(host) or proxy_bypass(host) for host in hosts):
            variable = f"{named}_proxy".upper()
            setting = f"AZPLAN_PARTNERS__{name.upper()}__PROXY"
            yield name, f"{variable} is set, but azplan does not use it: if Microsoft needs a proxy, set {setting}"


def account_of(name: str, partner: Partner) -> AccountConfig:
    """The settings of one account, as the client takes them."""
    secret = partner.client_secret
    return AccountConfig(
        name=name,
        identity=Identity(
            authority=partner.authority_url,
            client_id=partner.client_id,
            audience=partner.audience,
            client_secret=secret.get_secret_value() if secret else None,
            read_again=partial(value_now, ("partners", name, "client_secret")),
            certificate_file=_path(partner.certificate_file),
            federated_token_file=_path(partner.federated_token_file),
            arm_audience=partner.arm_audience,
            graph_audience=partner.graph_audience,
        ),
        base_url=partner.base_url,
        ca_file=_path(partner.ca_file),
        refresh_token_file=_path(partner.refresh_token_file),
        requests_per_minute=partner.requests_per_minute,
        proxy=Proxy.read(partner.proxy.get_secret_value()) if partner.proxy else None,
        arm_url=partner.arm_url,
        arm_requests_per_minute=partner.arm_requests_per_minute,
        graph_url=partner.graph_url,
        graph_requests_per_minute=partner.graph_requests_per_minute,
        storage_hosts=tuple(partner.storage_hosts.split(",")),
    )


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None
