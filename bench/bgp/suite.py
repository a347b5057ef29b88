"""The BGP benchmarks: a table through a route reflector, to one and to ten receivers.

    load: injector 10.9.0.101, receivers 10.9.0.102 … ── lan ── 10.9.0.1  the reflector under test

A fresh daemon for each measurement. What is timed, and that it is checked first, is in load.cpp."""
import json
import os
import subprocess

from bgp.routers import DAEMON, Bird, Frr, Gobgp, Ours
from lib.topology import BUILD, Topology, ip

ROUTES = int(os.environ.get("BENCH_ROUTES", "100000"))

# What of the load's line: less is better for all.
FIGURES = {"cpu": "s of CPU", "wall": "s", "single": "ms", "withdrawWall": "s", "memory": "bytes a route"}
TITLES = {"cpu": "CPU", "wall": "time", "single": "one new route", "withdrawWall": "withdrawal of all", "memory": "memory"}
# (rival, figure) -> (goal, floor) of rival / ours. A floor is what must not be lost again; a goal is where we want to be.
LIMITS = {
    ("BIRD 2.0.12", "cpu"): (1.0, 0.25),
    ("BIRD 2.0.12", "wall"): (1.0, 0.08),
    ("BIRD 2.0.12", "single"): (1.0, 0.1),
    ("BIRD 2.0.12", "withdrawWall"): (1.0, 0.02),
    ("BIRD 2.0.12", "memory"): (1.0, 0.04),
    ("FRR 8.4", "cpu"): (1.0, 0.25),
    ("FRR 8.4", "wall"): (1.0, 0.15),
    ("FRR 8.4", "single"): (10.0, 5.0),
    ("FRR 8.4", "withdrawWall"): (1.0, 0.2),
    ("FRR 8.4", "memory"): (2.0, 0.6),
    ("GoBGP 3.10", "cpu"): (10.0, 3.0),
    ("GoBGP 3.10", "wall"): (10.0, 2.0),
    ("GoBGP 3.10", "single"): (1.0, 0.2),
    ("GoBGP 3.10", "withdrawWall"): (10.0, 3.0),
    ("GoBGP 3.10", "memory"): (2.0, 0.5),
}


class Reflection:
    def __init__(self, receivers, rivals, tenants=False):
        self.receivers, self.rivals, self.tenants = receivers, rivals, tenants
        self.name = f"bgp vpnv4 {ROUTES // 1000}k to {receivers}" + (", tenants" if tenants else "")

    def once(self, router):
        net = Topology("d", "l")
        try:
            daemon, load = net.hosts
            for number in range(self.receivers + 1):
                ip("-n", load.ns, "addr", "add", f"10.9.0.{101 + number}/24", "dev", "eth0")
            under_test = router(daemon, self.receivers)
            command = load.inside(str(BUILD / "bin/bench_bgp_load"), DAEMON, "10.9.0.101", str(self.receivers), str(ROUTES),
                                  str(under_test.pid), *(["tenants"] if self.tenants else []))
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            under_test.stop()
            return json.loads(done.stdout)
        finally:
            net.close()

    def run(self, runs):
        routers = [Ours, *self.rivals]
        results = {router: [] for router in routers}
        for turn in range(runs):
            # Rotated, so that none is always the first.
            for router in routers[turn % len(routers):] + routers[: turn % len(routers)]:
                results[router].append(self.once(router))
                print(f"  {turn + 1}/{runs} {router.name}: {json.dumps(results[router][-1])}", flush=True)
        for rival in self.rivals:
            for figure, unit in FIGURES.items():
                goal, floor = LIMITS[rival.name, figure]
                yield {"name": f"{self.name}: {TITLES[figure]}, against {rival.name}", "unit": unit, "goal": goal, "floor": floor,
                       "ours": [r[figure] for r in results[Ours]], "rival": [r[figure] for r in results[rival]]}


def benchmarks():
    return [Reflection(1, [Bird, Frr, Gobgp]), Reflection(10, [Bird, Frr, Gobgp]), Reflection(10, [Bird, Frr], tenants=True)]
