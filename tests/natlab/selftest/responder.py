"""Who answers at the server: two addresses with two ports each, as RFC 5780 has it, over UDP and TCP. It sees where packets come from."""
import os
import time

from .sockets import PATIENCE, TCP, UDP, accept, begin_connect, hears, listen, open_socket, outcome, CONNECTED

PORTS = (4700, 4701)
PLACES = ((0, 0), (0, 1), (1, 0), (1, 1))  # (which address, which port); others compare themselves with the first


class Responder:
    def __init__(self, lab):
        self.server = lab.server
        self.udp = {place: open_socket(lab.server, UDP, port, address) for place, (address, port) in self._endpoints(lab)}
        self.tcp = {place: listen(lab.server, port, address) for place, (address, port) in self._endpoints(lab)}

    @staticmethod
    def _endpoints(lab):
        return [((address, port), (lab.server.addresses[address], PORTS[port])) for address, port in PLACES]

    def at(self, *place):
        """The endpoint to write to."""
        return self.udp[place or (0, 0)].getsockname()

    def udp_sees(self, caller, place=(0, 0), patience=PATIENCE):
        """Where a packet of the caller comes from, as seen at this place; None if it does not arrive."""
        word = os.urandom(8)
        caller.sendto(word, self.at(*place))
        return hears(self.udp[place], word, patience)

    def tcp_sees(self, host, port=0, place=(0, 0)):
        """Connects from the host's port; gives where it comes from, as seen at this place, and both ends."""
        caller = open_socket(host, TCP, port)
        begin_connect(caller, self.at(*place))
        if (became := outcome(caller)) != CONNECTED:
            raise AssertionError(f"connecting from {host.name} to {self.at(*place)}: {became}")
        mine = caller.getsockname()[1]
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            accepted, seen = accept(self.tcp[place])
            accepted.sendall(b"%05d" % seen[1])
            if caller.recv(5) == b"%05d" % seen[1]:
                return seen, caller, accepted
        raise AssertionError(f"the connection from port {mine} of {host.name} was not accepted")
