"""Faults in words do what those of a Lab do, from programs inside."""
import os
import socket
import subprocess
from pathlib import Path

import pytest

from lab import Lab, faults
from lab.spec import SpecError, behaviour_settings, line_settings

HERE = Path(__file__).parent
PING = "ping -c1 -W20 -q $NATLAB_SERVER >/dev/null"  # comes back with the answer
NO_PING = "! ping -c1 -W1 -q $NATLAB_SERVER >/dev/null"


def inside(script, **sites):
    """The exit status and words of a script in host a of `natlab run`."""
    described = [word for site, text in sites.items() for word in (f"--{site}", text)]
    done = subprocess.run([HERE / "natlab", "run", *described, "--", "sh", "-c", script], capture_output=True, text=True, check=False, timeout=180)
    if done.returncode == 77:
        pytest.skip(done.stderr)
    return done


@pytest.mark.internet
@pytest.mark.parametrize("gateway", ["upnp", "port-restricted"])
def test_faults_are_done_for_a_command(gateway):
    done = inside(f'''set -e
        fault() {{ "$NATLAB" fault "$@"; }}
        {PING}
        fault cut a.access; {NO_PING}
        fault mend a.access; {PING}
        fault wire a.access loss=100%; {NO_PING}
        fault wire a.access loss=0% rate=10mbit up=1mbit; {PING}
        fault reboot a; {PING}
        fault reboot a.gw1; {PING}
        fault change-address a; {PING}
        fault forward a udp:4700 tcp:80
        fault block-udp a; fault allow-udp a
        fault reset-counters; {PING}
        fault counters''', a=gateway)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("81.2.70.150\n")
    assert "backbone: a -> server" in done.stdout and "1 packets" in done.stdout


@pytest.mark.internet
def test_a_fault_may_come_from_any_host():
    done = inside('nsenter --net=/run/netns/b "$NATLAB" fault cut a.access && ' + NO_PING, a="masq", b="public")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.internet
@pytest.mark.parametrize(("said", "answer"), [
    ("cut no.such", "natlab-internet refuses .*no.such"),
    ("cut", "natlab fault cut WIRE$"),
    ("cut a.access b.access", "natlab fault cut WIRE$"),
    ("wire a.access los=1", "no setting of a wire"),
    ("wire a.access", "WIRE NAME=VALUE"),
    ("reboot b", "b is behind no gateway"),
    ("forward a 4700", "not a protocol and a port"),
    ("behaviour a mapping=address-dependent", "a.gw1 is a Linux kernel"),
])
def test_what_cannot_be_done_is_refused_in_words(monkeypatch, said, answer):
    with Lab(a="masq", b="public") as lab:
        monkeypatch.setattr(os, "environ", {**os.environ, **faults.serve(lab)})
        with pytest.raises(faults.InternetError, match=answer):
            faults.ask(said.split())
        assert faults.ask(["change-address", "a"]) == lab.a.public_address  # and the next one is heard


@pytest.mark.internet
def test_a_gateways_daemon_that_a_fault_has_started_anew_goes_on(monkeypatch):
    with Lab(a="upnp") as lab:
        monkeypatch.setattr(os, "environ", {**os.environ, **faults.serve(lab)})
        faults.ask(["reboot", "a"])
        faults.ask(["counters"])
        asking = lab.a.socket(socket.SOCK_STREAM)
        asking.connect((lab.a.router, 5000))


def test_without_a_laboratory_natlab_says_so():
    outside = {name: value for name, value in os.environ.items() if name != "NATLAB_FAULTS"}
    refused = subprocess.run([HERE / "natlab", "fault", "counters"], env=outside, capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert "no laboratory around" in refused.stderr


def test_settings_are_said_in_the_words_of_sites():
    assert line_settings(["loss=1%", "delay=0.1s"]) == {"loss": pytest.approx(0.01), "delay_ms": 100}
    assert line_settings(["rate=10mbit", "up=1mbit"]) == {"rate_mbit": 1, "back": {"rate_mbit": 10}}
    assert behaviour_settings(["udp-lifetime=2m", "simultaneous-open=no"]) == {"udp_lifetime_s": 120, "simultaneous_open": False}


@pytest.mark.parametrize(("options", "says"), [(["up=1mbit"], "needs a rate"), (["loss=200%"], "loss: .*range"), (["loss"], "no setting"),
                                               (["loss=1%", "loss=2%"], "twice"), (["mapping=x"], "no setting of a wire")])
def test_settings_that_cannot_be_read_are_refused(options, says):
    with pytest.raises(SpecError, match=says):
        line_settings(options)
