"""The scenarios, in the order in which they run."""
from .catalogue import SCENARIOS
from . import reach, front, requests, binds, start, hostile, failures, readme  # noqa: F401

__all__ = ["SCENARIOS"]
