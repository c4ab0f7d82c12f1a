"""Traces leave if the OTEL_* variables ask for that, and a silent collector delays nothing but the end of a stop."""

import json
import socket
import subprocess
import sys

import pytest

from ops.local.azplan import ROOT, environment
from tests.support.otlp_receiver import receiving
from worker.trace_export import exporters_asked_for, secrets

HERE = "http://127.0.0.1:4318"
HTTP, GRPC = "otlp_proto_http", "otlp_proto_grpc"
PROGRAM = """
import os, sys
from opentelemetry import trace
from worker import logs, trace_export
logs.configure("info", "json")
trace_export.STOP_SECONDS = float(sys.argv[1])
with trace_export.exported_traces(os.environ):
    with trace.get_tracer("azplan").start_as_current_span("work"):
        pass
"""


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ({}, []),
        ({"OTEL_SERVICE_NAME": "orders"}, []),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": HERE}, [HTTP]),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": HERE}, [HTTP]),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, [HTTP]),
        ({"OTEL_TRACES_EXPORTER": "console, otlp"}, ["console", HTTP]),
        ({"OTEL_TRACES_EXPORTER": "otlp_proto_http"}, [HTTP]),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": HERE}, []),
        ({"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": HERE}, []),
        ({"OTEL_SDK_DISABLED": "false", "OTEL_EXPORTER_OTLP_ENDPOINT": HERE}, [HTTP]),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": HERE, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, [GRPC]),
        (
            {
                "OTEL_EXPORTER_OTLP_ENDPOINT": HERE,
                "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
                "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf",
            },
            [HTTP],
        ),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": HERE, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"}, ["otlp over http/json"]),
    ],
)
def test_which_variables_ask_for_traces(given: dict[str, str], asked: list[str]) -> None:
    """The variables are those of the specification. Without a target or a protocol nothing is sent."""
    assert exporters_asked_for(given) == asked


def test_the_keys_of_a_collector_are_secrets() -> None:
    """The log masks the keys wherever they occur."""
    headers = "api-key=canary-key, authorization=Bearer%20canary-bearer"
    assert set(secrets({"OTEL_EXPORTER_OTLP_HEADERS": headers})) >= {"canary-key", "Bearer canary-bearer"}
    assert list(secrets({})) == []


def run(stop: float = 10, without: str | None = None, **variables: str) -> list[dict[str, str]]:
    """Make one span in a process of its own, perhaps without a package. Returns the log."""
    hide = f"import sys; sys.modules[{without!r}] = None\n" if without else ""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", hide + PROGRAM, str(stop)],
        env=environment({**variables, "OTEL_BSP_SCHEDULE_DELAY": "60000"}),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stderr.splitlines()]


@pytest.mark.parametrize(("name", "shown"), [(None, "azplan"), ("orders", "orders")])
def test_a_span_arrives_before_the_worker_is_gone(name: str | None, shown: str) -> None:
    """The span has the service's name and version. Unsent spans are sent at the stop."""
    with receiving() as receiver:
        named = {"OTEL_SERVICE_NAME": name} if name else {}
        log = run(
            OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url, OTEL_RESOURCE_ATTRIBUTES="deployment.environment=t", **named
        )
        (span,) = receiver.spans()
    assert span.name == "work"
    assert span.resource["service.name"] == shown
    assert span.resource["service.version"]
    assert span.resource["deployment.environment"] == "t"
    assert [each["event"] for each in log] == ["traces.exported"]


def test_without_the_variables_nothing_is_logged_and_nothing_sent() -> None:
    """Other programs may need the SDK."""
    assert run() == []


def test_a_missing_sdk_gives_one_warning() -> None:
    """The warning says what to install. The worker goes on."""
    (line,) = run(without="opentelemetry.sdk", OTEL_EXPORTER_OTLP_ENDPOINT=HERE)
    assert (line["level"], line["event"]) == ("warning", "traces.not_exported")
    assert "pip install 'azplan[otel]'" in line["advice"]


@pytest.mark.parametrize("protocol", ["grpc", "http/json"])
def test_a_missing_exporter_gives_one_warning(protocol: str) -> None:
    """The warning names the existing protocol."""
    (line,) = run(OTEL_EXPORTER_OTLP_ENDPOINT=HERE, OTEL_EXPORTER_OTLP_PROTOCOL=protocol)
    assert (line["level"], line["event"]) == ("warning", "traces.not_exported")
    assert "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf" in line["advice"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"OTEL_BSP_MAX_QUEUE_SIZE": "-5"},
        {"OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "few"},
    ],
)
def test_variables_that_cannot_be_used_end_nothing(wrong: dict[str, str]) -> None:
    """A warning has the SDK's own reason, and the worker goes on without traces."""
    log = run(OTEL_EXPORTER_OTLP_ENDPOINT=HERE, stop=0.1, **wrong)
    (line,) = (each for each in log if each["event"] == "traces.not_exported")
    assert line["advice"] == "check the OTEL_* variables"


def test_a_collector_that_does_not_answer_holds_no_stop_up() -> None:
    """The stop waits for the collector up to a limit. Then the process ends and says so."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        log = run(0.1, OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{silent.getsockname()[1]}")
    assert [each["event"] for each in log][-1] == "traces.left_behind"
