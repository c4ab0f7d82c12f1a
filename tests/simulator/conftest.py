"""A quiet simulator, with plain answers and without lags, and a caller of it."""

import pytest

from ops.simulator.behaviour import Hostility, Settings
from ops.simulator.simulator import Simulator, build
from tests.simulator.caller import Caller

PROMPT = Settings(
    hostility=Hostility.off(),
    order_provisioning=(0, 0),
    order_list_lag=(0, 0),
    order_get_lag=(0, 0),
    upgrade_pending=(60, 60),
    upgrade_running=(3600, 3600),
    patch_seconds=(30, 30),
    entitlement_flip=(600, 600),
    azure_warned=(5, 5),
    azure_disabled=(60, 60),
    azure_enabled=(30, 30),
    return_seconds=(3600, 3600),
    reservation_flip=(600, 600),
    omit_discriminators=False,
    odd_next_uri=False,
    export_queued=(0, 0),
    export_seconds=(0, 0),
)


@pytest.fixture
def simulator() -> Simulator:
    """A simulator at rest: time stands still until a test moves it."""
    return build(settings=PROMPT)


@pytest.fixture
def caller(simulator: Simulator) -> Caller:
    """A user of the partner, with every right."""
    return Caller(simulator)


@pytest.fixture
def app_only(simulator: Simulator) -> Caller:
    """The partner's application on its own."""
    return Caller(simulator, user=False)
