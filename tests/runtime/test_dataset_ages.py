"""The age of the newest version of each kind of lines, as a metric."""

from datetime import timedelta
from pathlib import Path
from typing import Any, cast

from tests.datasets.stage import CREATED, bench_in, export
from worker import metrics
from worker.files.layout import Dataset, Unbilled
from worker.runtime.observability.gauges import Gauges

BILLED = Dataset("restarted", "lines=usage", invoice_id="G1")
UNBILLED = Dataset("restarted", "lines=reconciliation", unbilled=Unbilled("2026-11", "EUR"))
MADE_OF_LINES = Dataset("restarted", "focus=1.2", invoice_id="G1")
OF_A_NEWER_AZPLAN = Dataset("restarted", "lines=usage", invoice_id="G2")
OF_A_REMOVED_ACCOUNT = Dataset("removed", "lines=usage", invoice_id="G1")


def age(lines: str, billed: str, partner: str = "restarted") -> float | None:
    """The value of the metric. None while it has none."""
    labels = {"partner": partner, "lines": lines, "billed": billed}
    return metrics.REGISTRY.get_sample_value("azplan_dataset_age_seconds", labels)


async def test_a_restarted_worker_knows_what_was_published_before(tmp_path: Path) -> None:
    """It reads the journal at the start, and then once a minute what other workers have published."""
    async with bench_in(tmp_path) as bench:
        work = await bench.begin()
        gauges = Gauges(
            bench.journal, cast("Any", None), "in", cast("Any", bench.clock), {}, {"restarted": cast("Any", None)}
        )
        for number, dataset in enumerate((BILLED, UNBILLED, MADE_OF_LINES, OF_A_NEWER_AZPLAN, OF_A_REMOVED_ACCOUNT)):
            await export(
                bench, work, dataset=dataset, created=CREATED + timedelta(days=number), step=f"publish {number}"
            )
        newer = "UPDATE dataset_version SET dataset = 'partner=restarted/forecast/of=2027' WHERE dataset LIKE '%G2'"
        await bench.journal.transactions.write(lambda tx: tx.run(newer))
        assert age("usage", "true") is None
        await gauges._published()
        metrics.show_dataset_ages(bench.clock.now().timestamp() + 3600)
        for lines, billed in (("usage", "true"), ("reconciliation", "false")):
            seconds = age(lines, billed)
            assert seconds is not None
            assert 3600 <= seconds < 3660
        assert age("usage", "true", "removed") is None, "nobody is called about an account that is no more"
        shown = {
            each.labels["lines"]
            for each in metrics.DATASET_AGE.collect()[0].samples
            if each.labels["partner"] == "restarted"
        }
        assert shown == {"usage", "reconciliation"}, "FOCUS is made of lines that have an age of their own"
