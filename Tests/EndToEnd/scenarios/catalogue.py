"""How a scenario is declared: a coroutine over a `Bench`, and the settings it runs in."""

SCENARIOS = []

#: Both shells of the event loop, with one worker and with two.
EVERYWHERE = [("ring", 1), ("ring", 2), ("poll", 1), ("poll", 2)]
#: Both shells, with two workers: where the number of workers adds nothing but time.
BOTH_SHELLS = [("ring", 2), ("poll", 2)]
#: Where neither shell nor workers take part.
ONCE = [("auto", 1)]


class Scenario:
    """One thing that is shown."""

    def __init__(self, body, settings, seconds, alone):
        self.body, self.settings, self.seconds, self.alone = body, settings, seconds, alone
        self.name = body.__name__


def scenario(settings=None, seconds=60, alone=False):
    """Declares a scenario with its settings, the time after which it has failed, and whether it runs alone: where it
    judges times or takes most of what the machine has."""
    def declare(body):
        SCENARIOS.append(Scenario(body, settings or BOTH_SHELLS, seconds, alone))
        return body
    return declare
