"""What STUN clients that others wrote say of each gateway: Debian's stun-client (RFC 3489) and coturn's turnutils_natdiscovery (RFC 5780),
both towards coturn's turnserver at the server's two addresses.
"""
import re

from .laboratory import laboratory
from .registry import proves, same

PATIENCE = 30

# Gateway: what stun-client says of it.
VERDICTS = {
    "public": "Open",
    "full-cone": "Independent Mapping, Independent Filter, preserves ports, no hairpin",
    "full-cone,hairpinning=external-source": "Independent Mapping, Independent Filter, preserves ports, will hairpin",
    "address-restricted": "Independent Mapping, Address Dependent Filter, preserves ports, no hairpin",
    "port-restricted": "Independent Mapping, Port Dependent Filter, preserves ports, no hairpin",
    "nat,ports=random": "Independent Mapping, Port Dependent Filter, random port, no hairpin",
    "nat,mapping=address-dependent": "Dependent Mapping, preserves ports, no hairpin",
    "sym-seq": "Dependent Mapping, random port, no hairpin",
    "sym-rnd": "Dependent Mapping, random port, no hairpin",
    "cgn-block": "Dependent Mapping, random port, no hairpin",
    "masq": "Independent Mapping, Port Dependent Filter, preserves ports, no hairpin",
    "masq,fw=reject": "Independent Mapping, Port Dependent Filter, preserves ports, no hairpin",
    "masq-random": "Dependent Mapping, random port, no hairpin",
    "masq-rnd": "Dependent Mapping, random port, no hairpin",
    "upnp": "Independent Mapping, Port Dependent Filter, preserves ports, no hairpin",
    "dmz": "Independent Mapping, Independent Filter, preserves ports, no hairpin",
    "cgnat": "Independent Mapping, Port Dependent Filter, preserves ports, no hairpin",
    "udp-blocked": "Blocked or could not reach STUN server",
    "only-443": "Blocked or could not reach STUN server",
}
EI, AD, APD = "Endpoint Independent", "Address Dependent", "Address and Port Dependent"
# What turnutils_natdiscovery says: mapping, filtering, whether it hairpins.
DISCOVERIES = {
    "public": (EI, EI, True),
    "full-cone": (EI, EI, False), "full-cone,hairpinning=external-source": (EI, EI, True),
    "address-restricted": (EI, AD, False), "port-restricted": (EI, APD, False),
    "nat,mapping=address-dependent,filtering=address-dependent": (AD, AD, False),
    "nat,mapping=address-and-port-dependent,filtering=endpoint-independent": (APD, EI, False),
    "sym-seq": (APD, APD, False), "sym-rnd": (APD, APD, False),
    "masq": (EI, APD, False), "masq-rnd": (APD, APD, False), "dmz": (EI, EI, False), "cgnat": (EI, APD, False),
}


def start_turnserver(lab):
    addresses = [word for address in lab.server.addresses[:2] for word in ("-L", address)]
    turnserver = lab.server.start([
        "turnserver", "-n", *addresses, "-p", "3478", "--alt-listening-port", "3479", "--stun-only", "--no-auth", "--no-cli", "--no-tls",
        "--no-dtls", "--no-tcp", "--log-file", "stdout", "--simple-log", "--pidfile", lab.folder / "turnserver.pid",
        "--db", lab.folder / "turndb"])
    turnserver.says("Total General servers")


@proves("stun-client says of {gateway}: {verdict}", [{"gateway": gateway, "verdict": verdict} for gateway, verdict in VERDICTS.items()], takes=2)
def stun_client(gateway, verdict):
    with laboratory(a=gateway) as lab:
        start_turnserver(lab)
        said = lab.a.run(["stun", lab.server.address], timeout=PATIENCE, status=None).text
        same("verdict", re.search(r"Primary: (.*?)\s*$", said, re.MULTILINE)[1], verdict)


@proves("turnutils_natdiscovery says of {gateway}: mapping {mapping}, filtering {filtering}, hairpins: {hairpins}", takes=7, each=[
    {"gateway": gateway, "mapping": mapping, "filtering": filtering, "hairpins": hairpins}
    for gateway, (mapping, filtering, hairpins) in DISCOVERIES.items()])
def natdiscovery(gateway, mapping, filtering, hairpins):
    with laboratory(a=gateway) as lab:
        start_turnserver(lab)
        asking = [lab.a.start(["turnutils_natdiscovery", each, "-L", lab.a.address, lab.server.address]) for each in ("-m", "-f", "-H")]
        for each in asking:
            each.ends(0, patience=PATIENCE)
        said = [re.search(rf"NAT with (.*) {what}!", each.text) for each, what in zip(asking, ("Mapping", "Filtering"))]
        same("mapping and filtering", [found and found[1] for found in said], [mapping, filtering])
        same("hairpins", "successful hairpinning" in asking[2].text, hairpins)
