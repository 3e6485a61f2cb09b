"""The table that ``make bench`` prints."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One line: milliseconds of ours and of the peer, the bar for ours / peer, and a remark."""

    name: str
    peer: str
    ours_ms: float
    peer_ms: float
    bar: float | None
    remark: str = ""

    @property
    def ratio(self) -> float:
        """Ours / peer."""
        return self.ours_ms / self.peer_ms

    @property
    def verdict(self) -> str:
        """Whether the bar holds."""
        if self.bar is None:
            return ""
        return "holds" if self.ratio <= self.bar else "MISSED"


def show(title: str, rows: list[Row]) -> str:
    """Return the rows as a text table."""
    lines = [title, f"{'work':48} {'ours ms':>9} {'peer ms':>10} {'ours/peer':>10} {'bar':>7} {'':7} peer, remark"]
    for row in rows:
        bar = f"{row.bar:.3f}" if row.bar is not None else ""
        head = f"{row.name:48} {row.ours_ms:9.2f} {row.peer_ms:10.2f} {row.ratio:10.4f} {bar:>7} {row.verdict:7}"
        lines.append(f"{head} {row.peer}; {row.remark}")
    return "\n".join(lines)
