"""The tables of operations: those of Partner Center, of Azure Resource Manager and of Microsoft Graph."""

from ops.simulator.graph import exports
from ops.simulator.graph.calls import GraphOperation
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
    invoice_lines,
    invoices,
    orders,
    reservations,
    subscriptions,
    upgrades,
    usage,
    usage_budgets,
)

OPERATIONS: tuple[Operation, ...] = (
    *usage.OPERATIONS,
    *usage_budgets.OPERATIONS,
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
    *invoice_lines.OPERATIONS,
    *invoices.OPERATIONS,
)
ARM_OPERATIONS: tuple[ArmOperation, ...] = (
    *azure_subscriptions.OPERATIONS,
    *azure_reservations.OPERATIONS,
    *refunds.OPERATIONS,
)
GRAPH_OPERATIONS: tuple[GraphOperation, ...] = exports.OPERATIONS
