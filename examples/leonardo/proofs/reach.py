"""Proofs 1 and 2: who reaches whom, and who does not."""
import contextlib
import json
import subprocess
import sys
import time
from collections import Counter

from hawser_lab import traffic
from hawser_lab.lab import LabError, wait_for

PUBLIC = "185.22.97.188"
VIP = "10.254.98.15"
PRIMARY = "10.0.100.11"
OUTSIDER = "default/Public@203.0.113.100"


def http(lab, path, *arguments):
    done = lab.netns("client", "curl", "-sS", "-m", "8", "-D", "/dev/stderr", *arguments, f"http://{PUBLIC}{path}")
    headers = dict(line.split(": ", 1) for line in done.stderr.splitlines() if ": " in line)
    return done.returncode, headers, done.stdout


def pages(lab, report):
    """Proof 1: through the public address to the database in the other site and back."""
    # Hosts and gateways learn the way one after another, and each connection may take another one.
    wait_for(lambda: all(http(lab, "/healthz", "-f")[0] == 0 for _ in range(12)), 60, "pages through the public address")
    code, headers, page = http(lab, "/")
    nginx, app = headers.get("X-Nginx-Pod", ""), headers.get("X-App-Pod", "")
    report.prove(code == 0 and nginx in lab.pods("nginx") and app in lab.pods("leonardo") and nginx in page and app in page,
                 f"the outside client gets http://{PUBLIC}/, served by {nginx} and {app}", page[:200])
    text = f"written at {time.time():.3f} through {PUBLIC}"
    code, headers, body = http(lab, "/notes", "--json", json.dumps({"text": text}))
    posted = json.loads(body) if code == 0 and body.startswith("{") else {}
    report.prove(posted.get("database") == PRIMARY, f"what it posts is written through the primary at {PRIMARY}", body[:200])
    stored = lab.inside("pg1", "psql", "-U", "leonardo", "-h", "/run/postgresql", "-Atc",
                        f"select app from leonardo_note where text = '{text}'", "leonardo").strip()
    report.prove(stored == posted.get("app", "?"), "the row is in PostgreSQL on pg1, in the other site", stored)
    wait_for(lambda: text in lab.inside("pg3", "psql", "-U", "leonardo", "-h", "/run/postgresql", "-Atc",
                                        "select text from leonardo_note", "leonardo"), 15, "the row on a replica")
    code, headers, body = http(lab, "/notes")
    report.prove(text in body, "it is read back from outside, and streams to the replicas", body[:200])
    records = traffic.burst(lab, "client", PUBLIC, "/whoami", 300)
    good = [record for record in records if record["ok"]]
    shares = Counter(record["nginx"] for record in good)
    text = ", ".join(f"{name} {100 * count / max(1, len(good)):.0f} %" for name, count in sorted(shares.items()))
    report.prove(len(good) == 300 and len(shares) == 3 and min(shares.values()) >= 60,
                 f"over 300 connections each nginx serves at least 20 %: {text}", f"{len(good)} of 300 answered")


def blocked(lab, report, what, node, address, port, site, source):
    """A real attempt fails, and the trace says why."""
    outcome = lab.connects(node, address, port)
    try:
        answer = lab.trace(site, source, address, port)
    except LabError as error:
        answer = {"reaches": None, "blockedBy": "", "reason": str(error)}
    reason = {"policy": "a policy", "route": "a missing route", "service": "the service"}.get(answer["blockedBy"], "?")
    report.prove(outcome in ("refused", "unreachable", "timeout") and answer["reaches"] is False and reason != "?",
                 f"{what}: {outcome}, by {reason}: {answer['reason']}", f"trace: {answer}")


def open_(lab, report, what, node, address, port, site, source):
    outcome = lab.connects(node, address, port)
    answer = lab.trace(site, source, address, port)
    report.prove(outcome == "connected" and answer["reaches"], f"{what}: {outcome}, and the trace says so",
                 f"{outcome}; trace: {answer}")


@contextlib.contextmanager
def listening(lab, node, address, port):
    """Something answers there: who does not get through is kept out."""
    program = ("import socket,sys\nserver = socket.create_server((sys.argv[1], int(sys.argv[2])))\n"
               "while True: server.accept()[0].close()\n")
    process = subprocess.Popen(lab.netns_command(node, sys.executable, "-c", program, address, str(port)))
    try:
        wait_for(lambda: lab.connects(node, address, port) == "connected", 10, f"{node} listening at port {port}")
        yield
    finally:
        process.kill()
        process.wait()


def isolation(lab, report):
    """Proof 2."""
    nginx, front = next(iter(sorted(lab.ready_pods("nginx").items())))
    app, back = next(iter(sorted(lab.ready_pods("leonardo").items())))
    nginx_node, app_node = lab.pod_node(nginx), lab.pod_node(app)
    k8s, os_ = "kubernetes", "openstack"
    open_(lab, report, f"application → database {PRIMARY}:5432", app_node, PRIMARY, 5432, k8s, f"default/{app}")
    open_(lab, report, f"nginx → application's service {VIP}:8000", nginx_node, VIP, 8000, k8s, f"default/{nginx}")
    blocked(lab, report, "nginx → database", nginx_node, PRIMARY, 5432, k8s, f"default/{nginx}")
    blocked(lab, report, "nginx → an application pod itself", nginx_node, back["address"], 8000, k8s, f"default/{nginx}")
    blocked(lab, report, "outside → application", "client", back["address"], 8000, k8s, OUTSIDER)
    blocked(lab, report, "outside → application's service", "client", VIP, 8000, k8s, OUTSIDER)
    blocked(lab, report, "outside → database", "client", PRIMARY, 5432, k8s, OUTSIDER)
    blocked(lab, report, "database → nginx", "pg1", front["address"], 80, os_, "demo/pg1")
    with listening(lab, "pg1", PRIMARY, 9022):
        blocked(lab, report, "application → database, another port", app_node, PRIMARY, 9022, k8s, f"default/{app}")
    own = lab.netns("intruder", "ip", "-4", "-o", "addr", "show", "dev", "eth0").stdout
    report.prove(PRIMARY in own, f"a pod of another tenant has the database's address {PRIMARY} too", own)
    for what, address, port in [("a replica", "10.0.100.12", 5432), ("an application pod", back["address"], 8000),
                                ("an nginx pod", front["address"], 80), ("the application's service", VIP, 8000),
                                ("the public address", PUBLIC, 80)]:
        blocked(lab, report, f"that pod → {what}", "intruder", address, port, k8s, "other/intruder")
    own = lab.netns("other-vm", "ip", "-4", "-o", "addr", "show", "dev", "eth0").stdout
    report.prove(PRIMARY in own, "and so has a VM of that tenant in the database's own site", own)
    for what, address, port in [("a replica", "10.0.100.12", 5432), ("an application pod", back["address"], 8000)]:
        blocked(lab, report, f"that VM → {what}", "other-vm", address, port, os_, "other/other-vm")
