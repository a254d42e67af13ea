"""The scenarios, in the order in which they run."""
from .catalogue import SCENARIOS
from . import reach, requests, binds, start, hostile, smuggling, failures, readme  # noqa: F401

__all__ = ["SCENARIOS"]
