"""The simulator as one object: applications, books, clock, faults and seeds. Everything a test needs is here."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal

import httpx
from starlette.types import ASGIApp

from ops.simulator.behaviour import Settings, change_members
from ops.simulator.billing.seeding import BillingDesk
from ops.simulator.books import Books
from ops.simulator.clock import MORNING, Clock
from ops.simulator.commerce.order_provisioning import end_order
from ops.simulator.commerce.refunds import end_return
from ops.simulator.commerce.upgrade_progress import finish, start_running
from ops.simulator.faults import FaultPlan
from ops.simulator.graph.callers import GraphCallers
from ops.simulator.graph.gateway import Graph
from ops.simulator.operations import ARM_OPERATIONS, GRAPH_OPERATIONS, OPERATIONS
from ops.simulator.requests.gateway import Gateway
from ops.simulator.reserved import ReservedItem
from ops.simulator.resource_manager.callers import ArmCallers
from ops.simulator.resource_manager.gateway import ResourceManager
from ops.simulator.seed import PROFILES, Profile, add_customer, add_plan, profile_from
from ops.simulator.sign_in.bearer_tokens import GRAPH, PARTNER_CENTER, RESOURCE_MANAGER, Tokens
from ops.simulator.sign_in.grants import Grants
from ops.simulator.sign_in.token_endpoint import TokenEndpoint, token_app
from ops.simulator.state import AzureSubscription, Customer, Order, Partner, Subscription, Upgrade
from ops.simulator.storage.blobs import Storage
from ops.simulator.world import World

CONTOSO = Partner(
    tenant_id="5e11e500-0000-4000-8000-000000000001",
    client_id="5e11e500-0000-4000-8000-00000000c11e",
    client_secret="practice-only",  # noqa: S106 - opens nothing but this simulator
)
"""The default partner."""


class Simulator(BillingDesk):
    """A Partner Center in memory. Make it with ``build``.

    ``api``, ``resource_manager``, ``graph``, ``storage`` and ``authority`` are ASGI applications; ``transport()``,
    ``arm_transport()``, ``graph_transport()`` and ``storage_transport()`` make httpx transports to the first four.
    ``books`` tells what happened, ``faults`` takes faults, ``clock`` tells and moves time, ``settings`` may be replaced
    any time.
    """

    def __init__(
        self,
        clock: Clock,
        settings: Settings,
        partners: Sequence[Partner],
        seed: int,
        audience: str,
        arm_audience: str = RESOURCE_MANAGER,
        graph_audience: str = GRAPH,
    ) -> None:
        self.seed = seed
        self.arm_audience, self.graph_audience = arm_audience, graph_audience
        self.world = World(clock, settings, seed)
        self.world.partners = {partner.tenant_id: partner for partner in partners}
        self.faults = FaultPlan(seed)
        self.tokens = Tokens(self.world, audience)
        self.grants = Grants(self.world, self.tokens, (audience, arm_audience, graph_audience))
        self.books = Books(self.world, self.world.settle)
        self.gateway = Gateway(self.world, OPERATIONS, self.tokens, self.faults)
        self.api: ASGIApp = self.gateway
        callers = ArmCallers(self.world, self.tokens, arm_audience)
        self.resource_manager = ResourceManager(self.world, ARM_OPERATIONS, callers, self.faults)
        self.graph = Graph(
            self.world, GRAPH_OPERATIONS, GraphCallers(self.world, self.tokens, graph_audience), self.faults
        )
        self.storage: ASGIApp = Storage(self.world, self.faults)
        self.authority: ASGIApp = token_app(TokenEndpoint(self.world, self.grants, self.faults))

    @property
    def clock(self) -> Clock:
        """The simulator's time."""
        return self.world.clock

    @property
    def settings(self) -> Settings:
        """The present knobs for every customer."""
        return self.world.settings

    @settings.setter
    def settings(self, settings: Settings) -> None:
        self.world.settings = settings

    @property
    def partner(self) -> Partner:
        """The first partner."""
        return next(iter(self.world.partners.values()))

    def change(self, **changes: Any) -> None:
        """Change knobs for every customer. Raises ValueError for an unknown knob."""
        self.world.settings = self.world.settings.changed(changes)

    def customer(
        self,
        profile: str | Profile = "ready",
        *,
        identity: str | None = None,
        partner: str | None = None,
        **changes: Any,
    ) -> Customer:
        """Seed a customer of a partner (by default the first) and return it.

        ``profile`` is one of ``PROFILES`` or a Profile of your own, ``changes`` are members of Profile, such as
        ``plans=1`` or ``settings={"order_outcome": "never"}``. Raises ValueError for what is unknown.
        """
        chosen = (
            replace(profile, **changes)
            if isinstance(profile, Profile)
            else profile_from({"profile": profile, **changes})
        )
        return add_customer(self.world, partner or self.partner.tenant_id, chosen, identity)

    def customers(self, count: int, profile: str | Profile = "ready", **changes: Any) -> list[Customer]:
        """Seed `count` customers of one profile."""
        return [self.customer(profile, **changes) for _ in range(count)]

    def add_plan(
        self, customer: Customer | str, *, azure_subscriptions: int = 1, reseller: str | None = None
    ) -> Subscription:
        """Give a customer an Azure plan, as if somebody had bought it in the portal."""
        plan = add_plan(self.world, self.find(customer), reseller)
        for number in range(azure_subscriptions):
            plan.azure_subscriptions.append(AzureSubscription(self.world.new_id(), f"Azure subscription {number + 1}"))
        return plan

    def end_order(self, order: Order | str, status: str = "completed") -> None:
        """End an order now, whatever the order is waiting for."""
        self.world.settle()
        wanted = order if isinstance(order, str) else order.id
        for customer in self.world.customers.values():
            if wanted in customer.orders:
                end_order(self.world, customer, customer.orders[wanted], status)
                return
        raise KeyError(f"there is no order {wanted}")

    def move_upgrade(self, upgrade: Upgrade | str, stage: Literal["running", "completed", "failed"]) -> None:
        """Move an upgrade to another stage now."""
        self.world.settle()
        wanted = upgrade if isinstance(upgrade, str) else upgrade.id
        for customer in self.world.customers.values():
            for each in customer.upgrades:
                if each.id == wanted:
                    _move_upgrade(self.world, customer, each, stage)
                    return
        raise KeyError(f"there is no upgrade {wanted}")

    def change_azure_subscription(self, identity: str, **changes: Any) -> AzureSubscription:
        """Change members of an Azure subscription, such as ``azure_state="PastDue"`` or ``reactivation=900337``.

        Raises KeyError for an unknown one, ValueError for an unknown member.
        """
        self.world.settle()
        for customer in self.world.customers.values():
            for plan in customer.subscriptions.values():
                for each in plan.azure_subscriptions:
                    if each.id == identity.lower():
                        change_members(each, changes)
                        return each
        raise KeyError(f"there is no Azure subscription {identity}")

    def change_reservation(self, identity: str, **changes: Any) -> ReservedItem:
        """Change members of a reservation of Azure Resource Manager, such as ``policy_error``.

        Raises KeyError for an unknown one, ValueError for an unknown member.
        """
        self.world.settle()
        for customer in self.world.customers.values():
            for item in (each for reservation in customer.reservations for each in reservation.items):
                if item.id == identity.lower():
                    change_members(item, changes)
                    return item
        raise KeyError(f"there is no reservation {identity}")

    def end_return(self, identity: str, *, failed: bool = False) -> None:
        """End the return of a reservation now, whatever it is waiting for."""
        self.world.settle()
        for customer in self.world.customers.values():
            if identity in customer.returns:
                end_return(self.world, customer, customer.returns[identity], failed=failed)
                return
        raise KeyError(f"there is no return {identity}")

    def reset(self) -> None:
        """Forget customers, books, faults and request ids; partners, tokens, settings and time stay."""
        self.world.clear()
        self.faults.clear()
        self.gateway.clear()
        self.resource_manager.clear()
        self.graph.clear()

    def rotate_catalog(self) -> None:
        """Make every availability id that was handed out stale now."""
        self.world.catalog_edition += 1

    def find(self, customer: Customer | str) -> Customer:
        """Return a customer by id, in any case; raises KeyError."""
        return self.world.customers[(customer if isinstance(customer, str) else customer.id).lower()]

    def token(self, *, user: bool = False, partner: str | None = None, **details: Any) -> str:
        """Return an access token of a partner; ``details`` are ``tenant``, ``audience``, ``mfa`` and ``lifetime``."""
        owner = self.world.partners[(partner or self.partner.tenant_id).lower()]
        return self.tokens.issue(owner, "user" if user else "app", **details)

    def arm_token(self, customer: Customer | str, *, user: bool = True, **details: Any) -> str:
        """Return an access token for Azure Resource Manager in the tenant of a customer."""
        owner = self.find(customer)
        return self.token(
            user=user, partner=owner.partner, **{"tenant": owner.id, "audience": self.arm_audience, **details}
        )

    def graph_token(self, *, user: bool = False, partner: str | None = None, **details: Any) -> str:
        """Return an access token of a partner for Microsoft Graph."""
        return self.token(user=user, partner=partner, **{"audience": self.graph_audience, **details})

    def refresh_token(self, partner: str | None = None, *, mfa: bool = True) -> str:
        """Return a refresh token of the partner's user."""
        return self.grants.refresh_token(self.world.partners[(partner or self.partner.tenant_id).lower()], mfa=mfa)

    def transport(self) -> httpx.ASGITransport:
        """Return an httpx transport to the API. Dropped connections come out as ``delivery.ConnectionDropped``."""
        return httpx.ASGITransport(app=self.api)

    def arm_transport(self) -> httpx.ASGITransport:
        """Return the same to Azure Resource Manager."""
        return httpx.ASGITransport(app=self.resource_manager)

    def graph_transport(self) -> httpx.ASGITransport:
        """Return the same to Microsoft Graph."""
        return httpx.ASGITransport(app=self.graph)

    def storage_transport(self) -> httpx.ASGITransport:
        """Return the same to the storage of the blobs, under any host."""
        return httpx.ASGITransport(app=self.storage)

    def operation(self, method: str, path: str, query: Mapping[str, str] | None = None) -> str | None:
        """Return the name of the operation of a request to any of the services; None if no route fits."""
        found = self.gateway.find(method.upper(), path, query or {})
        other = self.resource_manager.find(method.upper(), path) or self.graph.find(method.upper(), path)
        return found[0].name if found is not None else other[0].name if other is not None else None


def build(  # noqa: PLR0913 - each has a default
    *,
    now: Callable[[], float] | None = None,
    scale: float = 1.0,
    origin: datetime = MORNING,
    clock: Clock | None = None,
    settings: Settings | None = None,
    partners: Sequence[Partner] = (),
    seed: int = 1,
    audience: str = PARTNER_CENTER,
    arm_audience: str = RESOURCE_MANAGER,
    graph_audience: str = GRAPH,
) -> Simulator:
    """Make a simulator without customers.

    ``now`` drives its time, for example ``loop.time`` of a virtual event loop; its present value is the date
    ``origin``. Without it time stands still until ``clock.advance``. ``clock`` replaces all three. The settings are the
    defaults of ``Settings``, which are slightly hostile.
    """
    if clock is None:
        clock = Clock.manual(scale) if now is None else Clock.virtual(now, scale, origin)
    return Simulator(
        clock, settings or Settings(), partners or [replace(CONTOSO)], seed, audience, arm_audience, graph_audience
    )


def routes() -> list[tuple[str, str]]:
    """Return method and path template of every operation that is served; those of the API are under its version."""
    at_the_api = [(operation.method, operation.template) for operation in OPERATIONS]
    of_arm = [(operation.method, operation.template) for operation in ARM_OPERATIONS]
    return [*at_the_api, *of_arm, *((operation.method, operation.template) for operation in GRAPH_OPERATIONS)]


def profiles() -> list[str]:
    """Return the names of the profiles that customers can be seeded with."""
    return list(PROFILES)


def _move_upgrade(world: World, customer: Customer, upgrade: Upgrade, stage: str) -> None:
    if stage == "running":
        start_running(world, customer, upgrade)
    else:
        finish(world, customer, upgrade, failed=stage == "failed")
