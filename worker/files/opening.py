"""Opens the store that a URL names. What a store needs beyond the base install is imported when it is named."""

from importlib import import_module
from pathlib import Path
from urllib.parse import unquote

from worker.files.errors import DestinationRefused
from worker.files.folder import FolderStore
from worker.files.store import Store

OBJECT_STORE = "worker.files.object_store"
EXTRA = "Install azplan with its extra: pip install 'azplan[finance]'. Or name a folder in AZPLAN_FILES__URL."


def open_store(url: str) -> Store:
    """The store at this address. Connects to nothing. Raises `DestinationRefused` without the extra that it needs."""
    if url.startswith("file:"):
        return FolderStore(Path(unquote(url.removeprefix("file://").removeprefix("file:"))))
    try:
        store: Store = import_module(OBJECT_STORE).ObjectStore(url)
    except ImportError as error:
        scheme = url.partition(":")[0]
        raise DestinationRefused(f"files cannot go to {scheme}:// without the package obstore", EXTRA) from error
    return store
