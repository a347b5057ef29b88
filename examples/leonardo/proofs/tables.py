"""Proofs 3 and 4: the routing tables, and the packets' way."""
import re

from hawser_lab import capture, traffic
from .reach import PRIMARY, PUBLIC, VIP

DATABASES = ["10.0.100.11/32", "10.0.100.12/32", "10.0.100.13/32"]
NODES = {"10.2.0.11", "10.2.0.12", "10.2.0.13"}
COMPUTES = {"10.1.0.11", "10.1.0.12"}


def gateway_paths(lab, gateway):
    """Next hops and labels that the gateway's kernel holds for the public address."""
    table = lab.gateway(gateway, f"ip route show vrf Public {PUBLIC}")
    return re.findall(r"encap mpls\s+(\d+).*?via\s+(?:inet )?([\d.]+)|encap mpls\s+(\d+).*?dev (\S+)", table), table


def show(lab, report, site, project, network):
    report.say(f"$ hawser --context {site} routes {network} --project {project}")
    report.say(lab.at(site, "routes", network, "--project", project).stdout)


def tables(lab, report):
    """Proof 3."""
    show(lab, report, "kubernetes", "default", "nginx")
    prefixes = {route["prefix"] for route in lab.routes("kubernetes", "default", "nginx")}
    pods = {f"{pod['address']}/32" for pod in lab.ready_pods("nginx").values()}
    report.prove(pods <= prefixes and f"{VIP}/32" in prefixes and not prefixes & set(DATABASES),
                 f"nginx's table: its pods and {VIP}/32, and no database", str(prefixes))
    hops = lab.next_hops("kubernetes", "default", "nginx", f"{VIP}/32")
    report.prove(len(hops) == len(lab.ready_pods("leonardo")), f"{VIP}/32 has a path for each application pod", str(hops))
    show(lab, report, "kubernetes", "default", "leonardo")
    hops = [lab.next_hops("kubernetes", "default", "leonardo", prefix) for prefix in DATABASES]
    report.prove(all(hop and set(hop) <= COMPUTES for hop in hops),
                 "leonardo's table: 10.0.100.11-13/32 with next hops in the other site", str(hops))
    for gateway in ("mx1", "mx2"):
        paths, table = gateway_paths(lab, gateway)
        report.say(f"$ hawser lab exec {lab.name} {gateway} -- ip route show vrf Public")
        report.say(lab.gateway(gateway, "ip route show vrf Public"))
        report.prove(len(paths) == 3, f"{gateway}'s VRF Public: three paths to {PUBLIC}", table)


def direct(lab, report, directory):
    """Proof 4."""
    nodes = ["transit", "ctl-os", "ctl-k8s", "gw-mx1", "gw-mx2"]
    captures = {}
    try:
        for node in nodes:
            captures[node] = capture.Capture(lab, node, directory)
        answered = [r for r in traffic.burst(lab, "client", PUBLIC, "/healthz", 30) if r["ok"]]
    finally:
        seen = {node: one.stop() for node, one in captures.items()}
    apps = {pod["address"]: pod["node"] for pod in lab.ready_pods("leonardo").values()}
    wire = [p for p in seen["transit"] if p.target == PRIMARY and p.dport == 5432 and p.source in apps]
    pairs = {(p.outer_source, p.outer_target) for p in wire}
    report.say("outer source → outer target  (pod → database inside)")
    for pair in sorted({(p.outer_source, p.outer_target, p.encapsulation, p.source, p.target) for p in wire}):
        report.say("{} → {}  {}  ({} → {}:5432)".format(*pair))
    report.prove(len(answered) == 30 and pairs and all(a in NODES and b in COMPUTES for a, b in pairs),
                 f"{len(wire)} pod-to-database packets on the underlay, outside addresses are the two hosts'", str(pairs))
    report.prove(not seen["ctl-os"] and not seen["ctl-k8s"], "the controllers carry no packet of any workload")
    through = [p for gateway in ("gw-mx1", "gw-mx2") for p in seen[gateway] if PRIMARY in (p.source, p.target)]
    public = [p for gateway in ("gw-mx1", "gw-mx2") for p in seen[gateway] if p.encapsulation == "MPLSoGRE"]
    report.prove(not through and public,
                 f"the gateways carry the outside's {len(public)} packets by MPLSoGRE, and none to the database")
