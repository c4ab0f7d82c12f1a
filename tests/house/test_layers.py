"""The layers stand in `.importlinter`; ARCHITECTURE.md shows them as they are."""

from ops.layer_picture import PAGE, ROOT, layers, written


def test_the_picture_of_the_layers_is_that_of_the_code() -> None:
    """Nobody draws the layers by hand; `make docs` brings the picture up to date."""
    text = PAGE.read_text("utf-8")

    assert written(text) == text, "run `make docs`"


def test_every_module_stands_in_a_layer() -> None:
    """A module without a layer could import what it likes."""
    found = {path.stem for path in (ROOT / "worker").iterdir() if path.is_dir() or path.suffix == ".py"}
    placed = [name for names in layers() for name in names]

    assert sorted(placed) == sorted(found - {"__init__", "__pycache__"})
