"""Hosts as network namespaces on one bridge, 10.9.0.0/24; each host's device is eth0.

           bridge "lan" in the namespace hvi<pid>-lan
      ┌─────────┼─────────┐
    hvi<pid>-a  hvi<pid>-b  hvi<pid>-c      10.9.0.1, .2, .3 in the order they are made

All names hold the pid. close() removes them, also upon an exception or TERM; what a killed run left is removed by the next."""
import atexit
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[3]
BUILD = pathlib.Path(os.environ.get("HAWSER_BUILD", ROOT / "build"))


def ip(*arguments, check=True):
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True)
    if check and done.returncode != 0:
        raise RuntimeError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


def sweep():
    for name in os.listdir("/run/netns") if os.path.isdir("/run/netns") else []:
        match = re.fullmatch(r"hvi(\d+)-.*", name)
        if match and not os.path.exists(f"/proc/{match[1]}"):
            ip("netns", "del", name, check=False)


class Host:
    def __init__(self, topology, name, number):
        self.topology, self.name = topology, name
        self.ns = f"{topology.prefix}-{name}"
        self.address = f"10.9.0.{number}"
        self.port = f"p{number}"
        ip("netns", "add", self.ns)
        topology.namespaces.append(self.ns)
        ip("-n", self.ns, "link", "set", "lo", "up")
        ip("-n", topology.lan, "link", "add", self.port, "type", "veth", "peer", "name", "eth0", "netns", self.ns)
        ip("-n", topology.lan, "link", "set", self.port, "master", "lan", "up")
        ip("-n", self.ns, "addr", "add", f"{self.address}/24", "dev", "eth0")
        ip("-n", self.ns, "link", "set", "eth0", "up")

    def inside(self, *command):
        """The command line that runs `command` in this host's network namespace."""
        return ["nsenter", f"--net=/run/netns/{self.ns}", *command]

    def link(self, up):
        """Plugs the cable in, or pulls it out."""
        ip("-n", self.topology.lan, "link", "set", self.port, "up" if up else "down")

    def popen(self, *command, **options):
        """Starts a process in the namespace; it ends with this program."""
        process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *self.inside(*command)], **options)
        self.topology.processes.append(process)
        return process


class Topology:
    def __init__(self, *names):
        if os.geteuid() != 0:
            sys.exit("these tests need root")
        if not (BUILD / "bin/interop_speaker").exists():
            sys.exit(f"{BUILD}/bin/interop_speaker is missing: build it, or set HAWSER_BUILD")
        sweep()
        self.prefix = f"hvi{os.getpid()}"
        self.lan = f"{self.prefix}-lan"
        self.namespaces, self.processes = [], []
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="hawser-interop-"))
        self.dir.chmod(0o755)
        atexit.register(self.close)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: sys.exit(1))
        ip("netns", "add", self.lan)
        self.namespaces.append(self.lan)
        ip("-n", self.lan, "link", "add", "lan", "type", "bridge")
        ip("-n", self.lan, "link", "set", "lan", "up")
        self.hosts = [Host(self, name, number) for number, name in enumerate(names, 1)]

    def close(self):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
        for process in self.processes:
            process.wait()
        for name in self.namespaces:
            ip("netns", "del", name, check=False)
        self.processes, self.namespaces = [], []
        shutil.rmtree(self.dir, ignore_errors=True)


def rootfs():
    done = subprocess.run([ROOT / "scripts/rootfs"], stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.strip()


class Container:
    """A daemon of the lab's Debian tree. kill() is a power failure of the process: no word to its peers."""

    def __init__(self, host, command, binds=()):
        self.host = host
        arguments = [str(ROOT / "scripts/container"), "--rootfs", rootfs(), "--netns", host.ns, "--grace", "1"]
        for source, target in binds:
            arguments += ["--bind", f"{source}:{target}"]
        self.log = open(host.topology.dir / f"{host.name}.log", "a")
        self.process = subprocess.Popen(["setpriv", "--pdeathsig", "TERM", *arguments, "--", "sh", "-c", command],
                                        stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT)
        host.topology.processes.append(self.process)

    def run(self, *command, check=True):
        done = subprocess.run([str(ROOT / "scripts/container"), "--exec", str(self.process.pid), "--", *command],
                              capture_output=True, text=True)
        if check and done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: {(done.stderr or done.stdout).strip()}")
        return done.stdout

    def kill(self):
        self.process.kill()
        self.process.wait()
