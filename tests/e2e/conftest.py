"""Fixtures of the tests in a browser."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.e2e.browsing import ARGUMENTS, NAMES, PATIENCE, Visit


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium that draws WebGL in software."""
    program = next((path for path in map(shutil.which, NAMES) if path), None)
    if program is None and not os.environ.get("CI"):
        pytest.skip("Chromium is not installed: apt-get install chromium")
    expect.set_options(timeout=PATIENCE)
    assert program, "Chromium is not installed"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser: Browser, server_url: str) -> Iterator[Visit]:
    """A visit at desktop size, in Chinese; at its end nothing has left the server and nothing has failed."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="zh-CN")
    visited = Visit(context.new_page(), server_url)
    yield visited
    assert visited.strangers() == []
    assert visited.complaints == []
    context.close()
