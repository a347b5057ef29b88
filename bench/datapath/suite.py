"""The datapath benchmark: TCP between workloads of two hosts, ours (eBPF, MPLSoUDP, policy and connection table on) against the
kernel's own overlay (bridge and VXLAN, no policy).

    pod 10.0.0.11 ── v1  host a  eth0 ── lan ── eth0  host b  v1 ── pod 10.0.0.12
                         10.9.0.1               10.9.0.2

Both overlays see the same kernel, devices and offloads; every run checks that all bytes arrived and that they crossed the underlay."""
import os
import subprocess

from lib.check import until
from lib.topology import BUILD, Topology, ip

SECONDS = os.environ.get("BENCH_SECONDS", "2")
# better, unit, what the client is asked, (goal, floor) of ours against VXLAN, factor.
MEASURES = {
    "throughput": ("more", "Gbit/s", ("bulk", SECONDS), (1.0, 0.5), 8e-9),
    "new connections": ("more", "1/s", ("connects", SECONDS), (1.0, 0.5), 1),
    "round trip": ("less", "us", ("pings", "4000"), (1.0, 0.5), 1),
}


def underlay_bytes(host):
    text = subprocess.run(host.inside("cat", "/proc/net/dev"), capture_output=True, text=True, check=True).stdout
    line = next(line for line in text.splitlines() if line.strip().startswith("eth0:"))
    return int(line.split(":")[1].split()[8])


class Overlay:
    """Two hosts and a workload on each; subclasses join them."""

    def __init__(self):
        self.net = Topology("a", "b", "p1", "p2")
        self.hosts, self.pods = self.net.hosts[:2], self.net.hosts[2:]
        for number, (host, pod) in enumerate(zip(self.hosts, self.pods), 1):
            ip("-n", pod.ns, "link", "del", "eth0")
            ip("-n", host.ns, "link", "add", "v1", "type", "veth", "peer", "name", "eth0", "netns", pod.ns, "address",
               f"02:00:00:00:00:0{number}")
            ip("-n", pod.ns, "link", "set", "eth0", "mtu", str(self.mtu), "up")
            ip("-n", host.ns, "link", "set", "v1", "mtu", str(self.mtu), "up")
            ip("-n", pod.ns, "addr", "add", f"10.0.0.1{number}/24", "dev", "eth0")
        try:
            self.join()
            self.server = self.pods[1].popen(str(BUILD / "bin/bench_flows"), "server", "5001", stdout=subprocess.PIPE, text=True)
            assert self.server.stdout.readline() == "ready\n", "the server does not start"
            until("the workloads reach each other", lambda: self.client("pings", "1") > 0)
        except BaseException:
            self.close()
            raise

    def client(self, what, amount):
        done = subprocess.run(self.pods[0].inside(str(BUILD / "bin/bench_flows"), what, "10.0.0.12", "5001", amount),
                              stdout=subprocess.PIPE, text=True, check=True)
        return float(done.stdout)

    def measure(self):
        results = {}
        for name, (_, _, (what, amount), _, factor) in MEASURES.items():
            before = underlay_bytes(self.hosts[0])
            results[name] = self.client(what, amount) * factor
            if what == "bulk":
                crossed = underlay_bytes(self.hosts[0]) - before
                assert crossed > results[name] / factor, f"only {crossed} bytes crossed the underlay"
        return results

    def close(self):
        self.net.close()


class Vxlan(Overlay):
    name, mtu = "kernel VXLAN", 1450

    def join(self):
        for host, other in zip(self.hosts, reversed(self.hosts)):
            ip("-n", host.ns, "link", "add", "br0", "type", "bridge")
            ip("-n", host.ns, "link", "add", "vx", "type", "vxlan", "id", "100", "local", host.address, "remote", other.address,
               "dstport", "4789", "dev", "eth0")
            for device in ("vx", "v1"):
                ip("-n", host.ns, "link", "set", device, "mtu", str(self.mtu), "master", "br0", "up")
            ip("-n", host.ns, "link", "set", "br0", "up")


class Ours(Overlay):
    name, mtu = "hawser", 1468

    def join(self):
        self.planes = []
        self.pins = self.net.dir / "bpf"
        self.pins.mkdir()
        subprocess.run(["mount", "-t", "bpf", "bpf", str(self.pins)], check=True)
        for number, (host, other) in enumerate(zip(self.hosts, reversed(self.hosts)), 1):
            back = 3 - number
            plane = host.popen(str(BUILD / "bin/bench_datapath_host"), str(self.pins / str(number)), host.address, "v1",
                               f"02:00:00:00:00:0{number}", f"10.0.0.1{number}", f"10{number}", other.address, f"10.0.0.1{back}",
                               f"10{back}", stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            self.planes.append(plane)
            assert plane.stdout.readline() == "ready\n", "the datapath does not start"

    def close(self):
        try:
            for plane in getattr(self, "planes", []):
                plane.stdin.close()
                plane.wait(20)
        finally:
            for process in self.net.processes:
                process.kill()
            if hasattr(self, "pins"):
                subprocess.run(["umount", str(self.pins)], check=False)
            super().close()


class Datapath:
    name = "datapath tcp host to host"

    def run(self, runs):
        results = {Ours: [], Vxlan: []}
        for turn in range(runs):
            for overlay in ((Ours, Vxlan), (Vxlan, Ours))[turn % 2]:
                one = overlay()
                try:
                    results[overlay].append(one.measure())
                finally:
                    one.close()
                print(f"  {turn + 1}/{runs} {overlay.name}: {results[overlay][-1]}", flush=True)
        for name, (better, unit, _, (goal, floor), _) in MEASURES.items():
            yield {"name": f"{self.name}: {name}, against {Vxlan.name}", "unit": unit, "goal": goal, "floor": floor, "better": better,
                   "ours": [r[name] for r in results[Ours]], "rival": [r[name] for r in results[Vxlan]]}


def benchmarks():
    return [Datapath()]
