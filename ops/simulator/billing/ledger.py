"""What a simulator knows about money: invoices, the exports of their lines, and the releases that exports hand out."""

import secrets
import shutil
import tempfile
import uuid
import weakref
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from ops.simulator.billing.invoices import Buyer, Invoice, LineKind
from ops.simulator.billing.releases import Attributes, Release
from ops.simulator.billing.switches import BillingSettings, ExportOutcome

SIMULATED = "https://simulated.blob.core.windows.net"


@dataclass
class Export:
    """An export that was asked for."""

    id: str
    operation: str
    partner: str
    invoice: str | None
    """Id of the invoice, or of the month that is not billed; None: there is none."""
    kind: LineKind
    attributes: Attributes
    created_at: float
    starts_at: float
    ends_at: float
    outcome: ExportOutcome
    release: Release | None = None
    """Set once it succeeded."""
    code: str = "5000"
    """Code of its error, if it fails."""
    expired: bool = False


@dataclass(eq=False)
class Ledger:
    """All of one world."""

    invoices: dict[str, Invoice] = field(default_factory=dict)
    """By id in lower case."""
    exports: dict[str, Export] = field(default_factory=dict)
    releases: dict[str, Release] = field(default_factory=dict)
    """By path of their folder."""
    served: dict[str, int] = field(default_factory=dict)
    """Number of blobs that were downloaded of a release, by its path."""
    damaged: int = 0
    """Number of damaged downloads."""
    storage_url: str = SIMULATED
    storage_key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    """What addresses are signed with."""
    _folder: Path | None = None

    def clear(self) -> None:
        """Forget everything but files and the address of the storage."""
        for page in (self.invoices, self.exports, self.releases, self.served):
            page.clear()
        self.damaged = 0

    @property
    def folder(self) -> Path:
        """Where blobs are kept: a temporary folder unless one was chosen."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="simulated-blobs-"))
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        return self._folder

    @folder.setter
    def folder(self, folder: Path) -> None:
        self._folder = folder

    def find(self, partner: str, invoice: str) -> Invoice | None:
        """Return an invoice of a partner by its id, in any case and also with its type before it."""
        wanted = invoice.lower()
        for prefix in ("onetime-", "recurring-"):
            wanted = wanted.removeprefix(prefix)
        found = self.invoices.get(wanted)
        return found if found is not None and found.partner == partner else None

    def unbilled(self, partner: str, currency: str, month: str) -> Invoice | None:
        """Return the lines of a month that is not billed yet."""
        return self.find(partner, unbilled_id(partner, currency, month))

    def of(self, partner: str) -> list[Invoice]:
        """Return the invoices of a partner, oldest first."""
        own = [each for each in self.invoices.values() if each.partner == partner and each.period is None]
        return sorted(own, key=lambda invoice: (invoice.month, invoice.id))

    def put(self, invoice: Invoice) -> Invoice:
        """Add or replace an invoice."""
        self.invoices[invoice.id.lower()] = invoice
        return invoice

    def renew(self, invoice: Invoice, *, same_content: bool = True) -> Invoice:
        """Give an invoice a new version of its data."""
        content = invoice.content + (not same_content)
        return self.put(replace(invoice, version=invoice.version + 1, content=content))

    def release(
        self,
        invoice: Invoice,
        kind: LineKind,
        attributes: Attributes,
        settings: BillingSettings,
        at: float,
        made_at: float | None = None,
    ) -> Release:
        """Return the lines of an invoice as far as they are there at an instant; made then, or at another."""
        complete, etag = invoice.is_complete(kind, at), invoice.data_version(kind, at)
        created_at = at if made_at is None else made_at
        made = Release(invoice, kind, attributes, complete, etag, created_at, settings, self.folder)
        return self.releases.setdefault(made.path, made)


def unbilled_id(partner: str, currency: str, month: str) -> str:
    """Return the id under which lines that are not billed yet are kept."""
    return f"unbilled-{currency}-{month}-{partner[-12:]}".lower()


def month_of(today: datetime, period: str) -> str:
    """Return the month that is current or previous on a day."""
    months = today.year * 12 + today.month - (1 if period == "current" else 2)
    return f"{months // 12}-{months % 12 + 1:02d}"


def next_id(taken: Iterable[str]) -> str:
    """Return a fresh id of an invoice of new commerce."""
    return f"G{len(list(taken)) + 1:09d}"


def made_up_buyer(number: int) -> Buyer:
    """Return a buyer that nobody seeded."""
    identity = f"b0ffee00-0000-4000-8000-{number:012d}"
    plan, azure = (str(uuid.uuid5(uuid.NAMESPACE_OID, f"{identity}:{each}")) for each in ("plan", "azure"))
    return Buyer(identity, f"Tailspin {number}", f"tailspin{number}.onmicrosoft.com", "US", plan, azure)


def checked_members(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members of an invoice as they come from JSON or a test, without those that only a simulator sets."""
    reserved = {"partner", "partner_id", "made_at", "buyers", "version", "content"} & set(document)
    if reserved:
        raise ValueError(f"{sorted(reserved)} cannot be chosen")
    return dict(document)
