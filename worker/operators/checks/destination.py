"""The check of the destination of files: does it take a file, give it back, and let it go?"""

from worker.files.errors import DestinationRefused, DestinationUnavailable
from worker.operators import connections
from worker.operators.checks.findings import Finding, Problem, failed, ok
from worker.settings.model import Settings


async def destination_finding(settings: Settings) -> Finding:
    """What a file at the destination came to. A refusal and a silence are findings, and no errors."""
    with connections.destination(settings) as destination:
        try:
            await destination.probe()
        except DestinationRefused as error:
            advice = error.advice or "Correct AZPLAN_FILES__URL."
            return failed("files", Problem.CONFIGURATION, error.detail, advice)
        except DestinationUnavailable as error:
            advice = "Make the destination answer, or name another one in AZPLAN_FILES__URL."
            return failed("files", Problem.UNAVAILABLE, error.detail, advice)
    formats = ", ".join(destination.options.formats)
    return ok("files", f"{destination.store.url} takes a file, gives it back and lets it go; formats: {formats}")
