"""The version of this azplan, and the revision that it was built from."""

from functools import cache
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed
from pathlib import Path

UNKNOWN = "unknown"
BUILT_IN = "revision.txt"
"""The file with the revision that a build writes beside this module."""
HERE = Path(__file__).parent


@cache
def version() -> str:
    """The version of the installed distribution. `0+unknown` in a checkout that is not installed."""
    try:
        return installed("azplan")
    except PackageNotFoundError:
        return "0+unknown"


@cache
def revision() -> str:
    """The commit that this azplan was built from, by the build's file or else by the checkout. Otherwise `unknown`."""
    try:
        return (HERE / BUILT_IN).read_text("ascii").strip() or UNKNOWN
    except (OSError, ValueError):
        return checked_out(HERE.parent) or UNKNOWN


def checked_out(root: Path) -> str | None:
    """The commit of a checkout, from its files: git may be missing, and may refuse the folder of another user."""
    try:
        folder = root / ".git"
        if folder.is_file():  # a worktree: the file says where its folder is
            folder = root / folder.read_text("utf-8").removeprefix("gitdir:").strip()
        head = (folder / "HEAD").read_text("utf-8").strip()
        if not head.startswith("ref:"):
            return head
        shared = folder / "commondir"
        common = folder / shared.read_text("utf-8").strip() if shared.is_file() else folder
        return _commit(common, head.removeprefix("ref:").strip())
    except (OSError, ValueError):
        return None


def _commit(folder: Path, reference: str) -> str | None:
    """The commit of a branch, from the branch's file or from the list of packed branches."""
    loose = folder / reference
    if loose.is_file():
        return loose.read_text("utf-8").strip()
    packed = (folder / "packed-refs").read_text("utf-8").splitlines()
    return next((line.split()[0] for line in packed if line.endswith(f" {reference}")), None)
