"""The scenarios, in the order in which they run."""
from .catalogue import SCENARIOS
from . import reach, requests, binds, visits, relays, logins, start, hostile, smuggling, failures, planes, readme  # noqa: F401

__all__ = ["SCENARIOS"]
