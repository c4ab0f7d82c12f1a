"""The spans of a command's turns: the first in the sender's trace, each later one in its own trace with a link."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.runtime.bench import Bench, record
from worker.journal.records import Work
from worker.runtime.observability.tracing import command_span, current_trace

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    """All spans."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    yield exporter
    provider.shutdown()


async def begun(bench: Bench, flags: str | None) -> Work:
    """A command in its first turn. Its record carries a trace with these flags, or none."""
    given = record()
    if flags is not None:
        header = f"00-{TRACE}-{SPAN}-{flags}".encode()
        given = replace(given, headers=(*given.headers, ("traceparent", header)))
    await bench.accept(given)
    (work,) = await bench.claim()
    return work


def turns(work: Work, number: int) -> list[str | None]:
    """Give the command this many turns. Returns the trace that the events of each turn would carry."""
    said = []
    for revision in range(number):
        work.revision = revision
        with command_span(work):
            said.append(current_trace()[0])
    return said


def ids(span: ReadableSpan) -> tuple[str, str]:
    """Trace and span, as headers have them."""
    context = span.get_span_context()
    assert context is not None
    return trace.format_trace_id(context.trace_id), trace.format_span_id(context.span_id)


def links(span: ReadableSpan) -> list[tuple[str, str]]:
    """The span to which this span links."""
    return [(f"{each.context.trace_id:032x}", f"{each.context.span_id:016x}") for each in span.links]


async def test_the_first_turn_is_in_the_senders_trace_and_later_ones_lead_to_it(
    bench: Bench, spans: InMemorySpanExporter
) -> None:
    """A command that waits for days does not make a trace of days."""
    said = turns(await begun(bench, "01"), 3)
    first, *later = spans.get_finished_spans()
    assert ids(first)[0] == TRACE
    assert first.parent is not None
    assert f"{first.parent.span_id:016x}" == SPAN
    assert [links(each) for each in later] == [[(TRACE, SPAN)]] * 2
    assert [each.parent for each in later] == [None, None]
    assert len({ids(each)[0] for each in (first, *later)}) == 3
    assert [str(each)[3:52] for each in said] == ["-".join(ids(each)) for each in (first, *later)]


async def test_without_a_senders_trace_later_turns_lead_to_the_first(bench: Bench, spans: InMemorySpanExporter) -> None:
    """The journal remembers where the command began."""
    work = await begun(bench, None)
    turns(work, 3)
    first, *later = spans.get_finished_spans()
    assert (first.parent, links(first)) == (None, [])
    assert [links(each) for each in later] == [[ids(first)]] * 2


async def test_what_the_sender_does_not_record_stays_unrecorded(bench: Bench, spans: InMemorySpanExporter) -> None:
    """A sender that samples one command in a thousand does not get the later turns of the other 999."""
    said = turns(await begun(bench, "00"), 3)
    assert spans.get_finished_spans() == ()
    assert {str(each)[3:35] for each in said} == {TRACE}


@pytest.mark.parametrize(
    ("flags", "passed"), [("01", f"00-{TRACE}-{SPAN}-01"), ("00", f"00-{TRACE}-{SPAN}-00"), (None, None)]
)
async def test_without_the_sdk_the_senders_trace_is_passed_on(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, flags: str | None, passed: str | None
) -> None:
    """In every turn, a reader of the answer finds the trace of the command's sender."""
    monkeypatch.setattr(trace, "get_tracer", trace.NoOpTracerProvider().get_tracer)
    work = await begun(bench, flags)
    assert turns(work, 3) == [passed] * 3
    assert work.memory == {}


async def test_an_error_leaves_its_kind_and_not_its_words_in_a_span(bench: Bench, spans: InMemorySpanExporter) -> None:
    """The text may hold secrets, and spans are not redacted."""
    work = await begun(bench, "01")
    with pytest.raises(ValueError, match="secret"), command_span(work):
        raise ValueError("secret")
    (span,) = spans.get_finished_spans()
    assert "secret" not in span.to_json()
