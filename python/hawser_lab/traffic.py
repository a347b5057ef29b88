"""A client's load, run inside the client's network namespace; and the reader of what it saw.

As a program it makes requests and prints one JSON line for each: when it began (CLOCK_MONOTONIC, which all processes
of the machine share), whether it was answered, on a new or a kept connection, and by which pods.
"""
import argparse
import http.client
import json
import subprocess
import sys
import threading
import time

TIMEOUT = 4.0


def fetch(connection, path):
    connection.request("GET", path, headers={"Connection": "keep-alive"})
    answer = connection.getresponse()
    answer.read()
    return answer


class Client:
    def __init__(self, address, path, interval):
        self.address, self.path, self.interval = address, path, interval
        self.lock = threading.Lock()

    def record(self, kind, began, answer=None, why=""):
        good = answer is not None and answer.status == 200
        line = {
            "began": began,
            "ended": time.monotonic(),
            "kind": kind,
            "ok": good,
            "why": why or ("" if good else f"status {answer.status}"),
            "nginx": answer.getheader("X-Nginx-Pod", "") if answer else "",
            "app": answer.getheader("X-App-Pod", "") if answer else "",
        }
        with self.lock:
            print(json.dumps(line), flush=True)

    def one_fresh(self):
        connection = http.client.HTTPConnection(self.address, timeout=TIMEOUT)
        began = time.monotonic()
        try:
            self.record("new", began, fetch(connection, self.path))
        except (OSError, http.client.HTTPException) as error:
            self.record("new", began, why=type(error).__name__)
        finally:
            connection.close()

    def fresh(self, stop):
        while not stop.wait(self.interval):
            self.one_fresh()

    def kept(self, stop):
        """One connection for as long as it lives; when it breaks, that is one failure and another begins."""
        connection = None
        while not stop.wait(self.interval):
            began = time.monotonic()
            kind = "kept" if connection else "new"
            try:
                connection = connection or http.client.HTTPConnection(self.address, timeout=TIMEOUT)
                answer = fetch(connection, self.path)
                self.record(kind, began, answer)
                if answer.will_close:
                    connection.close()
                    connection = None
            except (OSError, http.client.HTTPException) as error:
                self.record(kind, began, why=type(error).__name__)
                connection.close()
                connection = None


def run():
    parser = argparse.ArgumentParser()
    parser.add_argument("--address", required=True)
    parser.add_argument("--path", default="/healthz")
    parser.add_argument("--fresh", type=int, default=3)
    parser.add_argument("--kept", type=int, default=6)
    parser.add_argument("--interval", type=float, default=0.1)
    parser.add_argument("--burst", type=int, default=0, help="that many new connections, then end")
    options = parser.parse_args()
    client = Client(options.address, options.path, options.interval)
    stop = threading.Event()
    if options.burst:
        count = iter(range(options.burst))
        lock = threading.Lock()

        def work():
            while True:
                with lock:
                    if next(count, None) is None:
                        return
                client.one_fresh()

        threads = [threading.Thread(target=work) for _ in range(6)]
    else:
        threads = [threading.Thread(target=client.fresh, args=(stop,)) for _ in range(options.fresh)]
        threads += [threading.Thread(target=client.kept, args=(stop,)) for _ in range(options.kept)]
    for thread in threads:
        thread.start()
    if not options.burst:
        sys.stdin.read()  # until the demonstration closes it, or ends
        stop.set()
    for thread in threads:
        thread.join()


def command(lab, node, *arguments):
    return lab.netns_command(node, sys.executable, __file__, *arguments)


def burst(lab, node, address, path, count):
    """The records of `count` new connections."""
    done = subprocess.run(command(lab, node, "--address", address, "--path", path, "--burst", str(count)),
                          stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


class Load:
    """Traffic that runs until stop(); thread-safe."""

    def __init__(self, lab, node, address):
        self.records = []
        self.process = subprocess.Popen(command(lab, node, "--address", address), stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.records.append(json.loads(line))

    def since(self, moment):
        return [record for record in list(self.records) if record["ended"] >= moment]

    def settle(self, moment, limit=60.0):
        """Waits until nothing failed for longer than a request may last. Seconds from `moment` to the end of the last
        failure (0: none), or None when it did not settle."""
        quiet = TIMEOUT + 0.5
        deadline = time.monotonic() + limit
        while time.monotonic() < deadline:
            now = time.monotonic()
            recent = self.since(max(moment, now - quiet))
            if now - moment >= quiet and len(recent) >= 10 and all(r["ok"] for r in recent):
                failures = [r["ended"] for r in self.since(moment) if not r["ok"]]
                return max(failures) - moment if failures else 0.0
            time.sleep(0.1)
        return None

    def calm(self, limit=30.0):
        """Waits until nothing has failed for longer than a request may last: what fails from now on is new. False: it did
        not get calm."""
        deadline = time.monotonic() + limit
        while time.monotonic() < deadline:
            recent = self.since(time.monotonic() - TIMEOUT - 0.5)
            if len(recent) >= 10 and all(record["ok"] for record in recent):
                return True
            time.sleep(0.1)
        return False

    def stop(self):
        self.process.stdin.close()
        try:
            self.process.wait(timeout=2 * TIMEOUT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


if __name__ == "__main__":
    run()
