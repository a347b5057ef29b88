"""What every scenario test does: a lab of its own, cases that print PASS or FAIL, and an end that leaves nothing."""
import contextlib
import json
import os
import pathlib
import signal
import socket
import sys
import tempfile
import traceback

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "python"))
sys.dont_write_bytecode = True

from hawser_lab.lab import Lab, LabError, wait_for  # noqa: E402, F401

_failed = False


@contextlib.contextmanager
def case(name):
    """One verdict. An assertion or a lab error in it fails this case only."""
    global _failed
    try:
        yield
        print(f"PASS {name}", flush=True)
    except (AssertionError, LabError, OSError, KeyError, ValueError) as error:
        _failed = True
        traceback.print_exc()
        print(f"FAIL {name}: {str(error).splitlines()[0] if str(error) else type(error).__name__}", flush=True)


def site(hosts=2, objects=(), workloads=(), name="one", asn=64512):
    """A lab of one site with hosts h1..hN; objects are given as JSON, workloads as {name: (host, port)}."""
    return {
        "sites": [{
            "name": name, "asn": asn, "underlay": "10.1.0.0/24",
            "controller": {"name": "ctl", "address": "10.1.0.10"},
            "hosts": [{"name": f"h{i}", "address": f"10.1.0.{10 + i}"} for i in range(1, hosts + 1)],
            "objects": ["objects.yaml"],
        }],
        "workloads": [{"name": workload, "site": name, "host": host, "port": port}
                      for workload, (host, port) in dict(workloads).items()],
        "_objects": list(objects),
    }


@contextlib.contextmanager
def lab(topology):
    """Brings it up, yields the Lab, takes it down whatever happens. JSON is YAML."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="hawser-scenario-") as directory:
        folder = pathlib.Path(directory)
        topology = dict(topology, name=f"s{os.getpid()}")
        (folder / "objects.yaml").write_text("\n---\n".join(json.dumps(one) for one in topology.pop("_objects", [])))
        file = folder / "lab.yaml"
        file.write_text(json.dumps(topology))
        one = Lab(topology["name"], file)
        try:
            one.up()
            yield one
        finally:
            one.down()


def main(run):
    """Runs the test; the exit status says whether every case passed."""
    try:
        run()
    except Exception:  # the runner shows the traceback and counts a failure
        traceback.print_exc()
        sys.exit(1)
    sys.exit(1 if _failed else 0)


# ---- objects ----

def thing(kind, name, project=None, **spec):
    metadata = {"name": name}
    if project:
        metadata["project"] = project
    return {"kind": kind, "metadata": metadata, "spec": spec}


def network(project, name, prefix, **more):
    return thing("Network", name, project, subnets=[{"prefix": prefix}], **more)


def port(project, name, net, host, address=None, **more):
    if address:
        more["addresses"] = [address]
    return thing("Port", name, project, network=net, host=host, **more)


# ---- things to run in workloads ----

SERVER = """
import socket, sys, threading
name, port = sys.argv[1], int(sys.argv[2])
listener = socket.create_server(("0.0.0.0", port), backlog=128)
print("ready", flush=True)
def serve(connection):
    with connection:
        while True:
            data = connection.recv(4096)
            if not data: return
            connection.sendall(name.encode() + b"\\n")
while True:
    connection, _ = listener.accept()
    threading.Thread(target=serve, args=(connection,), daemon=True).start()
"""

# Opens N connections, says who answered each, then, for each line on its input, asks on all of them again.
ASKER = """
import socket, sys, json
address, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
def ask(one):
    try:
        one.sendall(b"?")
        return one.recv(100).decode().strip() or "closed"
    except OSError as error:
        return type(error).__name__
held = []
for _ in range(count):
    held.append(socket.create_connection((address, port), 3))
print(json.dumps([ask(one) for one in held]), flush=True)
for _ in sys.stdin:
    print(json.dumps([ask(one) for one in held]), flush=True)
"""


class Program:
    """A Python program in a node, spoken to by lines."""

    def __init__(self, lab_, node, source, *arguments):
        import subprocess
        self.process = subprocess.Popen(lab_.netns_command(node, sys.executable, "-c", source, *map(str, arguments)),
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.first = self.process.stdout.readline().strip()

    def ask(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self.read()

    def read(self):
        return json.loads(self.process.stdout.readline())

    def end(self):
        self.process.kill()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()


def pings(lab_, node, address, size=56, dont_fragment=False):
    flags = ["-M", "do"] if dont_fragment else []
    done = lab_.netns(node, "ping", "-c", "1", "-W", "2", "-s", str(size), *flags, address)
    return done.returncode == 0, done.stdout + done.stderr


def agent(lab_, host, **request):
    """What the host's agent answers over its socket (docs/modules/agent.md)."""
    with socket.socket(socket.AF_UNIX) as one, one.makefile() as answers:
        one.settimeout(5)
        one.connect(str(lab_.agent_socket(host)))
        one.sendall(json.dumps(request).encode() + b"\n")
        return json.loads(answers.readline())


def counter(lab_, host, name):
    """A counter of the host's agent, by its name for Prometheus."""
    for line in agent(lab_, host, op="metrics")["text"].splitlines():
        if line.split(" ")[0] == name:
            return float(line.split(" ")[1])
    return 0.0


def drops(lab_, host, reason):
    """Packets that the host's datapath dropped for a reason."""
    answer = json.loads(lab_.hawser("datapath", "drops", "--socket", str(lab_.agent_socket(host)), "-o", "json").stdout)
    return answer["counts"].get(reason, 0)
