"""The official FOCUS validator judges our datasets."""

import re
import subprocess
from pathlib import Path

import pytest

from ops.bench.invoices import book
from tests.files.test_focus import dataset
from tests.files.validator_environment import environment, site_packages

KNOWN = {
    "CapacityReservationStatus-C-004-C": "the rule's condition is upside down: it asks for a status where no id is",
    "CommitmentDiscountStatus-C-004-C": "the rule's condition is upside down: it asks for a status where no id is",
    "EffectiveCost-C-005-C": "fails every purchase, also of seats, which are not for future charges",
}
"""Failures of the rules of version 1.2.0.1 themselves, each with its reason."""
ALTERNATIVES = {"billed": "InvoiceId-C-004-C", "unbilled": "InvoiceId-C-005-C"}
"""Checked without their conditions: one asks for no id, the other for one. Their parent is an "or", and passes."""
ASCII = "MUST contain only ASCII characters."
"""The fifth: FOCUS asks for Unicode, and names of customers are not all English."""
PARENTS = re.compile(r"AND failed - failed child rules: \[(.*)\]")
FAILED = re.compile(r"^\S+ ([\w-]+): FAIL +\(violations=\d+, msg=(.*)\)$", re.MULTILINE)


def failures(costs: Path) -> dict[str, str]:
    """The rules that this dataset breaks, each with what the validator says. Its exit code is 0 with failures too."""
    command = [environment() / "bin" / "focus-validator", "--data-file", costs, "--block-download"]
    said = subprocess.run(
        [*command, "--validate-version", "1.2.0.1", "--applicability-criteria", "ALL"],
        cwd=site_packages(),
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    ).stdout
    found = dict(FAILED.findall(said))
    count = re.search(r"Pass: \d+ \| Fail: (\d+)", said)
    assert count is not None, said[-2000:]
    assert len(found) == int(count[1])
    return found


def unexpected(found: dict[str, str], known: set[str]) -> dict[str, str]:
    """The failures that are neither known nor parents of known ones."""
    excused = {rule for rule, words in found.items() if rule in known or ASCII in words}
    while True:
        parents = {
            rule
            for rule, words in found.items()
            if (children := PARENTS.search(words)) and {*children[1].split(", ")} <= excused
        }
        if parents <= excused:
            return {rule: words for rule, words in found.items() if rule not in excused}
        excused |= parents


@pytest.mark.parametrize("kind", ALTERNATIVES)
def test_the_official_validator_finds_nothing_but_what_is_known(tmp_path: Path, kind: str) -> None:
    """Usage with commitments and without prices, seats, a reservation, a credit, refunds, currencies, rounding and tax.

    A month without an invoice has no rounding, no tax, and no id of an invoice.
    """
    environment()
    made = book(5, usage_lines=400, tax="shown")
    for line in made.usage[::7]:
        line |= {"benefitType": "SavingsPlan", "benefitId": "/providers/Microsoft.BillingBenefits/savingsPlanOrders/a"}
    for line in made.usage[::14]:
        line["benefitId"] = ""
    for line in made.usage[::5]:
        line["entitlementDescription"] = "Büro"
    for line in made.usage[::9]:
        line["unitPrice"] = None
    for line in made.reconciliation[::2]:
        line["productName"] = "Virtual Machines"
    _, rows = dataset(made, tmp_path, unbilled=kind == "unbilled")
    found, known = failures(tmp_path / "costs.parquet"), {*KNOWN, ALTERNATIVES[kind]}

    of_bills = {"rounding", "tax"} if kind == "billed" else set()
    assert {row["x_AzplanRow"] for row in rows} == {"usage", "reconciliation"} | of_bills
    assert {row["ChargeCategory"] for row in rows} >= {"Usage", "Purchase", "Credit"}
    assert unexpected(found, known) == {}
    assert found.keys() & known == known
