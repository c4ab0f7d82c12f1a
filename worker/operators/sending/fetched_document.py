"""A document that a worker has fetched, as a local file of the person who asked for it."""

import hashlib
from pathlib import Path

from worker.assembly.parts import open_destination
from worker.operators.errors import NotPossible, Unsuccessful
from worker.settings.model import Settings


async def copy_document(settings: Settings, uri: str, sha256: str, target: Path) -> None:
    """Copy the file at `uri` to `target`. The file must lie below AZPLAN_FILES__URL of these settings.

    Raises `NotPossible` for a file elsewhere, `Unsuccessful` if the file is not there or has another hash, and `Failed`
    or `Wait` of `worker.files.errors` where the destination cannot be read.
    """
    store = open_destination(settings).store
    begin = f"{store.url}/"
    if not uri.startswith(begin):
        here = f"AZPLAN_FILES__URL is {store.url} here. Set it to the worker's, or copy the file yourself."
        raise NotPossible(f"the file lies at {uri}, which cannot be read from here.", here)
    if not target.parent.is_dir():
        raise Unsuccessful(
            f"there is no folder {target.parent} to copy the file into.", "Make it, and type this again."
        )
    hasher = hashlib.sha256()
    try:
        with target.open("wb") as file:
            async for chunk in store.chunks(uri.removeprefix(begin)):
                hasher.update(chunk)
                file.write(chunk)
    except FileNotFoundError:
        raise Unsuccessful(f"there is no file at {uri}.", "If it is on another machine, copy it from there.") from None
    except OSError as error:
        raise Unsuccessful(f"{target} cannot be written: {error.strerror}.", "Name another file with -o.") from error
    if hasher.hexdigest() != sha256:
        raise Unsuccessful(f"the file at {uri} is not the one that was fetched.", "Fetch it again.")
