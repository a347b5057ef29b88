"""Cases and waiting. A case prints "PASS name", "FAIL name: why" or "SKIP name: why"; the program's exit status is 1 if one failed.

Nothing here sleeps for a fixed time and hopes: until() asks again and again for a state, and says at the end what it saw last."""
import sys
import time
import traceback

failed = 0


class Skip(Exception):
    pass


class NotYet(AssertionError):
    pass


def until(what, probe, limit=20.0, every=0.05):
    """Waits until probe() is true and returns its value. An exception of the probe counts as "not yet"."""
    deadline = time.monotonic() + limit
    seen = None
    while True:
        try:
            seen = probe()
            if seen:
                return seen
        except Exception as error:  # noqa: BLE001: daemons that are not up yet fail in many ways
            seen = error
        if time.monotonic() > deadline:
            raise NotYet(f"not within {limit:g} s: {what}; last seen: {str(seen)[:300]}")
        time.sleep(every)


def equal(what, got, wanted):
    assert got == wanted, f"{what}: got {got!r}, wanted {wanted!r}"


def case(name, run, *arguments):
    """Runs one case; True if it passed. The rest of the file goes on after a failure."""
    global failed
    started = time.monotonic()
    try:
        run(*arguments)
    except Skip as why:
        print(f"SKIP {name}: {why}", flush=True)
        return True
    except Exception as error:  # noqa: BLE001
        failed += 1
        why = " ".join(str(error).split()) or type(error).__name__
        print(f"FAIL {name}: {why}", flush=True)
        if not isinstance(error, AssertionError):
            traceback.print_exc()
        return False
    print(f"PASS {name}: {time.monotonic() - started:.1f} s", flush=True)
    return True


def finish():
    sys.stdout.flush()
    sys.exit(1 if failed else 0)
