"""Generalisation for low zooms: coverages are merged and simplified without gaps, other layers drop by size."""

from onemap.tiles.generalise.levels import GeneralisedLevel, generalise
from onemap.tiles.generalise.settings import PIXELS, Level, Report, Settings

__all__ = ["PIXELS", "GeneralisedLevel", "Level", "Report", "Settings", "generalise"]
