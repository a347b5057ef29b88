"""The speakers under test, each as an iBGP route reflector (AS 64512) at 10.9.0.1: 10.9.0.101 injects, the next ones are clients.

All get the same job: VPNv4 only, no graceful restart, no policies, their own defaults otherwise."""
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/interop"))
from lib.check import until  # noqa: E402
from lib.topology import BUILD, Container  # noqa: E402

DAEMON = "10.9.0.1"


def peers(count):
    """(address, is a client) of the injector and of `count` receivers."""
    return [(f"10.9.0.{101 + n}", n > 0) for n in range(count + 1)]


def listening(host):
    done = subprocess.run(host.inside("ss", "-Hltn", "sport = :179"), capture_output=True, text=True)
    return bool(done.stdout.strip())


def descendant(pid, name):
    """The process `name` below `pid`."""
    todo = [pid]
    while todo:
        one = todo.pop()
        try:
            if pathlib.Path(f"/proc/{one}/comm").read_text().strip() == name:
                return one
            todo += [int(n) for t in os.listdir(f"/proc/{one}/task")
                     for n in pathlib.Path(f"/proc/{one}/task/{t}/children").read_text().split()]
        except FileNotFoundError:
            continue
    return None


class Ours:
    name = "hawser"

    def __init__(self, host, receivers):
        config = {"asn": 64512, "routerId": DAEMON, "listen": DAEMON}
        self.process = host.popen(str(BUILD / "bin/interop_speaker"), json.dumps(config), stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for address, client in peers(receivers):
            command = {"do": "peer", "name": address, "address": address, "as": 64512, "passive": True, "client": client,
                       "hold": 240, "families": ["vpnv4"], "restartTime": 0}
            self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        for _ in range(receivers + 2):
            assert "ok" in json.loads(self.process.stdout.readline())
        # Its few events fit the pipe: it never waits for us.
        self.pid = self.process.pid

    def stop(self):
        self.process.kill()
        self.process.wait()


class Contained:
    binds = ()

    def __init__(self, host, receivers):
        config = host.topology.dir / f"{self.name}.conf"
        config.write_text(self.config(receivers))
        self.container = Container(host, self.command, [(config, "/etc/bench.conf"), *self.binds])
        until(f"{self.name} listens", lambda: listening(host))
        self.pid = until(f"{self.name}'s process", lambda: descendant(self.container.process.pid, self.process_name))

    def stop(self):
        self.container.process.kill()
        self.container.process.wait()


class Gobgp(Contained):
    name, process_name = "GoBGP 3.10", "gobgpd"
    command = "exec gobgpd -t toml -f /etc/bench.conf --log-level warn"

    def config(self, receivers):
        text = f'[global.config]\nas = 64512\nrouter-id = "{DAEMON}"\nlocal-address-list = ["{DAEMON}"]\n'
        for address, client in peers(receivers):
            text += (f'[[neighbors]]\n[neighbors.config]\nneighbor-address = "{address}"\npeer-as = 64512\n'
                     "[neighbors.timers.config]\nhold-time = 240\n[neighbors.transport.config]\npassive-mode = true\n")
            if client:
                text += ("[neighbors.route-reflector.config]\nroute-reflector-client = true\n"
                         f'route-reflector-cluster-id = "{DAEMON}"\n')
            text += '[[neighbors.afi-safis]]\n[neighbors.afi-safis.config]\nafi-safi-name = "l3vpn-ipv4-unicast"\n'
        return text


class Frr(Contained):
    name, process_name = "FRR 8.4", "bgpd"
    command = ("mkdir -p /run/frr && chown frr:frr /run/frr && cp /etc/bench.conf /etc/frr/bgpd.conf && "
               "chown frr:frr /etc/frr/bgpd.conf && exec /usr/lib/frr/bgpd -n -Z -f /etc/frr/bgpd.conf -A 127.0.0.1")

    def config(self, receivers):
        lines, family = [], []
        for address, client in peers(receivers):
            lines += [f" neighbor {address} remote-as 64512", f" neighbor {address} timers 80 240",
                      f" neighbor {address} passive"]
            family += [f"  neighbor {address} activate"]
            if client:
                family += [f"  neighbor {address} route-reflector-client"]
        return "\n".join(["frr defaults traditional", "router bgp 64512", f" bgp router-id {DAEMON}",
                          f" bgp cluster-id {DAEMON}", " no bgp default ipv4-unicast", *lines, " address-family ipv4 vpn",
                          *family, " exit-address-family", ""])


class Bird(Contained):
    name, process_name = "BIRD 2.0.12", "bird"
    command = "LD_LIBRARY_PATH=/opt/bird/usr/lib/x86_64-linux-gnu exec /opt/bird/usr/sbin/bird -f -c /etc/bench.conf -s /run/b.ctl"
    binds = [(BUILD / "bench/bird/root", "/opt/bird")]

    def config(self, receivers):
        text = f"log stderr {{ error, fatal }};\nrouter id {DAEMON};\nvpn4 table v4;\nprotocol device {{ }}\n"
        for number, (address, client) in enumerate(peers(receivers)):
            text += (f"protocol bgp p{number} {{ local {DAEMON} as 64512; neighbor {address} as 64512; direct; passive; "
                     f"hold time 240; {'rr client; ' if client else ''}"
                     "vpn4 mpls { table v4; import all; export all; igp table master4; gateway recursive; }; }\n")
        return text
