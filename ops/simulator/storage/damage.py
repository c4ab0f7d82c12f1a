"""Blobs that are not what the manifest says."""

import gzip
from pathlib import Path

from ops.simulator.billing.releases import Release
from ops.simulator.world import World


def damaged(world: World, release: Release, blob: int) -> Path | None:
    """Return the file to serve for a blob: its own, or a damaged one where the knobs say so; None for no file."""
    whole, kind = release.write(blob), world.settings.blob_damage
    times = world.settings.blob_damage_times
    if kind == "none" or blob != len(release.names) - 1 or (times is not None and world.ledger.damaged >= times):
        return whole
    world.ledger.damaged += 1
    if kind in ("missing", "redirect"):
        return None
    broken = whole.with_suffix(f".{kind}")
    if not broken.exists():
        broken.write_bytes(_broken(kind, whole.read_bytes()))
    return broken


def _broken(kind: str, content: bytes) -> bytes:
    match kind:
        case "truncated":
            return content[: len(content) // 2]
        case "crc":
            return content[:-8] + bytes([content[-8] ^ 0xFF]) + content[-7:]
        case "not_gzip":
            return b"<html><body>Our services aren't available right now</body></html>"
    lines = gzip.decompress(content).splitlines(keepends=True)
    wrong = b'{"PartnerId": "half of a li\n' if kind == "not_json" else b'{"PartnerId": "\xff\xfe"}\n'
    return gzip.compress(b"".join([*lines[:-1], wrong]), mtime=0)
