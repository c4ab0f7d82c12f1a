"""`.importlinter` has the layers. ARCHITECTURE.md shows the same layers."""

from ops.layer_picture import PAGE, ROOT, layers, written


def test_the_picture_of_the_layers_is_that_of_the_code() -> None:
    """`make docs` draws the picture from `.importlinter`."""
    text = PAGE.read_text("utf-8")

    assert written(text) == text, "run `make docs`"


def test_every_module_stands_in_a_layer() -> None:
    """A module outside the layers could import any other module."""
    found = {path.stem for path in (ROOT / "worker").iterdir() if path.is_dir() or path.suffix == ".py"}
    placed = [name for names in layers() for name in names]

    assert sorted(placed) == sorted(found - {"__init__", "__pycache__"})
