"""Our side: the program interop_speaker (speaker.cpp says its commands)."""
import json
import queue
import subprocess
import threading

from lib.check import until
from lib.topology import BUILD


class Speaker:
    def __init__(self, host, asn=64512, **config):
        self.host, self.asn = host, asn
        settings = {"asn": asn, "routerId": host.address, "listen": host.address, **config}
        log = open(host.topology.dir / f"{host.name}.log", "a")
        self.process = host.popen(str(BUILD / "bin/interop_speaker"), json.dumps(settings), stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, stderr=log, text=True)
        self.events, self.replies = [], queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self._reply()

    def _read(self):
        for line in self.process.stdout:
            message = json.loads(line)
            if "event" in message:
                self.events.append(message)
            else:
                self.replies.put(message)
        self.replies.put({"error": "interop_speaker has ended"})

    def _reply(self):
        reply = self.replies.get(timeout=20)
        if "error" in reply:
            raise RuntimeError(reply["error"])
        return reply["ok"]

    def do(self, command, **fields):
        self.process.stdin.write(json.dumps({"do": command, **fields}) + "\n")
        self.process.stdin.flush()
        return self._reply()

    def peer(self, name, address, asn, **fields):
        self.do("peer", name=name, address=address, **{"as": asn}, **fields)

    def originate(self, prefix, targets, rd="64512:1", label=1000, **fields):
        self.do("originate", prefix=prefix, rd=rd, label=label, targets=targets,
                nextHop=fields.pop("nextHop", self.host.address), **fields)

    def withdraw(self, prefix, rd="64512:1", **fields):
        self.do("withdraw", prefix=prefix, rd=rd, **fields)

    def memberships(self, *targets):
        self.do("memberships", targets=targets)

    def status(self, name):
        return next(p for p in self.do("peers") if p["name"] == name)

    def up(self, name):
        return self.status(name)["state"] == "Established"

    def rib(self, family="vpnv4"):
        return self.do("rib", family=family)

    def routes(self, prefix):
        """All paths of a prefix that came from peers."""
        return [path for path in self.rib() if path["prefix"] == prefix and path["peer"] != 0]

    def wait_up(self, name, limit=20):
        until(f"session with {name}", lambda: self.up(name), limit)

    def wait_route(self, prefix, limit=20):
        return until(f"{prefix} at {self.host.name}", lambda: self.routes(prefix), limit)[0]

    def wait_gone(self, prefix, limit=20):
        until(f"{prefix} gone from {self.host.name}", lambda: not self.routes(prefix), limit)

    def kill(self):
        """As after SIGKILL of a controller: the connections close, nothing is said."""
        self.process.kill()
        self.process.wait()
