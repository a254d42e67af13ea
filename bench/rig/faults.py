"""The faults of the failover bench, as a table: how each is made, how it is healed, what must hold."""
import signal
from typing import Callable, NamedTuple

from .cluster import strike
from .processes import Failure, Unavailable

#: Bars of every fault. `p99_first_ms`: how much longer than before the p99 of requests due in the first second may be;
#: `p99_settled`: how many times the p99 before it may be in any window from the third second on, healing included.
EVERYWHERE = {"failed": 0, "misrouted": 0, "p99_first_ms": 500, "p99_settled": 1.2}
#: Where a node dies, what was on it is cut, and no more than was under way: the judgement calls anything else failed.
NODE = {**EVERYWHERE, "cut": "in flight"}
#: Where no visitor's connection and no tunnel is touched, nothing is cut.
BESIDE = {**EVERYWHERE, "cut": 0}
#: Redis holds everything again so many seconds after it is back, or empty.
WHOLE = {"whole_seconds": 5}
#: A tunnel bound without Redis answers at its own node, and at the others, so many seconds after it was bound.
BOUND = {"bound_here_seconds": 0.25, "bound_elsewhere_seconds": 1}


class Fault(NamedTuple):
    name: str
    what: str
    make: Callable
    heal: Callable
    bars: dict
    #: Nodes that visitors find dead, until they are ready again.
    nodes: tuple = ()
    #: The option that says how many seconds lie between making and healing.
    holds: str = "hold"
    #: Done again and again meanwhile.
    during: Callable | None = None
    #: The connections of nodes to Redis go over a line that can be slowed.
    needs_line: bool = False
    #: A tunnel is bound meanwhile, at the first node.
    binds: bool = False
    #: Redis is empty after this was "made" or "healed", and has to be filled again.
    empties: str = ""
    #: Tried by `--quick`.
    is_quick: bool = False


def nothing(cluster):
    """No fault, or one that heals itself."""


def kill_node(cluster):
    cluster.nodes[0].kill()


def start_node(cluster):
    cluster.nodes[0].start()


def freeze_node(cluster):
    cluster.nodes[0].freeze(cluster.nodes[0].pids)


def thaw(cluster):
    cluster.thaw()


def kill_redis(cluster):
    cluster.redis.kill()


def start_redis(cluster):
    cluster.redis.start()


def flush_redis(cluster):
    cluster.redis.ask(["FLUSHALL"])


def slow_redis(cluster):
    cluster.line.tell("2")
    cluster.line.event("takes 2 s", 5)


def quicken_redis(cluster):
    cluster.line.tell("0")


def cut_tracking(cluster):
    if cluster.stock:
        raise Unavailable("the stock system has no tracking connection")
    count = cluster.redis.cut_tracking()
    if count < len(cluster.nodes):
        raise Failure(f"{count} tracking connections of {len(cluster.nodes)} nodes")


def cut_tracking_again(cluster):
    cluster.redis.cut_tracking()


def control_planes(cluster, nodes):
    """Of our nodes, or what stands in their place in the stock system: its plugins."""
    if cluster.stock:
        return [program.pid for program in cluster.plugin_programs.values()]
    return [pid for node in nodes for pid in node.control]


def kill_control(cluster):
    strike(control_planes(cluster, cluster.nodes[:1]), signal.SIGKILL)


def kill_controls(cluster):
    strike(control_planes(cluster, cluster.nodes), signal.SIGKILL)


def start_plugins(cluster):
    """A supervisor has started our control planes again; the stock system's plugins have none."""
    for kind in cluster.plugins:
        cluster.start_plugin(kind)


def freeze_control(cluster):
    freeze_controls_of(cluster, cluster.nodes[:1])


def freeze_controls(cluster):
    freeze_controls_of(cluster, cluster.nodes)


def freeze_controls_of(cluster, nodes):
    if cluster.stock:
        return strike(control_planes(cluster, nodes), signal.SIGSTOP)
    for node in nodes:
        node.freeze(node.control)


FAULTS = [
    Fault("none", "nothing happens: what this machine alone does to the same load", nothing, nothing, BESIDE),
    Fault("node killed", "kill -9 of all processes of one node of three; started again", kill_node, start_node,
          NODE, nodes=(0,), is_quick=True),
    Fault("node frozen", "SIGSTOP of all processes of one node; SIGCONT", freeze_node, thaw, NODE, nodes=(0,)),
    Fault("Redis killed", "kill -9; started again, empty; a tunnel is bound meanwhile", kill_redis, start_redis,
          {**BESIDE, **WHOLE, **BOUND}, holds="outage", binds=True, empties="healed",
          is_quick=True),
    Fault("Redis flushed", "FLUSHALL", flush_redis, nothing, {**BESIDE, **WHOLE}, empties="made",
          is_quick=True),
    Fault("Redis slow", "2 s for every command, one after the other", slow_redis, quicken_redis, BESIDE,
          needs_line=True),
    Fault("tracking cut", "the connections that tell of changes, four times a second", cut_tracking, nothing, BESIDE,
          during=cut_tracking_again),
    Fault("control killed", "kill -9 of the control plane of one node", kill_control, start_plugins, BESIDE),
    Fault("control frozen", "SIGSTOP of the control plane of one node; SIGCONT", freeze_control, thaw, BESIDE),
    Fault("all controls killed", "kill -9 of the control planes of all nodes", kill_controls, start_plugins, BESIDE,
          is_quick=True),
    Fault("all controls frozen", "SIGSTOP of the control planes of all nodes; SIGCONT", freeze_controls, thaw, BESIDE),
]
