"""The simulated Partner Center as a process of its own, with its token authority over TLS and its control port."""

import json
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx

from ops.local.azplan import ROOT
from ops.local.server import Server, free_port, tether

TENANT = "7d9f2b8a-4c1e-4e59-9a53-0f6b1c2d3e40"
CLIENT = "5c1e9a7b-8d2f-4b60-a1c3-9e8d7f6a5b41"
EVERYTHING = 1_000_000
LONG = 7_200.0
"""Seconds that an answer about millions of lines may take."""
SECRET = "simulated-secret-of-contoso"


class SimulatorProcess(Server):
    """`python -m ops.simulator` on free ports. `env` are the settings of a partner account CONTOSO that calls it."""

    def __init__(self, folder: Path, *flags: str, user: bool = False) -> None:
        """`flags` as on its command line; `user`: the account has a user's refresh token too."""
        self.ca_file = folder / "ca.pem"
        self.refresh_token_file = folder / "refresh-token"
        self._user = user
        self._api, self._control, self._authority, self._arm = (free_port() for _ in range(4))
        self._graph, self._storage = free_port(), free_port()
        command = [*tether(), sys.executable, "-m", "ops.simulator", "--partner", f"{TENANT}:{CLIENT}:{SECRET}"]
        command += ["--api-port", str(self._api), "--control-port", str(self._control)]
        command += ["--authority-port", str(self._authority), "--arm-port", str(self._arm)]
        command += ["--graph-port", str(self._graph), "--storage-port", str(self._storage)]
        command += ["--ca-file", str(self.ca_file), "--refresh-token-file", str(self.refresh_token_file), *flags]
        super().__init__("simulator", command, log=folder / "simulator.log", cwd=ROOT)

    def ready(self) -> bool:
        """Whether the simulator has printed its addresses."""
        return '"control"' in self.log.read_text()

    @property
    def env(self) -> dict[str, str]:
        """The worker's settings for it."""
        partner = {
            "TENANT_ID": TENANT,
            "CLIENT_ID": CLIENT,
            "CLIENT_SECRET": SECRET,
            "BASE_URL": f"http://127.0.0.1:{self._api}",
            "ARM_URL": f"http://127.0.0.1:{self._arm}",
            "GRAPH_URL": f"http://127.0.0.1:{self._graph}/v1.0",
            "STORAGE_HOSTS": "localhost",
            "AUTHORITY": f"https://localhost:{self._authority}/{TENANT}",
            "CA_FILE": str(self.ca_file),
            **({"REFRESH_TOKEN_FILE": str(self.refresh_token_file)} if self._user else {}),
        }
        return {f"AZPLAN_PARTNERS__CONTOSO__{key}": value for key, value in partner.items()}

    @property
    def storage(self) -> str:
        """The address from which blobs are downloaded."""
        return f"https://localhost:{self._storage}"

    def customers(self, profile: str = "ready", count: int = 0) -> list[str]:
        """The ids of all customers, or of `count` new ones of a profile."""
        if count:
            made = self._ask("POST", "/customers", {"profile": profile, "count": count})
            return ids(made)
        return ids(self._ask("GET", "/customers"))

    def customer(self, customer: str) -> dict[str, Any]:
        """The members of a customer."""
        found: dict[str, Any] = self._ask("GET", f"/customers/{customer}")
        return found

    def change_customer(self, customer: str, **members: object) -> None:
        """Change members of a customer, or its `settings`."""
        self._ask("PATCH", f"/customers/{customer}", members)

    def book(self, page: str, **wanted: object) -> list[dict[str, Any]]:
        """A page of the books: `orders`, `effects`, `requests`, …, whole, or only what is `wanted`."""
        query = urlencode({"limit": EVERYTHING, **wanted})
        found: list[dict[str, Any]] = self._ask("GET", f"/books/{page}?{query}")
        return found

    def counts(self) -> dict[str, int]:
        """The number of rows in each book."""
        found: dict[str, int] = self._ask("GET", "/books")
        return found

    def fault(self, kind: str, **about: object) -> None:
        """Inject a fault, as ops/simulator/README.md says."""
        self._ask("POST", "/faults", {"kind": kind, **about})

    def calm(self) -> None:
        """Take all faults away."""
        self._ask("DELETE", "/faults")

    def change(self, **knobs: object) -> None:
        """Change settings of the simulator."""
        self._ask("PATCH", "/settings", knobs)

    def invoice(self, **members: object) -> str:
        """Make an invoice with these members. Returns its id."""
        return str(self._ask("POST", "/invoices", members)[0]["id"])

    def unbilled(self, **members: object) -> str:
        """Make a month without an invoice. Returns the id under which `figures` knows it."""
        return str(self._ask("POST", "/unbilled", members)["id"])

    def invoices(self) -> list[dict[str, Any]]:
        """The members of all invoices."""
        found: list[dict[str, Any]] = self._ask("GET", "/invoices")
        return found

    def figures(self, invoice: str, lines: str = "usage", attributes: str = "full") -> dict[str, Any]:
        """The exact figures of the lines of an invoice, counted when they are asked for. Makes the blobs."""
        about = urlencode({"lines": lines, "attributes": attributes})
        found: dict[str, Any] = self._ask("GET", f"/invoices/{invoice}/figures?{about}", within=LONG)
        return found

    def set_usage(self, customer: str, total: str) -> None:
        """Say what the first subscription of a customer has cost this month."""
        self._ask("POST", f"/customers/{customer}/usage", {"total": total})

    def usage_of(self, customer: str) -> dict[str, Any]:
        """What the customer has cost this month, exactly: `total`, `currency`, and `subscriptions` by their ids."""
        found: dict[str, Any] = self._ask("GET", f"/customers/{customer}/usage")
        return found

    def _ask(self, method: str, path: str, document: object = None, *, within: float = 60.0) -> Any:
        content = None if document is None else json.dumps(document)
        answer = httpx.request(method, f"http://127.0.0.1:{self._control}{path}", content=content, timeout=within)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()


def ids(customers: Any) -> list[str]:
    """The ids of customers as the control port lists them."""
    return [str(each if isinstance(each, str) else each["id"]) for each in customers]
