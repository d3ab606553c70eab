"""A network of the tests' own with nothing in it but loopback. pshare asks the router in front of it for a port; in a test nobody's router is to hear
that. The programs still share one machine: files, users and processes are as they were.
"""
import ctypes
import fcntl
import os
import socket
import struct
from pathlib import Path

_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_SIOCSIFFLAGS, _SIOCSIFADDR, _IFF_UP = 0x8914, 0x8916, 1
_libc = ctypes.CDLL(None, use_errno=True)


def enter():
    """Moves this process and its children there, before it has any thread. Gives why it cannot be, in words; None once it has."""
    if trouble := _tried_by_another():
        return trouble
    _move()
    return None


def add_address(address):
    """Another address of this network's one interface, of a whole /24, and the right to any port of it: for what makes a difference between this machine and
    the rest of the world. Only once this network is ours."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        place = struct.pack("=HH4s8x", socket.AF_INET, 0, socket.inet_aton(address))
        fcntl.ioctl(any_socket, _SIOCSIFADDR, struct.pack("16s16s8x", b"lo:far", place))
    Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").write_text("0")


def take_address_back():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo:far", 0))


def _tried_by_another():
    """Some systems allow the namespace and nothing in it, so somebody else goes first."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            _move()
        except OSError as refused:
            os.write(writing, str(refused).encode())
        os._exit(0)
    os.close(writing)
    with open(reading, encoding="utf-8", errors="replace") as words:
        trouble = words.read()
    os.waitpid(child, 0)
    return trouble or None


def _move():
    user, group = os.getuid(), os.getgid()
    if _libc.unshare(_CLONE_NEWNET | (_CLONE_NEWUSER if user != 0 else 0)) != 0:
        raise OSError(ctypes.get_errno(), "no network may be made: " + os.strerror(ctypes.get_errno()))
    if user != 0:  # who we are stays the same, so that what we may not do to files does, too
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP))
