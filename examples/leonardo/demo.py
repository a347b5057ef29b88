"""The main scenario, end to end: brings the lab up, proves what it is for, and takes it down.

Environment: VARIANT=link stitches the two sites by a Link instead of typed route targets; HOLD=0 ends by itself; LAB is the
lab's name (leonardo), so that two may run side by side.
"""
import os
import pathlib
import shutil
import signal
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "python"))

from hawser_lab.lab import HAWSER, Lab, LabError  # noqa: E402
from proofs import change, reach, tables  # noqa: E402
from proofs.report import Report  # noqa: E402

NAME = os.environ.get("LAB", "leonardo")


def working_copy(directory):
    """The example as files that the demonstration may change."""
    copy = directory / "leonardo"
    shutil.copytree(HERE, copy, ignore=shutil.ignore_patterns("proofs", "__pycache__", "demo.py"))
    file = copy / "lab.yaml"
    file.write_text(file.read_text().replace("\nname: leonardo\n", f"\nname: {NAME}\n"))
    return copy


def prove(lab, report, variant):
    report.section("Proof 1: pages")
    reach.pages(lab, report)
    report.say(f"from built state to here: {time.monotonic() - report.started:.0f} s")
    report.section("Proof 2: isolation")
    reach.isolation(lab, report)
    report.section("Proof 3: routing tables")
    tables.tables(lab, report)
    report.section("Proof 4: the packets' way")
    with tempfile.TemporaryDirectory() as directory:
        tables.direct(lab, report, pathlib.Path(directory))
    report.section("Proof 5: change, with traffic running")
    change.Changes(lab, report, lab.file.parent, variant).run()


def hold(lab):
    print(f"""
The lab stays up until Ctrl-C. In another terminal:
  export HAWSER_CONFIG={lab.run}/config.yaml PATH=$PATH:{HAWSER.parent}
  hawser --context kubernetes get ports -A
  hawser --context kubernetes routes leonardo
  hawser --context kubernetes trace default/POD 10.0.100.11 --port 5432
  hawser lab exec {lab.name} client -- curl http://{reach.PUBLIC}/
""", flush=True)
    signal.pause()


def main():
    variant = os.environ.get("VARIANT", "targets")
    if variant not in ("targets", "link"):
        print(f"demo: VARIANT is targets or link, not \"{variant}\"", file=sys.stderr)
        return 1
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(143))
    report = Report()
    directory = pathlib.Path(tempfile.mkdtemp(prefix="hawser-demo-"))
    good = held = False
    lab = Lab(NAME, working_copy(directory) / ("lab-link.yaml" if variant == "link" else "lab.yaml"))
    try:
        if variant == "link":
            lab.up("--no-wait")
            change.link_up(lab)
            print("     the Link db-leonardo is proposed by openstack and accepted by kubernetes", flush=True)
        else:
            lab.up()
        prove(lab, report, variant)
        good = report.finish()
        if sys.stdin.isatty() and os.environ.get("HOLD") != "0":
            held = True
            hold(lab)
    except KeyboardInterrupt:
        print("\ndemo: taking it down" if held else "\ndemo: interrupted; taking it down", flush=True)
    except (LabError, OSError) as error:
        print(f"demo: {error}", file=sys.stderr)
        good = False
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        lab.down()
        shutil.rmtree(directory, ignore_errors=True)
        if lab.run.exists():
            print(f"demo: something is left; `hawser lab down {NAME}` removes it", file=sys.stderr)
        else:
            print("demo: all of it is removed", flush=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
