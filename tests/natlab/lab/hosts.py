"""A host of the laboratory: its addresses, and programs that run there."""
from processes import Running
from world import environment


class Host:
    """`lab.server`, `lab.a` ... Programs started here see this host's network and nothing else."""

    def __init__(self, plan, name, namespace):
        self._plan = plan
        self._host = plan.hosts[name]
        self.name = name
        self.namespace = namespace
        self.launcher = namespace.launcher  # for whoever starts processes by other means
        self._started = []

    def __repr__(self):
        return f"<host {self.name} {self.address}>"

    # --- addresses ----------------------------------------------------------------------------------------------------

    @property
    def addresses(self):
        return [*self._host.addresses, *self._host.addresses_v6]

    @property
    def address(self):
        return self._host.addresses[0]

    @property
    def address_v6(self):
        """None where there is no IPv6."""
        return self._host.addresses_v6[0] if self._host.addresses_v6 else None

    @property
    def public_address(self):
        """What the internet sees it as (the first, where the outermost gateway has several)."""
        return self._plan.public_addresses(self.name)[0]

    @property
    def router(self):
        """The inner address of its home gateway; None for a public host."""
        return self._host.router

    # --- programs -----------------------------------------------------------------------------------------------------

    def start(self, argv, env=None, **how):
        """A program that goes on while the test does: Running of tests/e2e/processes.py. `env` is added to the environment."""
        running = Running(list(map(str, argv)), environment(**(env or {})), launcher=self.launcher, **how)
        self._started.append(running)
        return running

    def run(self, argv, timeout=20, status=0, **how):
        """A program that comes to its end by itself, with this exit status (None: any); `.text` and `.words` are its output."""
        running = self.start(argv, **how)
        try:
            running.ends(status, patience=timeout)
        finally:
            if running.running():
                running.kill()
        return running

    def socket(self, *how, **more):
        """A socket of ours on this host: Namespace.socket."""
        return self.namespace.socket(*how, **more)

    def end_programs(self):
        for each in self._started:
            if each.running():
                each.kill()
