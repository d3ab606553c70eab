"""A laboratory for a proof: when the proof fails, the failure carries what everybody has said."""
import contextlib
import random

from lab import Lab
from lab.show import picture

SEED = 7  # the same losses each time, as far as the moments are the same
_run = {"seed": 0}


def draw_from(seed):
    """What `drawn` gives in this run of the self-test; the runner says it before anything begins."""
    _run["seed"] = seed


def drawn(*what):
    """A seed for a proof that is to meet other chances in every run: by the run's seed, and by what is proved."""
    return random.Random(f"{_run['seed']} {' '.join(what)}").randrange(1_000_000)


@contextlib.contextmanager
def laboratory(seed=SEED, **sites):
    with Lab(seed=seed, **sites) as lab:
        try:
            yield lab
        except BaseException as trouble:
            trouble.add_note(story(lab))
            raise


def story(lab):
    said = [f"seed {lab.seed}", picture(lab.plan)]
    with contextlib.suppress(Exception):  # it may be what failed
        said.append(lab.counters().table())
    said.append(f"natlab-internet: {lab.log or 'nothing said'}")
    said += [each.story() for host in lab.hosts.values() for each in host._started]
    said += [gateway.daemon.story() for gateway in lab.gateways.values() if gateway.daemon]
    return "\n".join(said)
