"""docs/self-hosting.md: its backup brings back the very server, its firewall rules are ones that nft takes and that let in what they say, its log lines exist."""
import os
import re
import shlex
import shutil
import subprocess

import pytest

import documents
from documents import TOP
from processes import Running
from world import Peer, Server

PAGE = TOP / "docs/self-hosting.md"


def commands_below(heading):
    """The commands of one section."""
    text = PAGE.read_text(encoding="utf-8")
    begin = text.index(f"\n## {heading}\n") + 1
    end = text.find("\n## ", begin)
    return [command.text for command in documents.commands_of(text[begin:end], heading) if command.fenced]


def test_the_backup_of_the_page_brings_back_key_and_names(tmp_path):
    machine = tmp_path / "machine"
    data = machine / "var/lib/pshare-server"
    (machine / "var/backups").mkdir(parents=True)
    server = Server(data)
    alice = Peer(tmp_path, "alice", server)
    fingerprint, stops = server.fingerprint, 0
    for command in commands_below("Backups"):
        if command == "systemctl stop pshare-server":
            server.stop()
            stops += 1
            if stops == 2:   # the disk has died, and there is a new machine with the package on it
                shutil.rmtree(data)
                other = Server(data)
                assert other.fingerprint != fingerprint
                other.stop()
                for path in data.iterdir():
                    path.unlink()
        elif command == "systemctl start pshare-server":
            server.start()
        elif os.geteuid() == 0 or not command.startswith("chown "):
            subprocess.run(["bash", "-c", re.sub(r"(?<= )/var", f"{machine}/var", command)], check=True)
    assert stops == 2 and server.fingerprint == fingerprint
    alice.run("peers")
    Peer(tmp_path, "mallory").run("init", "--name", "alice", "--server", server.spec, status=1)
    alice.run("init", "--name", "alice", "--server", server.spec)


def in_a_firewall(*commands):
    """In a network of its own, with the table that Debian's nftables.conf begins with."""
    first = "nft add table inet filter && nft add chain inet filter input '{ type filter hook input priority filter; policy drop; }'"
    return subprocess.run(["unshare", "--map-root-user", "--net", "bash", "-e", "-c", "\n".join([first, *commands, "nft list ruleset"])], capture_output=True, text=True,
                          env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})


def test_the_firewall_rules_are_taken_by_nft_and_open_what_the_page_says():
    if in_a_firewall().returncode != 0:
        pytest.skip("no firewall of our own may be made here")
    rules = [command for command in commands_below("3. The firewall") if command.startswith("nft ")]
    done = in_a_firewall(*rules)
    assert len(rules) == 2 and done.returncode == 0, done.stderr
    assert "tcp dport { 443, 4700, 4701 } accept" in done.stdout.replace("4700-4701", "4700, 4701")
    assert "udp dport { 4700, 4701 } accept" in done.stdout.replace("4700-4701", "4700, 4701")


def test_ufw_opens_the_same_ports():
    opened = {shlex.split(command)[2] for command in commands_below("3. The firewall") if command.startswith("ufw ")}
    assert opened == {"4700:4701/tcp", "4700:4701/udp", "443/tcp"}


def test_the_server_listens_where_the_page_says(tmp_path):
    server = Server(tmp_path / "server")
    shown = subprocess.run(shlex.split(next(command for command in commands_below("4. Try it, from elsewhere") if command.startswith("ss "))), capture_output=True, text=True,
                           check=True, env={"PATH": "/usr/bin:/bin:/usr/sbin"}).stdout
    for transport in ("tcp", "udp"):
        for port in (server.port, server.port + 1):
            assert re.search(rf"{transport} .*:{port}\b", shown), f"{transport} {port}\n{shown}"


def test_the_lines_that_it_says_are_in_the_log_are_logged():
    text = PAGE.read_text(encoding="utf-8")
    lines = re.findall(r"`((?:server|stun|connections|names)\.[a-z-]+)`", text)
    said = "".join(path.read_text(encoding="utf-8") for folder in ("apps/pshare-server", "relay") for path in (TOP / folder).rglob("*.cpp"))
    assert len(lines) >= 8 and not [line for line in lines if f'"{line}"' not in said]


@pytest.fixture(autouse=True)
def nothing_left_running():
    yield
    Running.end_all()
