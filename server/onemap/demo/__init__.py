"""Generate the demo province 示范省: synthetic, the same for the same seed."""

from onemap.demo.province import Summary, generate

__all__ = ["Summary", "generate"]
