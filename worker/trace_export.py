"""Exports traces as the standard OTEL_* variables say, with the OpenTelemetry SDK of the extra `otel`.

A thread of the SDK sends the spans. A collector that does not answer costs spans and a log line now and then. It delays
no command and no stop. Source: OpenTelemetry specification, "Environment Variable Specification".
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from typing import Any
from urllib.parse import unquote

import structlog
from opentelemetry import trace

from worker.version import version

STOP_SECONDS = 3.0
"""How long a stop waits until the last spans are sent."""
ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
HEADERS = ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS")
EXPORTERS = "opentelemetry_traces_exporter"
"""The entry point group in which the SDK's packages register their exporters."""
PROTOCOLS = {"http/protobuf": "otlp_proto_http", "grpc": "otlp_proto_grpc"}

log = structlog.get_logger("azplan.traces")


@contextmanager
def exported_traces(environment: Mapping[str, str]) -> Iterator[None]:
    """Send the spans of the block if these variables ask for it. Never raises: a worker needs no traces."""
    provider = _provider(exporters_asked_for(environment))
    try:
        yield
    finally:
        if provider is not None:
            _stop(provider)


def exporters_asked_for(environment: Mapping[str, str]) -> list[str]:
    """The exporters that these variables ask for, by the names that the SDK registers. Empty if they ask for none.

    The specification's default sends to a collector on this machine. A worker sends nothing unless it is asked to.
    """
    named = environment.get("OTEL_TRACES_EXPORTER", "").strip()
    asked = bool(named) or any(environment.get(name, "").strip() for name in ENDPOINTS)
    if not asked or environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return []
    names = [name.strip() for name in (named or "otlp").split(",")]
    return [_otlp(environment) if name == "otlp" else name for name in names if name not in ("", "none")]


def secrets(environment: Mapping[str, str]) -> Iterator[str]:
    """The values of the headers for the collector: one of them is usually a key."""
    for name in HEADERS:
        for pair in environment.get(name, "").split(","):
            value = pair.partition("=")[2].strip()
            if value:
                yield from (value, unquote(value))


def _otlp(environment: Mapping[str, str]) -> str:
    """The name of the OTLP exporter for the protocol that the variables ask for."""
    asked = (environment.get(f"OTEL_EXPORTER_OTLP{kind}PROTOCOL", "").strip() for kind in ("_TRACES_", "_"))
    protocol = next(filter(None, asked), "http/protobuf")
    return PROTOCOLS.get(protocol, f"otlp over {protocol}")


def _provider(names: Sequence[str]) -> Any:
    """The provider of all tracers from now on, with these exporters. None if nothing is or can be sent."""
    if not names or not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        return None  # nobody asks, or the program that started this process has set a provider
    usable = [name for name in names if _is_there(name)]
    if not usable:
        return None
    try:
        provider = _provider_of(usable)
    except Exception as error:  # noqa: BLE001 - a worker works without traces, whatever the SDK raises
        why = f"{type(error).__name__}: {error}"
        log.warning("traces.not_exported", exporters=usable, why=why, advice="check the OTEL_* variables")
        return None
    trace.set_tracer_provider(provider)
    log.info("traces.exported", exporters=usable)
    return provider


def _provider_of(names: Sequence[str]) -> Any:
    """A provider with all of these exporters. Provider, processors and exporters read their variables themselves."""
    sdk, export = import_module("opentelemetry.sdk.trace"), import_module("opentelemetry.sdk.trace.export")
    provider = sdk.TracerProvider(resource=_resource(), shutdown_on_exit=False)
    for name in names:
        (found, *_) = entry_points(group=EXPORTERS, name=name)
        provider.add_span_processor(export.BatchSpanProcessor(found.load()()))
    return provider


def _is_there(name: str) -> bool:
    """Whether the exporter is installed. Logs what to do if it is not."""
    if find_spec("opentelemetry.sdk") is None:
        advice = "install azplan with the extra: pip install 'azplan[otel]'; or unset the OTEL_* variables"
    elif not entry_points(group=EXPORTERS, name=name):
        advice = "set OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf, or install the package that has the exporter"
    else:
        return True
    log.warning("traces.not_exported", exporter=name, why="it is not installed", advice=advice)
    return False


def _resource() -> Any:
    """The sender of the spans, as OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say; this program by default."""
    resource = import_module("opentelemetry.sdk.resources").Resource
    told = resource.create()
    ours = {"service.version": version()}
    if str(told.attributes.get("service.name", "")).startswith("unknown_service"):
        told = told.merge(resource({"service.name": "azplan"}))
    return resource(ours).merge(told)


def _stop(provider: Any) -> None:
    """Send the last spans. A collector that does not answer is abandoned: its threads end with the process."""
    stopping = threading.Thread(target=provider.shutdown, name="stop traces", daemon=True)
    stopping.start()
    stopping.join(STOP_SECONDS)
    if stopping.is_alive():
        log.warning("traces.left_behind", why="the collector does not answer", seconds=STOP_SECONDS)
