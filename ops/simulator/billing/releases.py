"""One version of the lines of an invoice as exports hand it out: a folder of gzip blobs, each written once.

Shape: the manifest pages of microsoft.graph.partners.billing. The blobs are the same bytes for the same seed and knobs.
"""

import hashlib
import threading
import uuid
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

from ops.simulator.billing.invoices import Invoice, LineKind
from ops.simulator.billing.switches import BillingSettings
from ops.simulator.invoice_lines.sequences import numbers, planted_of, range_of, texts
from ops.simulator.invoice_lines.text import Style, style_of

Attributes = Literal["full", "basic"]
SMALL = 50_000
"""Blobs of fewer lines are written at once, larger ones in a thread."""


@dataclass(frozen=True, eq=False)
class Release:
    """A version of one kind of lines, in full or basic attributes."""

    invoice: Invoice
    kind: LineKind
    attributes: Attributes
    complete: bool
    etag: str
    created_at: float
    settings: BillingSettings
    folder: Path
    writing: threading.Lock = field(default_factory=threading.Lock, repr=False)
    """One blob is written at a time, so that the first is ready soon."""

    @cached_property
    def id(self) -> str:
        """Id of its manifest, and what its blobs are called by."""
        return str(uuid.UUID(bytes=hashlib.sha256(self._content.encode()).digest()[:16], version=4))

    @cached_property
    def path(self) -> str:
        """Path of its folder in the storage account."""
        invoice, billed = self.invoice, "unbilled" if self.invoice.period else "billed"
        month = invoice.month.replace("-", "")
        named = f"Currency={invoice.currency}" if invoice.period else f"InvoiceId={invoice.id}"
        return (
            f"/{billed}{self.kind.lower()}/v1/PartnerTenantId={invoice.partner}/BillingMonth={month}"
            f"/{named}/InvoiceVersion={self.id}/Fragment={self.attributes}/PartitionType=default"
        )

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of its blobs, in order."""
        count = self.invoice.blob_count(self.kind)
        return tuple(f"part-{each:05d}-{self.id}.c000.json.gz" for each in range(count))

    def range(self, blob: int) -> tuple[int, int]:
        """Return begin and end of the line numbers of a blob."""
        return range_of(self.invoice, self.kind, blob)

    def rows(self, blob: int) -> int:
        """Return the number of lines of a blob."""
        begin, end = self.range(blob)
        if self.complete:
            kinds = [each.kind for line, each in planted_of(self.invoice, self.kind).items() if begin <= line < end]
            return end - begin + kinds.count("doubled") - kinds.count("missing")
        return sum(1 for _ in numbers(self.invoice, self.kind, begin, end, complete=self.complete))

    def style(self, blob: int) -> Style:
        """Return how the lines of a blob are written."""
        return style_of(self.settings, self.kind, self.attributes, blob)

    def file(self, blob: int) -> Path:
        """Return the file of a blob, which may not exist yet."""
        return self.folder / self.id / self.names[blob]

    def is_small(self, blob: int) -> bool:
        """Tell whether a blob is written in a moment."""
        begin, end = self.range(blob)
        return end - begin < SMALL

    def write(self, blob: int) -> Path:
        """Return the file of a blob; writes it the first time."""
        file = self.file(blob)
        with self.writing:
            if not file.exists():
                self._write(blob, file)
        return file

    def _write(self, blob: int, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        half = file.with_suffix(f".{uuid.uuid4().hex}")
        with half.open("wb") as out:
            for part in _zipped(self._lines(blob)):
                out.write(part)
        half.replace(file)

    def _lines(self, blob: int) -> Iterator[list[str]]:
        begin, end = self.range(blob)
        style = self.style(blob)
        for number, chunk in enumerate(texts(self.invoice, style, begin, end, complete=self.complete)):
            yield chunk if number else [style.odd(chunk[0], self.settings.line_oddities), *chunk[1:]]

    @property
    def _content(self) -> str:
        """Everything that the bytes follow from."""
        s = self.settings
        knobs = (
            s.line_keys,
            s.line_synonyms,
            s.line_numbers,
            s.line_dates,
            s.line_ids,
            s.unknown_attributes,
            s.line_oddities,
        )
        return repr((self.invoice.fingerprint, self.kind, self.attributes, self.complete, self.etag, knobs))


def _zipped(chunks: Iterator[list[str]]) -> Iterator[bytes]:
    packer = zlib.compressobj(1, wbits=31)
    for chunk in chunks:
        if part := packer.compress(("\n".join(chunk) + "\n").encode()):
            yield part
    yield packer.flush()
