"""Checks everything that the product derives from a command, an event, a wait reason, an operation and a setting.

`test_one_place` runs this module in a copy of the product with one more of each.
"""

import asyncio
import contextlib
import io
import json
import os
import sys
from pathlib import Path

from prometheus_client import generate_latest

from events.codes import WaitingReason
from events.contract_files import example, messages, schema
from events.messages.base import commands
from events.wire.event_reader import PublishedEvent, read_own_event
from events.wire.record import Record
from tests.runtime import bench
from worker import metrics
from worker.assembly import parts
from worker.cli.main import call
from worker.handling import load
from worker.journal.operating.replay_items import SentItem
from worker.operators.replay.applying import is_patient
from worker.operators.sending.compose import CommandIdentity, compose
from worker.partner_center.all_operations import operations
from worker.partner_center.reject_codes import reject_code
from worker.settings import model, reference

PENDING = WaitingReason("license_pending")
ADDED = ("AssignLicense", "LicenseAssigned", "LicenseAssignmentProgressed")
COMMAND = commands()["azplan.AssignLicense.v1"](customer_id=bench.CUSTOMER, user="ada@contoso.example")


def azplan(*words: str) -> str:
    """The output of the command line for these words. The command must succeed."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        code = call(words)
    assert code == 0, f"azplan {' '.join(words)} ended with {code}: {printed.getvalue()}"
    return " ".join(printed.getvalue().split())


def contract() -> None:
    """Messages have schemas and examples, and the command line prints them."""
    for name in ADDED:
        wire_type = f"azplan.{name}.v1"
        assert wire_type in messages()
        assert schema(wire_type)["properties"]
        assert example(wire_type)["value"]
        assert name in azplan("contract", name)
    assert "Whether the user had the license before" in str(schema("azplan.LicenseAssigned.v1"))


def sending() -> None:
    """The command has a verb of its own, with an option for its member."""
    told = azplan("send", "AssignLicense", "--help")
    assert "--user" in told
    assert "sign-in name" in told
    data = {"customerId": bench.CUSTOMER, "user": "ada@contoso.example"}
    outgoing = compose(type(COMMAND), data, CommandIdentity("c-1", "/crm", "contoso"))
    assert json.loads(outgoing.value or b"") == data


def codes_and_settings() -> None:
    """The reason is explained, and its deadline is a setting."""
    told = azplan("errors", "explain", "license_pending")
    assert "CommandWaiting" in told
    assert "Microsoft is assigning the license" in told
    assert "AZPLAN_WAITS__LICENSE_DEADLINE" in azplan("config", "show")
    assert "| `AZPLAN_WAITS__LICENSE_DEADLINE` | `P3D` | the end of waiting for licenses |" in reference.table()
    assert parts.policy(model.Settings()).deadline(PENDING) == 3 * bench.DAY
    os.environ["AZPLAN_WAITS__LICENSE_DEADLINE"] = "PT2H"
    assert parts.policy(model.load()).deadline(PENDING) == 7_200
    os.environ["AZPLAN_WAITS__LICENSE_DEADLINE"] = "P900D"
    try:
        model.load()
    except model.SettingsError as error:
        assert "must be at least AZPLAN_WAITS__LICENSE_DEADLINE" in str(error)  # noqa: PT017 - no pytest here
    else:
        raise AssertionError("a command would be forgotten while it waits")
    del os.environ["AZPLAN_WAITS__LICENSE_DEADLINE"]


def client() -> None:
    """The operation is registered, and its refusals are understood."""
    assert operations()["licenses.assign"].family == "users"
    assert reject_code("licenses.assign", 404, "1000") == "customer_not_found"


def counted() -> str:
    """The metrics, as Prometheus reads them."""
    return generate_latest(metrics.REGISTRY).decode()


def labels() -> None:
    """Every known label is there before the first event."""
    metrics.prepare(
        [(one.name, one.method, one.success) for one in operations().values()],
        topics={"commands": "c", "events": "e", "dead_letters": "d"},
        build={},
    )
    known = counted()
    assert 'azplan_commands_in_progress{command="AssignLicense"} 0.0' in known
    assert 'azplan_command_waits_total{command="AssignLicense",reason="license_pending"} 0.0' in known
    assert 'azplan_command_retries_total{command="SuspendPlan",reason="license"} 0.0' in known
    assert 'azplan_partner_center_requests_total{code="201",method="POST",operation="licenses.assign"} 0.0' in known


def replaying() -> None:
    """A replay goes on while a command waits for this reason."""
    sent = SentItem(number=1, uid="u", redrive=0, asked=False, answer=None, state="waiting", reason=PENDING, story=0)
    assert is_patient(sent)


async def running(place: Path) -> None:
    """The command runs, waits, is reported and ends, and its events are believed."""
    bench.POLICY = parts.policy(model.Settings())
    journal = bench.Bench(place)
    await journal.open()
    handlers = load("worker.handlers")
    work = await journal.begin(COMMAND)
    await journal.dispatch(None, handlers=handlers)(work)
    shown = await asyncio.to_thread(azplan, "commands", "show", "c-1")
    assert "license_pending: the license is being assigned" in shown
    assert "the license is looked at again" in shown
    assert "LicenseAssignmentProgressed status" in shown.replace("\N{NO-BREAK SPACE}", " ")
    await journal.dispatch(None, handlers=handlers)((await journal.claim())[-1])
    shown = await asyncio.to_thread(azplan, "commands", "show", "c-1")
    assert "answer LicenseAssigned" in shown
    rows = [row for row in await journal.journal.unsent(100) if row.type.removeprefix("azplan.")[:-3] in ADDED]
    assert len(rows) == 2
    for row in rows:
        assert isinstance(read_own_event(Record("e", 0, 0, 0, row.key, row.value, row.headers)), PublishedEvent)
    await journal.close()
    done = counted()
    assert 'azplan_commands_total{command="AssignLicense",fault="none",outcome="no_op"} 1.0' in done
    assert 'azplan_command_retries_total{command="AssignLicense",reason="license"} 1.0' in done
    assert 'azplan_command_waits_total{command="AssignLicense",reason="license_pending"} 1.0' in done


def main() -> None:
    """Check everything."""
    journal = Path(sys.argv[1])
    os.environ["AZPLAN_JOURNAL__URL"] = f"sqlite:///{journal}"
    contract()
    sending()
    codes_and_settings()
    client()
    labels()
    replaying()
    asyncio.run(running(journal))
    print("nothing else to edit")  # noqa: T201 - read by the test


if __name__ == "__main__":
    main()
