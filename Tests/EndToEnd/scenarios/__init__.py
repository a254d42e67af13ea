"""The scenarios, in the order in which they run."""
from .catalogue import SCENARIOS
from . import reach, requests, binds, start, hostile, failures, readme, binder, client_life  # noqa: F401

__all__ = ["SCENARIOS"]
