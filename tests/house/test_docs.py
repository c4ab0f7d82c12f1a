"""The pages of docs/ agree with the code, and every link leads somewhere."""

import re
from pathlib import Path

import pytest

from ops.docs import FOLDER, NOTE, PAGES
from ops.layer_picture import layers

ROOT = FOLDER.parent
TEXTS = [*ROOT.glob("*.md"), *FOLDER.glob("*.md"), *(ROOT / "ops").rglob("*.md")]
WORDS_OF_THE_README = 1_300
LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.DOTALL | re.MULTILINE)
CODE_WORD = re.compile(r"`([^`\n]+)`")
TOP_FOLDERS = ("worker/", "events/", "ops/", "tests/", "docs/")
PRIVATE_IDIOM = re.compile(r"\b(anew|mend(s|ed|ing)?|whoever|whose it is)\b", re.IGNORECASE)
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_made_from_the_code_is_up_to_date(name: str) -> None:
    """Settings, codes, metrics, verbs and messages are written once, in the code; `make docs` writes their pages."""
    assert (FOLDER / name).read_text("utf-8") == PAGES[name](), f"docs/{name} differs from the code: run `make docs`"


def test_only_pages_made_from_the_code_say_so() -> None:
    """A page that `make docs` does not write is edited by hand. It must not send its editor to the code."""
    assert {path.name for path in FOLDER.glob("*.md") if NOTE in path.read_text("utf-8")} == set(PAGES)


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_a_heading(path: Path) -> None:
    """A link of a page names a file of the repository and, behind `#`, a heading of it."""
    broken = [link for link in LINK.findall(CODE.sub("", path.read_text("utf-8"))) if not leads(path, link)]

    assert broken == []


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.md")), ids=lambda path: path.name)
def test_a_page_is_one_click_from_the_readme_and_says_who_reads_it(path: Path) -> None:
    """README.md links to every page of docs/, and each page begins with its readers."""
    assert f"](docs/{path.name}" in (ROOT / "README.md").read_text("utf-8")
    begin = path.read_text("utf-8").replace(NOTE, "").split("\n\n")
    assert next(part for part in begin[1:] if part.strip()).strip().startswith("For people who ")


@pytest.mark.parametrize("page", ["ARCHITECTURE.md", "CONTRIBUTING.md", "README.md"])
def test_a_page_names_only_existing_files_and_tests(page: str) -> None:
    """A path or the name of a test in code letters is one of this repository."""
    words = CODE_WORD.findall(
        re.sub(r"^```.*?^```", "", (ROOT / page).read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    )
    tests = "\n".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    paths = [word for word in words if word.startswith(TOP_FOLDERS)]

    assert [path for path in paths if not (ROOT / path).exists()] == []
    assert [word for word in words if word.startswith("test_") and f"def {word}(" not in tests] == []


def test_the_table_of_users_names_the_layers() -> None:
    """Each layer above the journal has a row that says who may use the layer, and no row names another word."""
    table = (ROOT / "ARCHITECTURE.md").read_text("utf-8").split("| layer | used by | how |")[1].split("\n\n")[0]
    named = re.findall(r"^\| `(\w+)`", table, re.MULTILINE)
    names = [name for layer in layers() for name in layer]

    assert set(named) <= {*names, "events"}
    assert set(names[: names.index("broker") + 1]) <= set(named)


@pytest.mark.parametrize("folder", ["docs", "events", "ops/demo", "ops/simulator", "ops/grafana", "ops/model"])
def test_pages_and_contract_use_no_private_idiom(folder: str) -> None:
    """Words that only azplan's own people used are gone from everything that others read."""
    files = [path for path in (ROOT / folder).rglob("*") if path.suffix in {".py", ".md", ".json"}]
    found = {str(path.relative_to(ROOT)): PRIVATE_IDIOM.search(path.read_text("utf-8")) for path in files}

    assert [name for name, word in found.items() if word and Path(name).name not in PAGES] == []


def test_the_readme_is_read_in_five_minutes() -> None:
    """README.md stays short: details go to docs/."""
    assert len((ROOT / "README.md").read_text("utf-8").split()) <= WORDS_OF_THE_README


def leads(path: Path, link: str) -> bool:
    """Whether a link of the page at `path` resolves. Links to other sites are not checked."""
    if re.match(r"[a-z]+:", link):
        return True
    file, _, anchor = link.partition("#")
    target = (path.parent / file).resolve() if file else path
    return target.exists() and (not anchor or anchor in anchors(target))


def anchors(path: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    text = re.sub(r"^```.*?^```", "", path.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in HEADING.findall(text)}
