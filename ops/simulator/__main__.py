"""``python -m ops.simulator``: starts a Partner Center on loopback and prints its addresses in one line."""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from ops.simulator.behaviour import Settings
from ops.simulator.clock import Clock
from ops.simulator.server import Addresses, Ports, serving, write_ca
from ops.simulator.sign_in.bearer_tokens import GRAPH, PARTNER_CENTER, RESOURCE_MANAGER
from ops.simulator.simulator import CONTOSO, Simulator, build, profiles
from ops.simulator.state import Partner

UNAVAILABLE = 69
EPILOG = """
Every flag can be given in the environment: SIMULATOR_API_PORT for --api-port, and so on; lists with semicolons.

  python -m ops.simulator --scale 60 --customers ready=50 --customers legacy=5 --ca-file /tmp/ca.pem
  curl -s localhost:9081/books
  curl -s localhost:9081/faults -d '{"kind": "reset_after", "operation": "carts.checkout"}'

All knobs, profiles and faults: ops/simulator/README.md.
"""


def main() -> int:
    """Run until SIGINT or SIGTERM; the exit code."""
    options = _parser().parse_args()
    try:
        simulator = _simulator(options)
    except ValueError as wrong:
        _parser().error(str(wrong))
    try:
        asyncio.run(_run(simulator, options))
    except OSError as error:
        sys.stderr.write(f"The simulator cannot listen: {error}. Choose other ports with --api-port and the like.\n")
        return UNAVAILABLE
    return 0


async def _run(simulator: Simulator, options: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(RuntimeError):  # without signal handlers Ctrl-C is a KeyboardInterrupt
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
    ports = Ports(
        host=options.host,
        api=options.api_port,
        control=options.control_port,
        authority=options.authority_port,
        arm=options.arm_port,
        graph=options.graph_port,
        storage=options.storage_port,
        storage_host=options.storage_host,
        api_tls=options.api_tls,
        names=tuple(options.tls_name),
    )
    async with serving(simulator, ports) as addresses:
        if options.ca_file:
            write_ca(addresses, Path(options.ca_file))
        _write_refresh_tokens(simulator, options.refresh_token_file)
        sys.stdout.write(json.dumps(_ready(simulator, addresses, options)) + "\n")
        sys.stdout.flush()
        await stop.wait()


def _ready(simulator: Simulator, addresses: Addresses, options: argparse.Namespace) -> dict[str, Any]:
    return {
        "api": addresses.api,
        "control": addresses.control,
        "authority": addresses.authority,
        "arm": addresses.arm,
        "graph": addresses.graph,
        "storage": addresses.storage,
        "caFile": options.ca_file,
        "partners": [
            {
                "tenantId": each.tenant_id,
                "clientId": each.client_id,
                "authority": f"{addresses.authority}/{each.tenant_id}",
            }
            for each in simulator.world.partners.values()
        ],
        "customers": len(simulator.world.customers),
        "firstCustomer": next(iter(simulator.world.customers), None),
        "scale": simulator.clock.scale,
    }


def _simulator(options: argparse.Namespace) -> Simulator:
    settings = Settings()
    if not options.hostility:
        settings = settings.changed({"hostility": False})
    for text in options.set:
        settings = _turned(settings, text)
    partners = [_partner(text) for text in options.partner] or [replace(CONTOSO)]
    for partner in partners:
        partner.indirect = partner.tenant_id in {each.lower() for each in options.indirect}
        partner.sandbox = partner.tenant_id in {each.lower() for each in options.sandbox}
    clock = Clock.wall(options.scale)
    simulator = build(
        clock=clock,
        settings=settings,
        partners=partners,
        seed=options.seed,
        audience=options.audience,
        arm_audience=options.arm_audience,
        graph_audience=options.graph_audience,
    )
    if options.blob_folder:
        simulator.blob_folder = Path(options.blob_folder)
    for text in options.customers or ["ready=20"]:
        profile, _, count = text.rpartition("=")
        if not count.isdigit():
            raise ValueError(f"--customers {text}: not PROFILE=COUNT or COUNT; profiles are {', '.join(profiles())}")
        simulator.customers(int(count), profile or "ready")
    return simulator


def _partner(text: str) -> Partner:
    tenant, _, rest = text.partition(":")
    client, _, secret = rest.partition(":")
    if not (tenant and client and secret):
        raise ValueError("--partner wants TENANT:CLIENT:SECRET")
    return Partner(tenant, client, secret)


def _turned(settings: Settings, text: str) -> Settings:
    name, equals, value = text.partition("=")
    if not equals:
        raise ValueError(f"--set {text}: not KNOB=VALUE")
    with contextlib.suppress(ValueError):
        return settings.changed({name: json.loads(value)})
    return settings.changed({name: value})


def _write_refresh_tokens(simulator: Simulator, files: list[str]) -> None:
    for partner, file in zip(simulator.world.partners, files, strict=False):
        path = Path(file)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(simulator.refresh_token(partner))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ops.simulator",
        description="A Partner Center to practise against. It keeps everything in memory and forgets it at exit.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )

    def flag(name: str, text: str, default: Any = None, **more: Any) -> None:
        variable = "SIMULATOR_" + name.lstrip("-").replace("-", "_").upper()
        given: Any = os.environ.get(variable)
        if given is not None and more.get("action") == "append":
            given = [each for each in given.split(";") if each]
        elif given is not None and more.get("action") is argparse.BooleanOptionalAction:
            given = given.lower() in ("1", "true", "yes", "on")
        parser.add_argument(name, help=text, default=default if given is None else given, **more)

    flag("--host", "address to listen on (127.0.0.1)", "127.0.0.1")
    flag("--api-port", "port of the API (9080; 0 takes a free one)", 9080, type=int)
    flag("--control-port", "port of the controls (9081)", 9081, type=int)
    flag("--authority-port", "port of the https token endpoint (9443)", 9443, type=int)
    flag("--arm-port", "port of Azure Resource Manager (9082)", 9082, type=int)
    flag("--graph-port", "port of Microsoft Graph (9083)", 9083, type=int)
    flag("--storage-port", "port of the https storage of blobs (9084)", 9084, type=int)
    flag("--storage-host", "host of the storage in manifests (localhost)", "localhost")
    flag("--blob-folder", "keep blobs here (a temporary folder), so that another run need not write them again")
    flag(
        "--api-tls",
        "serve the API, Azure Resource Manager and Microsoft Graph over https too",
        default=False,
        action=argparse.BooleanOptionalAction,
    )
    flag("--tls-name", "further host name for the certificate; repeatable", [], action="append")
    flag("--ca-file", "write the CA's certificate here")
    flag("--refresh-token-file", "write a refresh token of each partner here; repeatable", [], action="append")
    flag("--partner", "TENANT:CLIENT:SECRET of a partner; repeatable", [], action="append")
    flag("--indirect", "tenant id of a partner that is an indirect provider; repeatable", [], action="append")
    flag("--sandbox", "tenant id of a partner that is a sandbox account; repeatable", [], action="append")
    flag("--audience", f"audience of tokens ({PARTNER_CENTER})", PARTNER_CENTER)
    flag("--arm-audience", f"audience of tokens for Azure Resource Manager ({RESOURCE_MANAGER})", RESOURCE_MANAGER)
    flag("--graph-audience", f"audience of tokens for Microsoft Graph ({GRAPH})", GRAPH)
    flag("--customers", "COUNT or PROFILE=COUNT customers of the first partner (20); repeatable", [], action="append")
    flag("--seed", "seed of ids, lags and oddities (1)", 1, type=int)
    flag("--scale", "divide documented lags by this (1)", 1.0, type=float)
    flag("--hostility", "answer with real oddities (on)", default=True, action=argparse.BooleanOptionalAction)
    flag("--set", "KNOB=VALUE (JSON) of ops/simulator/behaviour.py; repeatable", [], action="append")
    return parser


if __name__ == "__main__":
    sys.exit(main())
