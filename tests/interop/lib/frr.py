"""FRR 8.4's bgpd of the lab's tree, without zebra and without touching the kernel (-n -Z). Its quirks that matter here:

* It refuses neighbours on its own addresses, hence namespaces.
* After a session comes up its updates wait 1 s and more (the coalesce timer).
* Labels come with the low traffic-class bit set; withdrawals carry label 0.
* No RT-constraint."""
import json

from lib.check import until
from lib.topology import Container


def neighbor(address, asn, *vpn_lines, **options):
    """(lines of the router, lines of the family ipv4 vpn) for one neighbour."""
    lines = [f"neighbor {address} remote-as {asn}", f"neighbor {address} timers {options.get('keepalive', 30)} "
             f"{options.get('hold', 90)}", f"neighbor {address} timers connect 1"]
    if "password" in options:
        lines.append(f"neighbor {address} password {options['password']}")
    if options.get("passive"):
        lines.append(f"neighbor {address} passive")
    return lines, [f"neighbor {address} activate", *[f"neighbor {address} {line}" for line in vpn_lines]]


class Frr:
    def __init__(self, host, asn, neighbors, originate=(), restart_time=60):
        """originate: (prefix, rd, label, target) that bgpd announces by itself."""
        self.host, self.asn = host, asn
        router = [f"bgp router-id {host.address}", f"bgp cluster-id {host.address}", "no bgp default ipv4-unicast",
                  "no bgp ebgp-requires-policy", "bgp graceful-restart", "bgp graceful-restart preserve-fw-state",
                  f"bgp graceful-restart restart-time {restart_time}", "coalesce-time 50"]
        family, maps = [], []
        for lines, vpn in neighbors:
            router += lines
            family += vpn
        for number, (prefix, rd, label, target) in enumerate(originate):
            family.append(f"network {prefix} rd {rd} label {label} route-map m{number}")
            maps += [f"route-map m{number} permit 10", f" set extcommunity rt {target}", "exit"]
        config = host.topology.dir / f"{host.name}.conf"
        config.write_text("\n".join(["frr defaults traditional", *maps, f"router bgp {asn}", *[f" {line}" for line in router],
                                     " address-family ipv4 vpn", *[f"  {line}" for line in family],
                                     " exit-address-family", "exit", ""]))
        command = ("mkdir -p /run/frr && chown frr:frr /run/frr && cp /etc/bgpd.in /etc/frr/bgpd.conf && "
                   "chown frr:frr /etc/frr/bgpd.conf && exec /usr/lib/frr/bgpd -n -Z -f /etc/frr/bgpd.conf -A 127.0.0.1 "
                   "--log stdout")
        self.container = Container(host, command, [(config, "/etc/bgpd.in")])
        until("bgpd answers", lambda: self.json("show bgp summary") is not None)

    def vty(self, *commands):
        return self.container.run("vtysh", *[part for command in commands for part in ("-c", command)])

    def json(self, command):
        return json.loads(self.vty(command + " json"))

    def up(self, address):
        peers = self.json("show bgp ipv4 vpn summary").get("peers", {})
        return peers.get(address, {}).get("state") == "Established"

    def routes(self, prefix, rd="64512:1"):
        """The paths of a VPN prefix: [{label, nextHop, communities, asPath, stale, valid}]."""
        found = self.json(f"show bgp ipv4 vpn rd {rd} {prefix}")
        return [{"label": path.get("remoteLabel"), "nextHop": path["nexthops"][0]["ip"], "stale": path.get("stale", False),
                 "communities": path.get("extendedCommunity", {}).get("string", ""), "valid": path.get("valid", False),
                 "asPath": path["aspath"]["string"]} for path in found.get(rd, {}).get("paths", [])]

    def wait_route(self, prefix, rd="64512:1", limit=20):
        return until(f"{prefix} at bgpd", lambda: self.routes(prefix, rd), limit, every=0.1)[0]

    def wait_gone(self, prefix, rd="64512:1", limit=20):
        until(f"{prefix} gone from bgpd", lambda: not self.routes(prefix, rd), limit, every=0.1)

    def kill(self):
        self.container.kill()
