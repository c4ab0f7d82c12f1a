"""Writes the revision into wheels and sdists: AZPLAN_REVISION if it is set, else the revision of the sdist or checkout.

A hook of hatchling. Like the program itself, the hook reads the checkout without git.
"""

import os
import runpy
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class RevisionHook(BuildHookInterface[Any]):
    """Adds `worker/revision.txt` to wheel and sdist. An editable installation reads its checkout instead."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the revision before the build; `version` is the kind of build, for example `standard` or `editable`."""
        if version == "editable":
            return
        root = Path(self.root)
        program = runpy.run_path(str(root / "worker" / "version.py"))
        revision = os.environ.get("AZPLAN_REVISION", "").strip() or program["revision"]()
        self._folder = tempfile.TemporaryDirectory()
        file = Path(self._folder.name) / "revision.txt"
        file.write_text(f"{revision}\n", "ascii")
        build_data["force_include"][str(file)] = "worker/revision.txt"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Delete the temporary file after the build."""
        if version != "editable":
            self._folder.cleanup()
