"""Faults in words, for people in `natlab shell` and programs in `natlab run`: `natlab fault WHAT ARGUMENTS`.

The natlab that has made the laboratory does them, since it holds the plan and the gateways; it hears of them over a Unix socket, which
NATLAB_FAULTS leads to from every host. One connection is one fault: a JSON list of words, answered by {"ok":..., "text":...}.
"""
import json
import os
import socket
import threading

from . import spec
from .internet import InternetError

_VARIABLE = "NATLAB_FAULTS"


class Misspelt(ValueError):
    """In words for the person who typed it."""


def _wire(lab, name, *options):
    lab.wire(name, **spec.line_settings(options))


def _behaviour(lab, name, *options):
    lab.behaviour(name, **spec.behaviour_settings(options))


def _forward(lab, name, *ports):
    for protocol, port in spec.forwards("/".join(ports)):
        lab.forward(name, protocol, port)


def _counters(lab):
    return lab.counters().everything()


# What can be done: names of its arguments ("..." : one or more of the last), what it means, and how. What is given back is printed.
FAULTS = {
    "cut": ("WIRE", "nothing gets through any more", lambda lab, wire: lab.cut(wire)),
    "mend": ("WIRE", "it does again", lambda lab, wire: lab.mend(wire)),
    "wire": ("WIRE NAME=VALUE...", "another line from now on, in the words of a site: loss=1% delay=50ms", _wire),
    "behaviour": ("NAME NAME=VALUE...", "other axes of a gateway in user space from now on: filtering=address-dependent", _behaviour),
    "reboot": ("NAME", "a gateway, or the home gateway of a host, forgets all mappings", lambda lab, name: lab.reboot(name)),
    "change-address": ("NAME", "the provider gives a site another address, which is printed", lambda lab, name: lab.change_address(name)),
    "move": ("HOST TO", "a host leaves its network for the place of another host, where nothing should run", lambda lab, name, to: lab.move(name, to)),
    "block-udp": ("NAME", "a gateway, or the home gateway of a host, lets no UDP through", lambda lab, name: lab.block_udp(name)),
    "allow-udp": ("NAME", "it does again", lambda lab, name: lab.allow_udp(name)),
    "forward": ("NAME PROTOCOL:PORT...", "ports are opened by hand for a host, or the first one behind a gateway: udp:4700", _forward),
    "counters": ("", "prints what travelled, by box and by wire", _counters),
    "reset-counters": ("", "they begin anew", lambda lab: lab.reset_counters()),
}


def words():
    return "\n".join(f"  {f'{what} {arguments}':<36} {meaning}" for what, (arguments, meaning, _) in FAULTS.items())


def perform(lab, what, *arguments):
    if what not in FAULTS:
        raise Misspelt(f"there is no fault {what!r}: {', '.join(FAULTS)}")
    expected, _, do = FAULTS[what]
    least = len(expected.split())
    if len(arguments) < least or len(arguments) > least and not expected.endswith("..."):
        raise Misspelt(f"what is needed is: natlab fault {what} {expected}".rstrip())
    return do(lab, *arguments)


# --- In the natlab that has made the laboratory -------------------------------------------------------------------------

def serve(lab):
    """From now on; gives what the environment of programs needs."""
    path = lab.folder / "faults.sock"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    # One thread for all of them: a daemon that it starts anew (miniupnpd, at a reboot) ends with the thread that has started it.
    threading.Thread(target=_serve, args=(lab, listener), daemon=True).start()
    return {_VARIABLE: str(path)}


def _serve(lab, listener):
    while True:
        connection, _ = listener.accept()
        with connection, connection.makefile("rw") as lines:
            try:
                said = perform(lab, *json.loads(lines.readline()))
                answer = {"ok": True, "text": said or ""}
            except Exception as trouble:  # pylint: disable=broad-exception-caught  # whoever asked is told; the next one may ask for better
                answer = {"ok": False, "text": str(trouble) or type(trouble).__name__}
            try:
                print(json.dumps(answer), file=lines, flush=True)
            except OSError:  # nobody listens any more
                pass


# --- In a program inside ------------------------------------------------------------------------------------------------

def ask(what):
    """Has the fault done; gives what there is to print."""
    if _VARIABLE not in os.environ:
        raise InternetError("there is no laboratory around: `natlab fault` is for programs in `natlab run` and `natlab shell`")
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(os.environ[_VARIABLE])
        except OSError as error:
            raise InternetError(f"the laboratory at {os.environ[_VARIABLE]} does not answer: {error}") from error
        with connection.makefile("rw") as lines:
            print(json.dumps(what), file=lines, flush=True)
            answer = lines.readline()
    if not answer:
        raise InternetError("the laboratory has ended instead of answering")
    answer = json.loads(answer)
    if not answer["ok"]:
        raise InternetError(answer["text"])
    return answer["text"]
