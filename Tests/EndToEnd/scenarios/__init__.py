"""The scenarios, in the order in which they run."""
from .catalogue import SCENARIOS
from . import (  # noqa: F401
    reach, front, requests, binds, visits, relays, logins, start, hostile, smuggling, failures, planes, readme)

__all__ = ["SCENARIOS"]
