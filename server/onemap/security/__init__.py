"""Security: who asks, what they may see, and the only gate to the data."""

from onemap.security.gate import Gate
from onemap.security.identity import ANONYMOUS, identify
from onemap.security.policy import Policy

__all__ = ["ANONYMOUS", "Gate", "Policy", "identify"]
