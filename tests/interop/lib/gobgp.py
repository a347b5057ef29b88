"""GoBGP 3.10 of the lab's tree. Its quirks that the tests must live with:

* idle-hold-time-after-reset is 30 s unless set: it refuses connections that long after a session ended.
* A default membership beside any other one, or twice, crashes it (fixed upstream later): the tests send it alone, once.
* Routes of a VRF get label 0; routes with a label are put into the global table with the VRF's RD and targets."""
import json

from lib.check import until
from lib.topology import Container

FAMILIES = ("l3vpn-ipv4-unicast", "rtc")


def neighbor(address, asn, client=False, passive=False, hold=90, families=FAMILIES, cluster="10.9.0.9", restart_time=60):
    text = f"""
[[neighbors]]
  [neighbors.config]
    neighbor-address = "{address}"
    peer-as = {asn}
  [neighbors.timers.config]
    hold-time = {hold}
    keepalive-interval = {max(1, hold // 3)}
    connect-retry = 1
    idle-hold-time-after-reset = 1
  [neighbors.graceful-restart.config]
    enabled = true
    restart-time = {restart_time}
    notification-enabled = true
"""
    if client:
        text += f"""  [neighbors.route-reflector.config]
    route-reflector-client = true
    route-reflector-cluster-id = "{cluster}"
"""
    if passive:
        text += "  [neighbors.transport.config]\n    passive-mode = true\n"
    for family in families:
        text += f"""  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "{family}"
    [neighbors.afi-safis.mp-graceful-restart.config]
      enabled = true
"""
    return text


class Gobgp:
    def __init__(self, host, asn, neighbors, restarting=False):
        self.host, self.asn = host, asn
        config = host.topology.dir / f"{host.name}.toml"
        config.write_text(f'[global.config]\n  as = {asn}\n  router-id = "{host.address}"\n'
                          f'  local-address-list = ["{host.address}"]\n' + "".join(neighbors))
        flag = " -r" if restarting else ""
        self.container = Container(host, f"exec gobgpd -t toml -f /etc/gobgp.toml{flag}", [(config, "/etc/gobgp.toml")])
        until("gobgpd answers", lambda: self.ctl("global"))

    def ctl(self, *arguments):
        return self.container.run("gobgp", *arguments)

    def json(self, *arguments):
        return json.loads(self.ctl("-j", *arguments) or "null")

    def state(self, address):
        # Codes of the state: 6 is Established.
        for peer in self.json("neighbor"):
            if peer["state"]["neighbor_address"] == address:
                return peer["state"].get("session_state", 0)
        return 0

    def originate(self, prefix, *targets, label=299840, rd="64513:7", encapsulation="gre", next_hop=None):
        self.ctl("global", "rib", "add", "-a", "vpnv4", prefix, "label", str(label), "rd", rd, "rt", *targets,
                 "encap", encapsulation, "nexthop", next_hop or self.host.address)

    def withdraw(self, prefix, label=299840, rd="64513:7"):
        self.ctl("global", "rib", "del", "-a", "vpnv4", prefix, "label", str(label), "rd", rd)

    def vrf(self, name, rd, *targets, imports=None):
        if imports is None:
            self.ctl("vrf", "add", name, "rd", rd, "rt", "both", *targets)
        else:
            self.ctl("vrf", "add", name, "rd", rd, "rt", "import", *imports, "export", *targets)

    def vrf_del(self, name):
        self.ctl("vrf", "del", name)

    def route(self, prefix, family="vpnv4"):
        """The paths of a VPN prefix: [{label, rd, nextHop, targets, encapsulation, asPath, stale}]."""
        found = []
        table = self.json("global", "rib", "-a", family) or {}
        for key, paths in table.items():
            if key.split(":")[-1] != prefix:
                continue
            found += [self._path(path) for path in paths]
        return found

    @staticmethod
    def _path(path):
        out = {"label": path["nlri"].get("labels"), "stale": path.get("stale", False), "targets": [], "asPath": [],
               "nextHop": None, "encapsulation": None}
        for attribute in path["attrs"]:
            if attribute["type"] == 16:
                for community in attribute["value"]:
                    if community.get("type") in (0, 1, 2) and community.get("subtype") == 2:
                        out["targets"].append(community["value"])
                    elif community.get("subtype") == 12:
                        out["encapsulation"] = community.get("tunnel_type")
            elif attribute["type"] == 14:
                out["nextHop"] = attribute["nexthop"]
            elif attribute["type"] == 2:
                out["asPath"] = [a for segment in attribute["as_paths"] for a in segment["asns"]]
        return out

    def wait_route(self, prefix, limit=20):
        return until(f"{prefix} at gobgpd", lambda: self.route(prefix), limit, every=0.2)[0]

    def wait_gone(self, prefix, limit=20):
        until(f"{prefix} gone from gobgpd", lambda: not self.route(prefix), limit, every=0.2)

    def alive(self):
        return self.container.process.poll() is None

    def kill(self):
        self.container.kill()

    def reload(self):
        self.container.run("pkill", "-HUP", "gobgpd")
