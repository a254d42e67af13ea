"""The scenarios, in the order in which they run."""
from .catalogue import SCENARIOS
from . import reach, requests, binds, binder, client_life, visits, relays, logins, start, hostile, failures  # noqa: F401
from . import planes, readme  # noqa: F401

__all__ = ["SCENARIOS"]
