"""Makes the kernel forget every flow it tracks in a network namespace, as a reboot does. Works without real root.

One netlink message: IPCTNL_MSG_CT_DELETE that names no flow (linux/netfilter/nfnetlink_conntrack.h), what `conntrack -F` sends.
"""
import os
import socket
import struct

_NETLINK_NETFILTER = 12
_NFNL_SUBSYS_CTNETLINK = 1
_IPCTNL_MSG_CT_DELETE = 2
_NLM_F_REQUEST, _NLM_F_ACK = 0x1, 0x4


def forget_all(namespace):
    header = struct.pack("=IHHII", 20, _NFNL_SUBSYS_CTNETLINK << 8 | _IPCTNL_MSG_CT_DELETE, _NLM_F_REQUEST | _NLM_F_ACK, 1, 0)
    every_family = struct.pack("=BBH", socket.AF_UNSPEC, 0, 0)
    with namespace.entered(), socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER) as netlink:
        netlink.send(header + every_family)
        error = -struct.unpack_from("=i", netlink.recv(4096), 16)[0]
    if error:
        raise OSError(error, f"forgetting the flows of {namespace.name}: {os.strerror(error)}")
