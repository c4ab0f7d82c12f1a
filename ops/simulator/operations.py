"""The tables of operations: those of Partner Center, and those of Azure Resource Manager."""

from ops.simulator.requests.calls import Operation
from ops.simulator.resource_manager import refunds
from ops.simulator.resource_manager import reservations as azure_reservations
from ops.simulator.resource_manager import subscriptions as azure_subscriptions
from ops.simulator.resource_manager.calls import ArmOperation
from ops.simulator.resources import (
    agreements,
    azure_entitlements,
    carts,
    catalog,
    checkout,
    customers,
    orders,
    reservations,
    subscriptions,
    upgrades,
)

OPERATIONS: tuple[Operation, ...] = (
    *customers.OPERATIONS,
    *agreements.OPERATIONS,
    *catalog.OPERATIONS,
    *carts.OPERATIONS,
    *checkout.OPERATIONS,
    *orders.OPERATIONS,
    *subscriptions.OPERATIONS,
    *azure_entitlements.OPERATIONS,
    *reservations.OPERATIONS,
    *upgrades.OPERATIONS,
)
ARM_OPERATIONS: tuple[ArmOperation, ...] = (
    *azure_subscriptions.OPERATIONS,
    *azure_reservations.OPERATIONS,
    *refunds.OPERATIONS,
)
