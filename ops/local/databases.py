"""A fresh database for each test, on any PostgreSQL server."""

import asyncio
import itertools
import os
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

import asyncpg

T = TypeVar("T")
_numbers = itertools.count(1)


def run_apart(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in a loop and a thread of its own: a fixture must not disturb the loop of its test."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(asyncio.run, work).result()


@contextmanager
def fresh_database(server_url: str) -> Iterator[str]:
    """The URL of a new empty database on the server; it is dropped in the end, with its sessions."""
    name = f"azplan_test_{os.getpid()}_{next(_numbers)}"
    run_apart(_execute(server_url, f'CREATE DATABASE "{name}"'))
    yield urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))
    run_apart(_execute(server_url, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
