"""Reviews of construction land: what an approval asks, answered from the same examinations and accounts."""

from onemap.processes.reviews.avoidance import SiteAvoidance
from onemap.processes.reviews.compensation import CompensationCheck
from onemap.processes.reviews.conversion import ConversionReview
from onemap.processes.reviews.minerals import MineralOverlay
from onemap.processes.reviews.plan import PlanConformity
from onemap.processes.reviews.preliminary import PreliminaryReview

__all__ = [
    "CompensationCheck",
    "ConversionReview",
    "MineralOverlay",
    "PlanConformity",
    "PreliminaryReview",
    "SiteAvoidance",
]
