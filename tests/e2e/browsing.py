"""A visit to the pages in a real Chromium, as several modules of tests make it."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Page

SHOTS = Path(__file__).parents[2] / "out" / "screenshots"
NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE = 30_000
READY = "Boolean(window.onemap?.map.loaded() && window.onemap.map.areTilesLoaded())"
DRAWN = "source => window.onemap.map.queryRenderedFeatures().filter(item => item.source === source).length"


class Visit:
    """A page that remembers what was requested and what went wrong."""

    def __init__(self, page: Page, server: str) -> None:
        self.page = page
        self.server = server
        self.requested: list[str] = []
        self.complaints: list[str] = []
        page.set_default_timeout(PATIENCE)
        page.on("request", lambda request: self.requested.append(request.url))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda entry: self.complaints.append(entry.text) if entry.type == "error" else None)

    def open(self, path: str) -> Page:
        """Open a page of the server; it must answer 200."""
        answer = self.page.goto(self.server + path)
        assert answer is not None
        assert answer.status == 200, path
        return self.page

    def map_ready(self) -> None:
        """Wait until the map has loaded and drawn its tiles."""
        self.until(READY)

    def until(self, condition: str) -> None:
        """Wait until an expression holds; asked from outside, as the pages allow no evaluation within."""
        for _ in range(PATIENCE // 200):
            if self.page.evaluate(condition):
                return
            self.page.wait_for_timeout(200)
        raise AssertionError(f"not in time: {condition}")

    def shot(self, name: str) -> bytes:
        """Keep a screenshot of the window."""
        SHOTS.mkdir(parents=True, exist_ok=True)
        return self.page.screenshot(path=SHOTS / f"{name}.png")

    def strangers(self) -> list[str]:
        """Return the requests that went anywhere but to the server."""
        own = urlsplit(self.server).netloc
        outside = (urlsplit(url) for url in self.requested)
        return [url.geturl()[:200] for url in outside if url.scheme not in ("data", "blob") and url.netloc != own]
