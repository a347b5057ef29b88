"""Proof 5: changes, with traffic running."""
import re
import time

from hawser_lab import traffic
from hawser_lab.lab import wait_for
from .reach import PRIMARY, PUBLIC
from .tables import DATABASES, gateway_paths

SHARED_TARGET = "64512:500"
LINK = "db-leonardo"


def link_up(lab):
    """The site openstack proposes, the site kubernetes accepts."""
    lab.at("openstack", "link", "propose", "db", "--project", "demo", "--peer", "kubernetes", "--remote-network",
           "default/leonardo", "--name", LINK)
    wait_for(lambda: lab.at("kubernetes", "link", "accept", "--network", "default/leonardo", check=False).returncode == 0, 20,
             "the proposed link")


def link_down(lab):
    lab.at("openstack", "link", "withdraw", LINK)


class Changes:
    def __init__(self, lab, report, manifests, variant):
        self.lab, self.report, self.manifests, self.variant = lab, report, manifests, variant
        self.load = None
        self.began = 0.0

    def run(self):
        self.load = traffic.Load(self.lab, "client", PUBLIC)
        try:
            wait_for(lambda: sum(r["ok"] for r in self.load.since(0)) > 50, 30, "traffic")
            self.pod_replaced()
            self.scaled(3, 5)
            self.scaled(5, 2)
            self.scaled(2, 3)
            self.database_moved()
            self.target_withdrawn()
            for process in ("ctl-k8s", "ctl-os"):
                self.controller_killed(process)
            self.gateway_died()
        finally:
            self.load.stop()

    def begin(self):
        """The moment of a change; failures of the one before it have ended."""
        calm = self.load.calm()
        self.report.require(calm, "requests fail before the change")
        return self.now()

    def now(self):
        self.began = time.monotonic()
        return self.began

    def tell(self, text, began, reached, allowed=None):
        """`reached`: seconds until the wanted state was there. allowed: how many failures the proof forgives (None: any,
        as long as they end)."""
        settled = self.load.settle(began)
        records = self.load.since(began)
        bad = [r for r in records if not r["ok"]]
        broken = sum(r["kind"] == "kept" for r in bad)
        kinds = ", ".join(sorted({r["why"] for r in bad}))
        holds = settled is not None and reached is not None and (allowed is None or len(bad) <= allowed)
        took = "never" if settled is None else f"{max(settled, reached or 0):.1f} s"
        self.report.prove(holds, f"{text}: converged in {took}; {len(bad)} of {len(records)} requests failed"
                          f"{f' ({broken} on kept connections; {kinds})' if bad else ''}",
                          "the state was not reached" if reached is None else "")

    def failed(self, began):
        records = self.load.since(began)
        return f"{sum(not r['ok'] for r in records)} of {len(records)} requests failed"

    def until(self, condition, seconds, what):
        """Seconds from the beginning of the change until it held, or None."""
        try:
            wait_for(condition, seconds, what)
            return time.monotonic() - self.began
        except Exception as error:  # told as a proof that does not hold
            self.report.say(str(error))
            return None

    def gateways_have(self, count):
        return all(len(gateway_paths(self.lab, gateway)[0]) == count for gateway in ("mx1", "mx2"))

    def pod_replaced(self):
        lab = self.lab
        before = lab.ready_pods("nginx")
        victim = sorted(before)[0]
        began = self.begin()
        lab.delete_pod(victim)
        reached = self.until(lambda: len(lab.ready_pods("nginx")) == 3 and victim not in lab.pods("nginx") and
                             self.gateways_have(3), 60, "three other nginx pods at the gateways")
        self.tell(f"nginx pod {victim} is deleted and another starts", began, reached)

    def scaled(self, old, new):
        file = self.manifests / "leonardo-rc.yaml"
        text = file.read_text()
        began = self.begin()
        part = file.with_suffix(".part")
        part.write_text(re.sub(r"replicas: \d+", f"replicas: {new}", text))
        part.replace(file)
        reached = self.until(
            lambda: len(self.lab.ready_pods("leonardo")) == new and
            len(self.lab.next_hops("kubernetes", "default", "nginx", "10.254.98.15/32")) == new, 60,
            f"{new} application pods in nginx's table")
        self.tell(f"the application scales {old} → {new}", began, reached)

    def database_moved(self):
        lab = self.lab
        began = self.begin()
        lab.lab("move", "pg1", "compute2")
        reached = self.until(lambda: lab.next_hops("kubernetes", "default", "leonardo", DATABASES[0]) == ["10.1.0.12"], 60,
                             "the primary's route from compute2")
        self.tell(f"the primary database moves to compute2 with its address {PRIMARY} (switched off for the move)", began,
                  reached)
        kept = lab.inside("pg1", "psql", "-U", "leonardo", "-h", "/run/postgresql", "-Atc",
                          "select count(*) from leonardo_note", "leonardo").strip()
        self.report.prove(kept.isdigit() and int(kept) > 0, f"its {kept} notes moved with it", kept)

    def target_withdrawn(self):
        lab = self.lab
        databases = lambda: [bool(lab.next_hops("kubernetes", "default", "leonardo", one)) for one in DATABASES]
        what = "the Link is" if self.variant == "link" else f"the shared route target {SHARED_TARGET} is"
        began = self.begin()
        self.stitch(False)
        gone = self.until(lambda: not any(databases()), 30, "no database in leonardo's table")
        app = sorted(lab.pods("leonardo"))[0]
        outcome = lab.connects(lab.pod_node(app), PRIMARY, 5432)
        self.report.prove(gone is not None and outcome != "connected",
                          f"{what} withdrawn: the databases leave leonardo's table after {gone or 0:.1f} s, application → "
                          f"database: {outcome}; {self.failed(began)} (they need the database)")
        began = self.now()
        self.stitch(True)
        reached = self.until(lambda: all(databases()), 30, "the databases in leonardo's table")
        self.tell(f"{what} put back", began, reached)

    def stitch(self, on):
        if self.variant == "link":
            (link_up if on else link_down)(self.lab)
            return
        network = self.lab.json("openstack", "get", "network", "db", "--project", "demo")
        network["spec"]["routeTargets"] = {"both": [SHARED_TARGET] if on else []}
        network.pop("status", None)
        network["metadata"].pop("resourceVersion", None)
        self.lab.apply("openstack", network)

    def controller_killed(self, process):
        lab = self.lab
        site = {"ctl-k8s": "kubernetes", "ctl-os": "openstack"}[process]
        began = self.begin()
        lab.lab("kill", process)
        dead = time.monotonic()
        quiet = self.load.settle(dead, limit=15)
        started = self.now()
        lab.lab("start", process)
        reached = self.until(lambda: self.all_established(site), 60, f"the sessions of {process}")
        self.tell(f"the controller of {site} is killed and, {started - dead:.0f} s later, started again, with all its sessions",
                  began, reached if quiet is not None else None, allowed=0)

    def all_established(self, site):
        peers = self.lab.json(site, "bgp", "peers")
        peers = peers.get("peers", peers) if isinstance(peers, dict) else peers
        return len(peers) >= 3 and all(peer["state"] == "Established" for peer in peers)

    def gateway_died(self):
        lab = self.lab
        began = self.begin()
        lab.lab("kill", "mx1")
        reached = self.until(lambda: len({p["nextHop"] for r in lab.routes("kubernetes", "default", "Public")
                                          if r["prefix"] == "0.0.0.0/0" for p in r["paths"]}) == 1, 60,
                             "one default route in Public")
        self.tell("gateway mx1 dies", began, reached)
        began = self.begin()
        lab.lab("start", "mx1")
        reached = self.until(lambda: self.gateways_have(3), 90, "three paths at mx1 again")
        self.tell("gateway mx1 comes back", began, reached)
