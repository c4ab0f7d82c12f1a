"""All settings of a worker, what must fit together across sections, and `load`, which reads and checks them once.

A setting is an environment variable AZPLAN_<SECTION>__<KEY>, a file of that name in the folder of secrets, or a key in
`azplan.toml`. The first place with a value counts. `all_settings`, `files`, `partner` and `waits` declare the settings,
`values` their types, `sources` reads them, `problems` explains what is wrong, and `reference` lists them for people.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Self

from pydantic import Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from worker.settings.all_settings import Http, Journal, Kafka, Log, Metrics, Retries, Worker
from worker.settings.files import Compare, Files
from worker.settings.partner import WITHOUT_CREDENTIALS, Partner
from worker.settings.problems import ANY_NAME, sentences, split_unknown
from worker.settings.section import Section
from worker.settings.sources import Found, SettingPath, UnreadableSource, find_all, nested, variable
from worker.settings.values import PartnerNames, all_hold, one_account_each
from worker.settings.waits import DEADLINE, Waits


class SettingsError(Exception):
    """The settings cannot be used. Each of `problems` is a complete sentence. None holds a secret."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class Settings(Section):
    """All settings. The names of partner accounts are in lower case."""

    kafka: Kafka = Kafka()
    journal: Journal = Journal()
    partners: Annotated[dict[str, Partner], PartnerNames] = Field(default_factory=dict)
    worker: Worker = Worker()
    waits: Waits = Waits()
    retries: Retries = Retries()
    http: Http = Http()
    metrics: Metrics = Metrics()
    log: Log = Log()
    files: Files = Files()
    compare: Compare = Compare()

    @model_validator(mode="after")
    def _fits(self) -> Self:
        all_hold(self._contradictions())
        return self

    def deadlines(self) -> dict[str, timedelta]:
        """How long limited waits last. What nobody has set for exports is no reason to refuse a shorter retention."""
        deadlines, kept = self.waits.deadlines(), min(self.journal.detail_retention, self.journal.retention)
        for name in ("export", "data"):
            if f"{name}{DEADLINE}" not in self.waits.model_fields_set:
                deadlines[name] = min(deadlines[name], kept)
        return deadlines

    def _contradictions(self) -> Iterator[str]:
        call, heartbeat = self.worker.call_timeout, self.worker.heartbeat
        # A worker may send a write only if it is certain to hold its lanes until the write's time-out.
        if self.worker.lease < call + 2 * heartbeat:
            yield (
                "AZPLAN_WORKER__LEASE must be at least AZPLAN_WORKER__CALL_TIMEOUT plus two AZPLAN_WORKER__HEARTBEAT: "
                f"{_seconds(self.worker.lease)} is less than {_seconds(call)} + 2 * {_seconds(heartbeat)} seconds."
            )
        if self.waits.settle < call:
            yield (
                "AZPLAN_WAITS__SETTLE must be at least AZPLAN_WORKER__CALL_TIMEOUT: "
                f"{_seconds(self.waits.settle)} is less than {_seconds(call)} seconds."
            )
        yield from one_account_each({name: partner.tenant_id for name, partner in self.partners.items()})
        yield from self._forgotten_too_soon()

    def _forgotten_too_soon(self) -> Iterator[str]:
        """The journal must keep a command for as long as the command may wait: its data is needed until then."""
        waits = self.waits
        longest, name = max(
            *((limit, variable(("waits", f"{name}{DEADLINE}"))) for name, limit in self.deadlines().items()),
            (waits.settle + waits.order_list_lag, "AZPLAN_WAITS__SETTLE plus AZPLAN_WAITS__ORDER_LIST_LAG"),
        )
        kept = {"RETENTION": self.journal.retention, "DETAIL_RETENTION": self.journal.detail_retention}
        for key, duration in kept.items():
            if duration < longest:
                yield (
                    f"AZPLAN_JOURNAL__{key} must be at least {name}: {_seconds(duration)} is less than "
                    f"{_seconds(longest)} seconds. The journal must keep a command while the command may still wait."
                )


def _seconds(duration: timedelta) -> str:
    return f"{duration.total_seconds():g}"


def names() -> Iterator[SettingPath]:
    """The path of every setting. ANY_NAME stands for the name of a partner account."""
    for section, field in Settings.model_fields.items():
        if section == "partners":
            yield from ((section, ANY_NAME, key) for key in Partner.model_fields)
        elif isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            yield from ((section, key) for key in field.annotation.model_fields)


def load(*, calling: bool = True) -> Settings:
    """Read the settings of this process. Raises one SettingsError that lists all problems.

    `calling`: this process calls Microsoft, so each account needs a credential.
    """
    try:
        found, problems = split_unknown(find_all(), names())
    except UnreadableSource as error:
        raise SettingsError([str(error)]) from error
    settings, errors = _validated(found, None if calling else WITHOUT_CREDENTIALS)
    problems += sentences(errors, found)
    if settings is None or problems:
        raise SettingsError(problems)
    return settings


def _validated(found: list[Found], context: object) -> tuple[Settings | None, list[ErrorDetails]]:
    try:
        return Settings.model_validate(nested(found), context=context), []
    except ValidationError as error:
        errors = error.errors()
    # Pydantic checks what must fit together only if each value is right. So validate again without the wrong values.
    wrong = {tuple(map(str, each["loc"])) for each in errors}
    accounts = {path[:2] for path in wrong if path[:1] == ("partners",)}
    right = [setting for setting in found if setting.path not in wrong and setting.path[:2] not in accounts]
    if len(right) < len(found):
        errors += _validated(right, context)[1]
    return None, errors
