"""A gateway's firewall as a UPnP device, with habits that miniupnpd has not: it shows itself over IPv4 alone, is switched off, refuses, or answers late.
Its pinholes are true: rules in the kernel gateway that it stands on."""
import contextlib
import itertools
import re
import socket
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_TYPE = "urn:schemas-upnp-org:service:WANIPv6FirewallControl:1"
_DESCRIPTION = f"""<?xml version="1.0"?><root xmlns="urn:schemas-upnp-org:device-1-0"><device>
<deviceType>urn:schemas-upnp-org:device:InternetGatewayDevice:2</deviceType><serviceList><service><serviceType>{_TYPE}</serviceType>
<serviceId>urn:upnp-org:serviceId:WANIPv6Firewall1</serviceId><controlURL>/control</controlURL><eventSubURL>/e</eventSubURL><SCPDURL>/s.xml</SCPDURL>
</service></serviceList></device></root>"""
_PORT = 5000


class ScriptedFirewall:
    """On a kernel gateway of a Lab that has no miniupnpd, at its IPv4 address inside. `refuses`: a UPnP error for every AddPinhole. `hold_first_answer`:
    the first AddPinhole makes its pinhole and gets no answer."""

    def __init__(self, gateway, enabled=True, allowed=True, refuses=None, hold_first_answer=False):
        self.asked = []  # (action, arguments)
        self.pinholes = {}  # by number: (client, port, protocol)
        self._gateway = gateway
        self._status = {"FirewallEnabled": int(enabled), "InboundPinholeAllowed": int(allowed)}
        self._refuses = refuses
        self._numbers = itertools.count(1)
        self._hold = threading.Event()
        self._held = not hold_first_answer
        self._lock = threading.Lock()
        self.holds = threading.Event()  # an answer is being held

    def __enter__(self):
        address = self._gateway.box.inside
        self._ssdp = self._gateway.namespace.socket(address=(address, 1900))
        self._ssdp.settimeout(None)
        firewall = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self._say(200, _DESCRIPTION)

            def do_POST(self):
                self._say(*firewall._act(self.headers["SOAPAction"], self.rfile.read(int(self.headers["Content-Length"])).decode()))

            def _say(self, status, body):
                with contextlib.suppress(ConnectionError):
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body.encode())

            def log_message(self, *_):
                pass

        self._http = ThreadingHTTPServer((address, _PORT), Handler, bind_and_activate=False)
        self._http.daemon_threads = True
        self._http.socket.close()
        self._http.socket = self._gateway.namespace.socket(socket.SOCK_STREAM, (address, _PORT))
        self._http.socket.settimeout(None)
        self._http.server_activate()
        self._threads = [threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}),
                         threading.Thread(target=self._answer_searches, args=(address,))]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._hold.set()
        self._http.shutdown()
        self._ssdp.sendto(b"end", self._ssdp.getsockname())
        for thread in self._threads:
            thread.join()
        self._http.server_close()
        self._ssdp.close()

    def _answer_searches(self, address):
        while True:
            datagram, whence = self._ssdp.recvfrom(2048)
            if datagram == b"end":
                return
            sought = re.search(rb"\r\nST: (\S+)", datagram)
            if sought and (sought[1].decode() == _TYPE or sought[1].endswith(b"InternetGatewayDevice:2")):
                self._ssdp.sendto(f"HTTP/1.1 200 OK\r\nST: {sought[1].decode()}\r\nLOCATION: http://{address}:{_PORT}/d.xml\r\n\r\n".encode(), whence)

    def actions(self):
        with self._lock:
            return [action for action, _ in self.asked]

    def _act(self, header, body):
        action = header.strip('"').split("#")[1]
        arguments = dict(re.findall(r"<(\w+)>([^<]*)</\1>", body))
        with self._lock:
            self.asked.append((action, arguments))
            status, outcome = getattr(self, "_" + action)(arguments)
            held = action == "AddPinhole" and not self._held
            self._held = self._held or held
        if held:
            self.holds.set()
            self._hold.wait()
        if status != 200:
            return 500, (f"<s:Envelope><s:Body><s:Fault><detail><UPnPError><errorCode>{status}</errorCode><errorDescription>{outcome}</errorDescription>"
                         "</UPnPError></detail></s:Fault></s:Body></s:Envelope>")
        said = "".join(f"<{name}>{value}</{name}>" for name, value in outcome.items())
        return 200, f"<s:Envelope><s:Body><u:{action}Response xmlns:u=\"{_TYPE}\">{said}</u:{action}Response></s:Body></s:Envelope>"

    def _GetFirewallStatus(self, _):
        return 200, self._status

    def _AddPinhole(self, arguments):
        if self._refuses:
            return self._refuses, "Refused"
        what = arguments["InternalClient"], arguments["InternalPort"], {"6": "tcp", "17": "udp"}[arguments["Protocol"]]
        number = next((number for number, pinhole in self.pinholes.items() if pinhole == what), None)
        if number is None:
            number = next(self._numbers)
            self._put({**self.pinholes, number: what})
        return 200, {"UniqueID": number}

    def _UpdatePinhole(self, arguments):
        return (200, {}) if int(arguments["UniqueID"]) in self.pinholes else (704, "NoSuchEntry")

    def _DeletePinhole(self, arguments):
        if int(arguments["UniqueID"]) not in self.pinholes:
            return 704, "NoSuchEntry"
        self._put({number: pinhole for number, pinhole in self.pinholes.items() if number != int(arguments["UniqueID"])})
        return 200, {}

    def _put(self, pinholes):
        rules = "".join(f"add rule inet natlab miniupnpd_forward ip6 daddr {client} {protocol} dport {port} accept\n"
                        for client, port, protocol in pinholes.values())
        with self._gateway.namespace.entered():
            subprocess.run(["nft", "-f", "-"], input="flush chain inet natlab miniupnpd_forward\n" + rules, text=True, check=True)
        self.pinholes = pinholes
