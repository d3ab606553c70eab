"""A laboratory for a proof: when the proof fails, the failure carries what everybody has said."""
import contextlib

from lab import Lab
from lab.show import picture

SEED = 7  # the same losses each time, as far as the moments are the same


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
