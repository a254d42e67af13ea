"""The scenarios, in the order in which they run."""
from .catalogue import SCENARIOS
from . import (  # noqa: F401
    reach, front, requests, binds, binder, client_life, visits, relays, logins, rules, start, hostile, crowds, smuggling, failures,
    planes, stores, clusters, stock_nodes, scaling, readme)

__all__ = ["SCENARIOS"]
