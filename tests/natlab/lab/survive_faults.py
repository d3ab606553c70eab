"""What happens to a transfer in the middle: each fault is a generator that does harm to a Scene, yields the seconds until its next step, and has
taken back by its end what a world takes back by itself. What is left to chance comes from the scene's own generator of random numbers.
"""
import signal

SERVER_DOWN = 10       # seconds
CUT = 60
ASLEEP = 30
DARK_AT_MOST = 10      # while a router starts anew
RESTART_AFTER_AT_MOST = 5


def nothing(scene):
    """To compare with."""
    yield from ()


def server_killed(scene):
    """SIGKILL; it is back 10 s later."""
    scene.town.server.kill()
    yield SERVER_DOWN
    scene.town.server.start()


def supernode_killed(scene):
    """SIGKILL; it is back 10 s later."""
    scene.kill("supernode")
    yield SERVER_DOWN
    scene.start("supernode")


def gateway_rebooted(scene):
    """Of either side. It forgets all flows, and carries nothing for up to 10 s."""
    side = scene.either_side()
    scene.lab.cut(f"{side}.access")
    yield scene.up_to(DARK_AT_MOST)
    scene.lab.reboot(side)
    scene.lab.mend(f"{side}.access")


def address_changed(scene):
    """Of either side's gateway, as by a provider."""
    scene.tell(scene.lab.change_address(scene.either_side()))
    yield 0


def link_cut_60s(scene):
    """Of either side, to the internet."""
    side = scene.either_side()
    scene.lab.cut(f"{side}.access")
    yield CUT
    scene.lab.mend(f"{side}.access")


def interface_switched(scene):
    """Of both: they leave their networks for others, whose routers have other public addresses; up to 3 s apart."""
    first = scene.either_side()
    scene.move(first)
    yield scene.up_to(3)
    scene.move("b" if first == "a" else "a")


def _killed(scene, who):
    scene.kill(who)
    yield scene.up_to(RESTART_AFTER_AT_MOST)
    scene.start(who)


def receiver_killed(scene):
    """SIGKILL; the same command again up to 5 s later."""
    yield from _killed(scene, "receiver")


def sender_killed(scene):
    """SIGKILL; the same command again up to 5 s later."""
    yield from _killed(scene, "sender")


def asleep(scene):
    """One of the two programs does not run for 30 s (SIGSTOP), while its machine's kernel does."""
    running = scene.programs["sender" if scene.either_side() == "a" else "receiver"]
    running.process.send_signal(signal.SIGSTOP)
    yield ASLEEP
    running.process.send_signal(signal.SIGCONT)


FAULTS = {"nothing": nothing, "server-killed": server_killed, "supernode-killed": supernode_killed, "gateway-rebooted": gateway_rebooted,
          "address-changed": address_changed, "link-cut-60s": link_cut_60s, "interface-switched": interface_switched,
          "receiver-killed": receiver_killed, "sender-killed": sender_killed, "asleep": asleep}
PATHS = {"punched": (), "supernode": ("--tiers", "supernode"), "relay": ("--tiers", "relay")}  # what sender and receiver are told


def fits(path, fault):
    """Is there anything to break?"""
    return path == "supernode" or fault != "supernode-killed"
