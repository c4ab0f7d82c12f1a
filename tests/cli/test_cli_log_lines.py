"""Log lines of verbs and of the worker: the stream they go to, and the secrets that they never hold."""

import logging

import pytest
import structlog

from tests.cli.conftest import Azplan
from worker.cli.log_output import configure_for_worker
from worker.settings import model


def test_no_secret_of_the_settings_stands_in_a_log_line(
    azplan: Azplan, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Secrets of the settings are masked in the text of every library and exception."""
    monkeypatch.setenv("AZPLAN_KAFKA__SECURITY_PROTOCOL", "SASL_SSL")
    monkeypatch.setenv("AZPLAN_KAFKA__SASL_MECHANISM", "PLAIN")
    monkeypatch.setenv("AZPLAN_KAFKA__SASL_USERNAME", "azplan")
    monkeypatch.setenv("AZPLAN_KAFKA__SASL_PASSWORD", "canary-of-kafka")
    monkeypatch.setenv("AZPLAN_JOURNAL__URL", "postgresql://azplan:canary%2Dof%2Dpostgres@db/azplan")
    for key, value in (("TENANT_ID", "contoso.com"), ("CLIENT_SECRET", "canary-of-entra")):
        monkeypatch.setenv(f"AZPLAN_PARTNERS__CONTOSO__{key}", value)
    monkeypatch.setenv("AZPLAN_PARTNERS__CONTOSO__CLIENT_ID", "3c0e5f4a-9d2b-4a6e-8f1c-5b7d2e9a0c11")
    configure_for_worker(model.load())
    for canary in ("canary-of-kafka", "canary%2Dof%2Dpostgres", "canary-of-postgres", "canary-of-entra"):
        structlog.get_logger("azplan.test").warning("it.broke", reason=f"refused: {canary}!")
        logging.getLogger("library").warning("sent %s", canary)
    said = capsys.readouterr().err
    assert said.count("it.broke") == 4
    assert "canary" not in said


def test_a_verb_reports_an_error_once_and_in_its_own_words(azplan: Azplan, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log of libraries about a missing broker is shown only at the debug level."""
    monkeypatch.setenv("AZPLAN_KAFKA__BOOTSTRAP_SERVERS", "127.0.0.1:1")
    quiet = azplan("topics", "plan")
    assert quiet.err.splitlines()[0].startswith("azplan: no Kafka broker answers")
    assert "aiokafka" not in quiet.err
    monkeypatch.setenv("AZPLAN_LOG__LEVEL", "debug")
    loud = azplan("topics", "plan")
    assert "aiokafka" in loud.err
    assert loud.out == quiet.out == ""
