"""The lab, through the commands that a person would use."""
import json
import os
import pathlib
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
HAWSER = ROOT / os.environ.get("HAWSER_BUILD", os.environ.get("BUILD", "build")) / "bin" / "hawser"


class LabError(RuntimeError):
    pass


class Lab:
    def __init__(self, name, file):
        self.name, self.file = name, file
        self.run = pathlib.Path(os.environ.get("HAWSER_RUN", "/run/hawser")) / "lab" / name
        self.environment = dict(os.environ, HAWSER_CONFIG=str(self.run / "config.yaml"))

    # ---- commands ----
    def hawser(self, *arguments, check=True, timeout=120, text=""):
        done = subprocess.run([str(HAWSER), *arguments], env=self.environment, text=True, input=text,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout)
        if check and done.returncode != 0:
            raise LabError(f"hawser {' '.join(arguments)}: {done.stderr.strip() or done.stdout.strip()}")
        return done

    def at(self, site, *arguments, **options):
        return self.hawser("--context", site, *arguments, **options)

    def json(self, site, *arguments):
        return json.loads(self.at(site, *arguments, "-o", "json").stdout)

    def apply(self, site, thing):
        self.at(site, "apply", "-f", "-", text=json.dumps(thing))

    def lab(self, verb, *arguments, **options):
        return self.hawser("lab", verb, self.name, *arguments, **options)

    def up(self, *options):
        command = [str(HAWSER), "lab", "up", str(self.file), *options]
        process = subprocess.Popen(command, env=self.environment)
        try:
            status = process.wait()
        except KeyboardInterrupt:
            process.wait()  # it heard that too, and takes down what it made
            raise
        except BaseException:
            process.terminate()
            process.wait()
            raise
        if status != 0:
            raise LabError(f"hawser lab up {self.file} ended with status {status}")

    def down(self):
        if self.run.exists():
            subprocess.run([str(HAWSER), "lab", "down", self.name], env=self.environment, check=False,
                           stdout=subprocess.DEVNULL)

    # ---- nodes ----
    def netns_command(self, node, *arguments):
        """`node`: a host, controller, workload, pod or outside host of the lab."""
        return ["nsenter", f"--net=/run/netns/{self.name}-{node}", *arguments]

    def netns(self, node, *arguments, timeout=20):
        return subprocess.run(self.netns_command(node, *arguments), text=True, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout)

    def connects(self, node, address, port, seconds=1.5):
        """How a TCP connection from the node ends: "connected", "refused", "unreachable" or "timeout"."""
        program = (
            "import socket,sys\n"
            "try: socket.create_connection((sys.argv[1], int(sys.argv[2])), float(sys.argv[3])); print('connected')\n"
            "except ConnectionRefusedError: print('refused')\n"
            "except TimeoutError: print('timeout')\n"
            "except OSError as error: print('unreachable')\n")
        return self.netns(node, "python3", "-c", program, address, str(port), str(seconds)).stdout.strip()

    def inside(self, workload, *arguments, check=True):
        return self.lab("exec", workload, "--", *arguments, check=check).stdout

    def agent_socket(self, host):
        return self.run / "sockets" / f"{host}.sock"

    def gateway(self, name, command):
        return self.inside(name, command)

    # ---- pods ----
    @property
    def kube_state(self):
        return self.run / "data" / "kube"

    def pods(self, label=None):
        """Running pods as {name: {"address", "node", "ready"}}, of one `name` label or all."""
        listed = json.loads(self.hawser("kube", "ctl", "--state", str(self.kube_state), "get", "-o", "json").stdout)
        found = {}
        for pod in listed:
            meta, status = pod["metadata"], pod.get("status", {})
            if "deletionTimestamp" in meta or (label and meta.get("labels", {}).get("name") != label):
                continue
            ready = any(c.get("type") == "Ready" and c.get("status") == "True" for c in status.get("conditions", []))
            found[meta["name"]] = {"address": status.get("podIP", ""), "node": pod["spec"].get("nodeName", ""),
                                   "ready": ready}
        return found

    def ready_pods(self, label):
        return {name: pod for name, pod in self.pods(label).items() if pod["ready"]}

    @staticmethod
    def pod_node(name, namespace="default"):
        """A pod's name as a node of the lab."""
        return f"{namespace}_{name}"

    def delete_pod(self, name):
        self.hawser("kube", "ctl", "--state", str(self.kube_state), "delete", name)

    # ---- networks ----
    def routes(self, site, project, network):
        return self.json(site, "routes", network, "--project", project)["routes"]

    def next_hops(self, site, project, network, prefix):
        return sorted(path["nextHop"] for route in self.routes(site, project, network) if route["prefix"] == prefix
                      for path in route["paths"])

    def trace(self, site, source, target, port):
        done = self.at(site, "trace", source, target, "--port", str(port), "-o", "json", check=False)
        try:
            return json.loads(done.stdout)
        except ValueError:
            raise LabError(f"trace {source} {target}: {done.stderr.strip()}") from None


def wait_for(condition, seconds, what):
    """Polls a state; seconds until it held."""
    began = time.monotonic()
    while True:
        try:
            if condition():
                return time.monotonic() - began
        except LabError:
            pass
        if time.monotonic() - began > seconds:
            raise LabError(f"after {seconds:.0f} s still not: {what}")
        time.sleep(0.1)
