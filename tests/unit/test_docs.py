"""The documents: links lead somewhere, the examples of files are valid, both languages have the same pages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from onemap.catalog import CollectionDeclaration
from onemap.config import Settings, read_yaml, validate
from onemap.styles.declare import StyleDeclaration
from tests.conftest import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
LINK = re.compile(r"\]\(([^)#\s]*)(#[^)\s]*)?\)")
FENCE = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
YAML = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """Return the anchors of the headings, as the usual viewers make them."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target, anchor in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        if "://" in target:
            continue
        found = (page.parent / target).resolve() if target else page
        assert found.exists(), target
        if anchor:
            assert anchor[1:] in anchors(found), target + anchor


def test_pages_are_there_in_both_languages() -> None:
    def levels(language: str, name: str) -> list[str]:
        text = (ROOT / "docs" / language / name).read_text(encoding="utf-8")
        return re.findall(r"^(#+) ", FENCE.sub("", text), re.MULTILINE)

    def pages(language: str) -> set[str]:
        return {page.name for page in (ROOT / "docs" / language / "how-to").glob("*.md")}

    assert pages("en") == pages("zh")
    for name in ["tutorial.md", *(f"how-to/{page}" for page in sorted(pages("en")))]:
        assert levels("en", name) == levels("zh", name), name


def test_the_chinese_index_names_every_page() -> None:
    index = ROOT / "docs" / "zh" / "README.md"
    named = {target for target, _ in LINK.findall(index.read_text(encoding="utf-8"))}
    assert {f"how-to/{page.name}" for page in index.parent.glob("how-to/*.md")} <= named


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_files_of_the_tutorial_are_valid(tmp_path: Path, language: str) -> None:
    docs = ROOT / "docs" / language
    collection, style = YAML.findall((docs / "tutorial.md").read_text(encoding="utf-8"))
    (settings,) = YAML.findall((docs / "how-to" / "postgis.md").read_text(encoding="utf-8"))
    for model, example in ((CollectionDeclaration, collection), (StyleDeclaration, style), (Settings, settings)):
        path = tmp_path / "example.yml"
        path.write_text(example, encoding="utf-8")
        validate(model, read_yaml(path), path)
