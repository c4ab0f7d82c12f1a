"""Knobs of usage, budgets, invoices and exports, with the defaults of the reference."""

from dataclasses import dataclass
from typing import Literal

ExportOutcome = Literal["succeeded", "5000", "failed", "skipped", "never"]
BlobDamage = Literal["none", "truncated", "crc", "not_json", "not_utf8", "not_gzip", "missing", "redirect"]
LineOddity = Literal["empty_number", "null_number", "many_decimals", "nested", "doubled_key"]
NumberForm = Literal["number", "text", "mixed", "exponent"]

FOR_ALL_BILLING = frozenset(
    {
        *("app_only_refusal", "budget_without_amount", "invoices_page", "lines_page", "lines_token", "odd_next_uri"),
        *("omit_discriminators", "retired_lines", "other_currency", "export_queued", "export_seconds"),
        *("export_outcome", "export_retry_after", "export_lifetime", "resource_location", "manifest_form"),
        *("success_word", "sas_lifetime", "etag_changes", "etag_after_blobs", "old_blobs", "pinned_manifests"),
        *("graph_requests_per_minute", "line_keys", "line_synonyms", "line_numbers", "line_dates"),
        *("line_ids", "line_oddities", "unknown_attributes"),
        *("blob_damage", "blob_damage_times", "blob_header", "blob_speed"),
    }
)
"""Knobs for every customer, marked [all] below."""


@dataclass(frozen=True)
class BillingSettings:
    """The behaviour of everything that has to do with money after a purchase."""

    # Usage and budgets
    no_usage_status: Literal[404, 400] = 404
    """Status with code 3000 for a customer without usage."""
    legacy_resources_status: Literal[400, 404] = 400
    """Status of usage by resource for a legacy subscription, which has none."""
    app_only_refusal: Literal["2032", "900329", "allowed"] = "2032"
    """[all] What an application on its own meets where a page demands a user: a code with 403, or no refusal."""
    budget_shape: Literal["flat", "twin", "empty"] = "twin"
    """Answer to a PATCH: ``amount``, or beside it ``usageSpendingBudget`` and links, or an empty object."""
    budget_change: Literal["kept", "rounded", "ignored"] = "kept"
    """What becomes of a PATCH that is answered 200: the amount is kept, rounded to two decimals, or left as it was."""
    budget_without_amount: Literal["200", "404"] = "200"
    """[all] Answer to GET where there is no budget: one without ``amount``, or 404."""

    # Invoices
    invoices_page: int = 0
    """[all] Most legacy invoices on one page, whatever ``size`` asks for; 0: no limit."""
    lines_page: int = 2000
    """[all] Most lines on one page of Partner Center."""
    lines_token: Literal["both", "body", "header"] = "both"  # noqa: S105 - a place
    """[all] Where the continuation token stands: in the body, in the headers of the next link, or in both."""
    odd_next_uri: bool = True
    """[all] The next link of lines has the mistakes of the samples: a second ``?``, ``nvoicelineitemtype``."""
    omit_discriminators: bool = True
    """[all] Now and then a line lacks ``invoiceLineItemType`` and ``billingProvider``."""
    retired_lines: Literal["no", "empty", "400", "404", "410"] = "410"
    """[all] What pages of lines of new commerce answer since their end; no: they go on. Legacy invoices stay."""
    other_currency: Literal["empty", "400"] = "empty"
    """[all] Answer to unbilled lines in a currency that the partner does not use."""

    # Exports
    export_queued: tuple[float, float] = (0.0, 10.0)
    """[all] From the POST until an export runs."""
    export_seconds: tuple[float, float] = (30.0, 900.0)
    """[all] How long an export runs."""
    export_outcome: ExportOutcome = "succeeded"
    """[all] How exports end: as their data allow, without data, otherwise, in a state of no page, or never."""
    export_retry_after: int | None = 10
    """[all] Seconds in ``Retry-After`` while an export runs; None: absent."""
    export_lifetime: float = 86400.0
    """[all] How long an operation and its manifest can be read after its end; then 410. Real seconds, not scaled."""
    resource_location: Literal["inline", "link", "url"] = "inline"
    """[all] The manifest itself, ``resourceLocation@odata.navigationLink``, or a plain address."""
    manifest_form: Literal["graph", "beta"] = "graph"
    """[all] Names of the manifest's members: those of Graph, or those of the beta before it."""
    success_word: Literal["succeeded", "completed"] = "succeeded"
    """[all] Status of an export that succeeded: the word of the samples, or that of the tables."""
    sas_lifetime: float = 43200.0
    """[all] How long a signed address works; real seconds, not scaled."""
    etag_changes: int = 0
    """[all] How often the data of an invoice get a new version while they are downloaded."""
    etag_after_blobs: int = 1
    """[all] After how many blobs of a version."""
    old_blobs: Literal["kept", "gone"] = "kept"
    """[all] Whether blobs of an older version can still be read; gone ones are 404."""
    pinned_manifests: bool = False
    """[all] True: an operation tells the version of its end for ever; False: the newest."""
    graph_requests_per_minute: int = 0
    """[all] Calls of Graph per partner in any 60 seconds; 0: no limit."""

    # Lines in blobs
    line_keys: Literal["pascal", "camel", "mixed"] = "pascal"
    """[all] Case of the attributes of a line; mixed: by blob."""
    line_synonyms: Literal["export", "api"] = "export"
    """[all] ``Unit``, ``Tier2MpnId``, percentages as 15; or ``unitOfMeasure``, ``resellerMpnId``, rates as 0.15."""
    line_numbers: NumberForm = "number"
    """[all] How numbers are written; mixed: by attribute."""
    line_dates: Literal["zone", "bare", "mixed"] = "zone"
    """[all] Dates with ``Z`` or without a zone; mixed: by blob."""
    line_ids: Literal["lower", "mixed"] = "lower"
    """[all] Case of the ids in lines; mixed: capitals in the reconciliation."""
    line_oddities: tuple[LineOddity, ...] = ()
    """[all] What the first line of each blob has that readers stumble over; no amount changes."""
    unknown_attributes: tuple[str, ...] = ()
    """[all] Further attributes of every line, which no page documents."""
    blob_damage: BlobDamage = "none"
    """[all] What is wrong with the last blob of every export."""
    blob_damage_times: int | None = None
    """[all] How many downloads are damaged; None: all of them."""
    blob_speed: int = 0
    """[all] Bytes of a blob that leave in a second; 0: as many as can. Real seconds, not scaled."""
    blob_header: Literal["none", "gzip"] = "none"
    """[all] ``Content-Encoding`` of a blob: storage sends what the writer of the blob had set."""
