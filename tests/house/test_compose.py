"""The parts that `make up` starts fit together: containers, settings, secrets, certificates, listeners."""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from ops.simulator import __main__ as simulator
from ops.simulator.simulator import CONTOSO
from tests.support.missing import missing
from worker.runtime.lifecycle.service import STOP_SECONDS
from worker.settings import model

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "ops" / "Dockerfile").read_text("utf-8")
WORKER_USER = "10001:10001"


def _load(file: Path) -> Any:
    return yaml.safe_load(file.read_text("utf-8"))


COMPOSE = _load(ROOT / "docker-compose.yml")
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
each_service = pytest.mark.parametrize("name", SERVICES)
Load = Callable[[str], model.Settings]
ours = pytest.mark.parametrize("name", ["worker", "topics", "simulator"])


def _compose(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Docker Compose, as a program or as a plug-in of docker."""
    ways = (["docker-compose"], ["docker", "compose"])
    found = next((way for way in ways if shutil.which(way[0]) and _run(*way, "version").returncode == 0), None)
    if found is None:
        missing("Docker Compose", "install Debian's package docker-compose; no Docker engine is needed for this")
    return _run(*found, *arguments)


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Load:
    """The settings as a service reads them: its environment and its secrets, and nothing of this machine."""

    def load(service: str) -> model.Settings:
        for secret in SERVICES[service]["secrets"]:
            (tmp_path / secret).write_bytes((ROOT / COMPOSE["secrets"][secret]["file"]).read_bytes())
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr("os.environ", {**SERVICES[service]["environment"], "AZPLAN_SECRETS_DIR": str(tmp_path)})
        return model.load()

    return load


def test_compose_takes_the_file() -> None:
    """Docker Compose itself finds no mistake in the file."""
    done = _compose("config", "--quiet")

    assert (done.returncode, done.stderr) == (0, "")


@each_service
def test_ports_are_open_to_this_machine_only(name: str) -> None:
    """No neighbour of a laptop reaches a port."""
    assert [port for port in SERVICES[name].get("ports", []) if not port.startswith("127.0.0.1:")] == []


@each_service
def test_images_of_others_are_pinned(name: str) -> None:
    """The versions are the same today and next year. azplan's own images are built from this checkout."""
    image = SERVICES[name]["image"]
    built = {service["image"] for service in SERVICES.values() if "build" in service}

    assert image in built or re.search(r":v?\d+[^:]*$", image.rstrip("}")), image


@each_service
def test_every_service_reports_its_health(name: str) -> None:
    """`docker compose up --wait` waits for all services. A service that ends must end with success."""
    service = SERVICES[name]
    waits = {
        condition["condition"]
        for other in SERVICES.values()
        for dependency, condition in other.get("depends_on", {}).items()
        if dependency == name
    }
    target = service.get("build", {}).get("target")

    if service.get("healthcheck", {}).get("disable"):
        assert waits == {"service_completed_successfully"}
    else:
        assert "test" in service.get("healthcheck", {}) or "HEALTHCHECK" in _stage(str(target))


@ours
def test_containers_cannot_change_themselves(name: str) -> None:
    """Read-only file system, no capabilities, no way to more rights, not root."""
    service = SERVICES[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "user" not in service
    assert "privileged" not in service


@pytest.mark.parametrize("target", ["worker", "simulator"])
def test_images_run_as_a_numeric_user_that_is_not_root(target: str) -> None:
    """The user is a number, so that an orchestrator can tell that it is not root."""
    assert f"\nUSER {WORKER_USER}\n" in _stage("base")
    assert _stage(target).startswith("FROM base AS ")
    assert "USER" not in _stage(target)


@pytest.mark.parametrize("name", ["worker", "topics"])
def test_the_worker_takes_its_settings(name: str, loaded: Load) -> None:
    """Every setting in the file exists. With the secrets the settings are complete."""
    found = loaded(name)

    assert found.journal.url.get_secret_value().startswith("postgresql://")
    assert list(found.partners) == ["contoso"]


@each_service
def test_no_secret_is_in_the_environment_of_a_container(name: str) -> None:
    """A container's environment holds no secret."""
    environment = str(SERVICES[name].get("environment", {}))
    known = {(ROOT / secret["file"]).read_text("utf-8").strip() for secret in COMPOSE["secrets"].values()}

    assert [secret for secret in known if secret in environment] == []


def test_the_database_has_the_password_that_the_worker_knows(loaded: Load) -> None:
    """User, password, host and database of the journal's URL are those of the container."""
    url = urlsplit(loaded("worker").journal.url.get_secret_value())
    environment = SERVICES["postgres"]["environment"]
    password = (ROOT / COMPOSE["secrets"]["postgres_password"]["file"]).read_text("utf-8").strip()

    assert (url.hostname, url.username, url.password, url.path) == (
        "postgres",
        environment["POSTGRES_USER"],
        password,
        f"/{environment['POSTGRES_DB']}",
    )


def test_the_worker_has_longer_to_stop_than_it_needs(loaded: Load) -> None:
    """A worker that is killed during its stop makes the next one wait for its lease.

    docs/deploying.md has the times.
    """
    grace = SERVICES["worker"]["stop_grace_period"]
    needs = loaded("worker").worker.drain_timeout.total_seconds() + STOP_SECONDS
    assert float(grace.removesuffix("s")) > needs
    said = (ROOT / "docs/deploying.md").read_text("utf-8")
    assert f"`AZPLAN_WORKER__DRAIN_TIMEOUT` and {STOP_SECONDS:g} seconds" in said
    assert f"`stop_grace_period: {grace}`" in said


def test_the_simulator_is_the_partner_center_of_the_settings(loaded: Load) -> None:
    """The simulator is started with the same account, addresses, certificate and refresh token."""
    partner = loaded("worker").partners["contoso"]
    options = simulator._parser().parse_args(SERVICES["simulator"]["command"])

    assert (partner.tenant_id, partner.client_id) == (CONTOSO.tenant_id, CONTOSO.client_id)
    assert partner.client_secret is not None
    assert partner.client_secret.get_secret_value() == CONTOSO.client_secret
    assert options.api_tls, "the worker sends tokens over plain http to loopback hosts only"
    assert options.tls_name == ["simulator"]
    assert partner.base_url == f"https://simulator:{options.api_port}"
    assert partner.graph_url == f"https://simulator:{options.graph_port}/v1.0"
    assert partner.storage_hosts == options.storage_host
    assert partner.authority == f"https://simulator:{options.authority_port}/{CONTOSO.tenant_id}"
    assert [partner.ca_file, partner.refresh_token_file] == [options.ca_file, *options.refresh_token_file]
    shared = f"simulator:{Path(options.ca_file).parent}"
    assert SERVICES["simulator"]["volumes"] == [shared]
    assert SERVICES["worker"]["volumes"] == [shared, "files:/var/lib/azplan/azplan-files"]


def test_the_image_keeps_files_where_the_default_of_the_settings_is() -> None:
    """The volume is the folder of AZPLAN_FILES__URL. Files under way go there too."""
    folder = f"/var/lib/azplan/{model.Settings().files.url.removeprefix('file:')}"
    assert f'VOLUME ["{folder}"]' in DOCKERFILE
    assert f"AZPLAN_FILES__SCRATCH={folder}/" in DOCKERFILE


def test_the_simulator_starts_with_the_customers_that_are_asked_for() -> None:
    """Every profile in the file exists. The first customer is the one in the file's own example."""
    options = simulator._parser().parse_args(SERVICES["simulator"]["command"])
    customers = list(simulator._simulator(options).world.customers)

    assert len(customers) == sum(int(text.rpartition("=")[2]) for text in options.customers)
    assert f"--customer {customers[0]}" in (ROOT / "docker-compose.yml").read_text("utf-8")


def test_kafka_can_be_reached_from_containers_and_from_the_host(loaded: Load) -> None:
    """Each listener has a protocol. Each but the controller's has the address that its callers use."""
    kafka = SERVICES["kafka"]["environment"]
    listening = _listeners(kafka["KAFKA_LISTENERS"])
    advertised = _listeners(kafka["KAFKA_ADVERTISED_LISTENERS"])
    protocols = dict(pair.split(":") for pair in kafka["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(","))

    assert set(protocols) == set(listening)
    assert set(advertised) == set(listening) - {kafka["KAFKA_CONTROLLER_LISTENER_NAMES"]}
    assert {name: port for name, (_, port) in advertised.items()}.items() <= {
        name: port for name, (_, port) in listening.items()
    }.items()
    assert kafka["KAFKA_INTER_BROKER_LISTENER_NAME"] in advertised
    in_container = loaded("worker").kafka.bootstrap_servers
    host, port = advertised["HOST"]
    assert ":".join(advertised["CONTAINERS"]) == in_container
    assert (host, SERVICES["kafka"]["ports"]) == ("localhost", [f"127.0.0.1:{port}:{port}"])


def test_prometheus_asks_the_worker_where_it_answers(loaded: Load) -> None:
    """Service name and port are those of the worker, which has more than one listener."""
    found = loaded("worker")
    (job,) = _load(ROOT / "ops" / "prometheus" / "prometheus.yml")["scrape_configs"]

    assert job["dns_sd_configs"][0]["names"] == ["worker"]
    assert job["dns_sd_configs"][0]["port"] == found.metrics.port
    assert (found.metrics.host, found.http.host) == ("0.0.0.0", "0.0.0.0")


def test_grafana_finds_its_data_source_and_its_dashboards() -> None:
    """The data source is the container's. The dashboards are in the provider's folder."""
    provisioning = ROOT / "ops" / "grafana" / "provisioning"
    (source,) = _load(provisioning / "datasources" / "prometheus.yml")["datasources"]
    (provider,) = _load(provisioning / "dashboards" / "azplan.yml")["providers"]
    mounted = {inside: outside for outside, inside, _ in (each.split(":") for each in SERVICES["grafana"]["volumes"])}
    home = Path(SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])

    assert urlsplit(source["url"]).hostname in SERVICES
    assert (ROOT / mounted[provider["options"]["path"]] / home.name).is_file()
    assert str(home.parent) == provider["options"]["path"]
    assert (ROOT / mounted["/etc/grafana/provisioning"]).samefile(provisioning)


@pytest.mark.parametrize("target", ["worker", "simulator"])
def test_the_health_check_of_an_image_is_a_program_that_python_takes(target: str) -> None:
    """The check runs without a shell, in Python, with the standard library alone."""
    (command,) = re.findall(r"CMD (\[\"python\", \"-c\", .*\])", _stage(target))
    program = yaml.safe_load(command)[2]

    compile(program, "health check", "exec")
    assert re.findall(r"import (.*?);", program)[0].split(", ")[0] == "http.client as h", "asks no proxy"


def test_the_build_gets_every_path_that_it_copies() -> None:
    """.dockerignore lets through every path that the Dockerfile copies from the checkout."""
    copied = {
        path for line in re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, re.MULTILINE) for path in line.split()[:-1]
    }
    let_through = {
        line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line[:1] == "!"
    }

    assert copied == let_through
    assert [path for path in copied if not (ROOT / path).exists()] == []


def _listeners(text: str) -> dict[str, tuple[str, str]]:
    """NAME://host:port,… by name."""
    found = re.findall(r"(\w+)://([^:,]*):(\d+)", text)
    return {name: (host, port) for name, host, port in found}


def _stage(target: str) -> str:
    """The lines of the Dockerfile that make one image, from its FROM on."""
    stages = re.split(r"^(?=FROM )", DOCKERFILE, flags=re.MULTILINE)
    return next((stage for stage in stages if re.match(rf"FROM \S+ AS {target}\n", stage)), "")
