"""Runs in the machine of `scripts/bench suite`: starts daemons and their peers in turns, measures, prints JSON; --table makes a table of it."""
import argparse
import glob
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import time

UNITS = "/usr/lib/systemd/system"
LIBRARY = "/usr/lib/ringrift/libringrift.so"
ROUNDS = 5
SETTLE = 90  # seconds until what a start does is over: the first ticks and health reports


def run(*command, check=True):
    done = subprocess.run(command, capture_output=True, text=True)
    if check and done.returncode != 0:
        sys.exit(f"{' '.join(command)}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def show(unit, name):
    return run("systemctl", "show", "-P", name, unit).strip()


def say(text):
    print(f"{time.strftime('%T')} {text}", file=sys.stderr, flush=True)


# Units

def members():
    """The services of the full profile."""
    wanted = run("systemctl", "show", "-P", "Wants", "ringrift-profile-full.target").split()
    return sorted(u for u in wanted if u.startswith("ringrift-") and u.endswith(".service"))


def loads_library(unit):
    program = re.search(r"^ExecStart=(\S+)", open(f"{UNITS}/{unit}").read(), re.M).group(1)
    return b"libringrift.so" in open(program, "rb").read()


def copy_of(unit, name, program=None):
    """A unit with folders and a subscription of its own; with a program, a peer that has nothing but the hardening."""
    kebab = unit.removeprefix("ringrift-").removesuffix(".service")
    text = open(f"{UNITS}/{unit}").read()
    text = re.sub(r"^(OnFailure|PartOf|ReloadPropagatedFrom|SyslogIdentifier|ExecStopPost)=.*\n", "", text, flags=re.M)
    text = text.replace(f"=ringrift/{kebab}", f"=ringrift/{kebab}@{name}")
    if program:
        text = re.sub(r"^(Requires|After|Wants)=.*\n", "", text, flags=re.M)
        text = re.sub(r"^ExecStart=.*", f"ExecStart={program}", text, flags=re.M)
        text = re.sub(r"^WatchdogSec=.*\n", "", text, flags=re.M)
    return text.replace("[Service]\n", f"[Service]\nEnvironment=RINGRIFT_INSTANCE={name}\n", 1)


def write_units(count):
    real = members()
    ordinary = [u for u in real if loads_library(u) and "data-pipeline" not in u and "cross-process" not in u]
    copies, peers = [], []
    for n in range(count):
        source = ordinary[n % len(ordinary)]
        if n >= len(real):
            copies.append(f"bench-copy-{n}.service")
            open(f"/etc/systemd/system/{copies[-1]}", "w").write(copy_of(source, f"c{n}"))
        peers.append(f"bench-peer-{n}.service")
        open(f"/etc/systemd/system/{peers[-1]}", "w").write(copy_of(source, f"p{n}", "/opt/ringrift-nothing"))
    daemons = real[:count] + copies
    for target, wants in [("bench-daemons", daemons), ("bench-peers", peers)]:
        text = f"[Unit]\nWants={' '.join(wants)}\nAfter={' '.join(wants)}\n"
        open(f"/etc/systemd/system/{target}.target", "w").write(text)
    run("systemctl", "daemon-reload")
    return daemons, peers, ordinary, copies


def stop(units, target):
    run("systemctl", "stop", target, *units)
    run("systemctl", "reset-failed", check=False)


def start(target, units):
    """Seconds from the call to the last READY."""
    begun = time.monotonic()
    run("systemctl", "start", target)
    took = time.monotonic() - begun
    down = [u for u in units if show(u, "ActiveState") != "active"]
    if down:
        sys.exit(f"not running: {down}: {show(down[0], 'StatusText')}")
    return took


# Processes

def processes(units):
    pids = {u: int(show(u, "MainPID")) for u in units}
    return {u: pid for u, pid in pids.items() if pid}


def memory(pid):
    """KiB: proportional, private; bytes of mapped code; threads."""
    rollup = open(f"/proc/{pid}/smaps_rollup").read()
    kib = lambda name: sum(int(n) for n in re.findall(rf"^{name}: +(\d+)", rollup, re.M))
    code = 0
    for line in open(f"/proc/{pid}/maps"):
        span, rights = line.split()[:2]
        if "x" in rights and "[" not in line:
            begin, end = (int(x, 16) for x in span.split("-"))
            code += end - begin
    threads = len(os.listdir(f"/proc/{pid}/task"))
    return {"pss": kib("Pss"), "private": kib("Private_Dirty") + kib("Private_Clean"), "code": code, "threads": threads}


def wakes(pid):
    """How often its threads went to sleep of their own."""
    total = 0
    for status in glob.glob(f"/proc/{pid}/task/*/status"):
        total += int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", open(status).read(), re.M).group(1))
    return total


def cpu_of_group(pid):
    """Nanoseconds of the unit's control group, also of threads that have ended."""
    for line in open(f"/proc/{pid}/cgroup"):
        _, controllers, path = line.strip().split(":", 2)
        for root in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified", f"/sys/fs/cgroup/{controllers}"):
            file = f"{root}{path}/cpu.stat"
            if path != "/" and os.path.exists(file):
                found = re.search(r"^usage_usec (\d+)", open(file).read(), re.M)
                if found:
                    return int(found.group(1)) * 1000
            file = f"{root}{path}/cpuacct.usage"
            if path != "/" and os.path.exists(file):
                return int(open(file).read())
    return None


def cpu(pid):
    group = cpu_of_group(pid) if pid != 1 else None
    if group is not None:
        return group
    return cpu_tasks(pid)


def cpu_tasks(pid):
    return sum(int(open(f).read().split()[0]) for f in glob.glob(f"/proc/{pid}/task/*/schedstat"))


# What is measured

def idle(units, groups, minutes):
    pids = processes(units)
    pids["pid1"] = 1
    before = {u: (cpu(p), wakes(p)) for u, p in pids.items()}
    begun = time.monotonic()
    time.sleep(minutes * 60)
    took = time.monotonic() - begun
    after = {u: (cpu(p), wakes(p)) for u, p in pids.items()}
    percent = lambda us: 100 * sum(after[u][0] - before[u][0] for u in us) / 1e9 / took
    result = {name: {"cpu_percent": percent(us), "count": len(us)} for name, us in groups.items()}
    ordinary = groups["ordinary"]
    result["wakes_per_minute"] = statistics.median((after[u][1] - before[u][1]) / took * 60 for u in ordinary)
    result["pid1"] = {"cpu_percent": percent(["pid1"]), "count": 1}
    result["most"] = sorted(((round((after[u][0] - before[u][0]) / 1e7 / took, 4), u) for u in pids), reverse=True)[:8]
    return result


def supervisord(count):
    """PSS in KiB of supervisord with as many programs that sleep."""
    open("/opt/nothing.py", "w").write("import time\nwhile True:\n    time.sleep(3600)\n")
    lines = ["[supervisord]", "nodaemon=true", "logfile=/dev/null", "logfile_maxbytes=0", "pidfile=/run/supervisord.pid"]
    for n in range(count):
        lines += [f"[program:p{n}]", "command=/usr/bin/python3 /opt/nothing.py", "startsecs=0"]
    open("/opt/supervisord.conf", "w").write("\n".join(lines) + "\n")
    env = {**os.environ, "PYTHONPATH": "/opt/supervisor"}
    parent = subprocess.Popen([sys.executable, "-m", "supervisor.supervisord", "-c", "/opt/supervisord.conf"], env=env,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    children = []
    for _ in range(600):
        children = open(f"/proc/{parent.pid}/task/{parent.pid}/children").read().split()
        if len(children) == count or parent.poll() is not None:
            break
        time.sleep(0.1)
    if len(children) != count:
        sys.exit(f"supervisord started {len(children)} of {count}")
    time.sleep(3)
    pss = sum(memory(int(p))["pss"] for p in [parent.pid, *children])
    begun, before = time.monotonic(), sum(cpu_tasks(int(p)) for p in [parent.pid, *children])
    time.sleep(60)
    used = sum(cpu_tasks(int(p)) for p in [parent.pid, *children]) - before
    percent = 100 * used / 1e9 / (time.monotonic() - begun)
    parent.send_signal(signal.SIGTERM)
    parent.wait(60)
    return {"pss": pss, "cpu_percent": percent}


def killed(unit):
    """Seconds from kill -9 to READY of the next start."""
    pid = int(show(unit, "MainPID"))
    begun = time.clock_gettime(time.CLOCK_MONOTONIC)
    os.kill(pid, signal.SIGKILL)
    for _ in range(3000):
        time.sleep(0.02)
        new = show(unit, "MainPID")
        if new not in ("0", str(pid)) and show(unit, "ActiveState") == "active":
            return int(show(unit, "ActiveEnterTimestampMonotonic")) / 1e6 - begun
    sys.exit(f"{unit} did not come back")


def profile():
    begun = time.monotonic()
    run("ringrift", "profile", "apply", "full")
    first = time.monotonic() - begun
    begun = time.monotonic()
    run("ringrift", "profile", "apply", "full")
    return first, time.monotonic() - begun


def measure(minutes, count):
    daemons, peers, ordinary, copies = write_units(count)
    all_ours = daemons + ["ringrift-coordinator.service"]
    result = {"count": len(daemons), "copies": len(copies), "library": os.path.getsize(LIBRARY)}
    result["program"] = os.path.getsize(re.search(r"^ExecStart=(\S+)", open(f"{UNITS}/{ordinary[0]}").read(), re.M).group(1))
    run("systemctl", "start", "ringrift-master.target")
    run("ringrift", "emergency", "halt", "measuring an idle suite")
    run("systemctl", "stop", "ringrift-master.target", *all_ours)
    say("starts, in turns")
    result["starts"], result["peer_starts"] = [], []
    for _ in range(ROUNDS):
        stop(all_ours, "bench-daemons.target")
        result["starts"].append(start("bench-daemons.target", daemons))
        stop(peers, "bench-peers.target")
        result["peer_starts"].append(start("bench-peers.target", peers))
        say(f"{result['starts'][-1]:.2f} s against {result['peer_starts'][-1]:.2f} s")
    say("kill -9, in turns")
    result["kills"], result["peer_kills"] = [], []
    for n in range(ROUNDS):
        time.sleep(11)
        result["kills"].append(killed(copies[n] if copies else ordinary[n % len(ordinary)]))
        result["peer_kills"].append(killed(peers[n]))
    stop(peers, "bench-peers.target")
    say(f"idle: {SETTLE} s to settle, then {minutes} minutes")
    time.sleep(SETTLE)
    light = [u for u in daemons if u in copies or u in ordinary]
    hubs = ["ringrift-event-router.service", "ringrift-coordinator.service"]
    groups = {"ordinary": light, "hubs": [h for h in hubs if h in processes(hubs)]}
    groups["others"] = [u for u in daemons if u not in light and u not in hubs]
    each = {u: memory(p) for u, p in processes(all_ours).items()}
    result["memory"] = {name: [each[u] for u in us if u in each] for name, us in groups.items()}
    result["biggest"] = sorted(((m["pss"], u) for u, m in each.items()), reverse=True)[:8]
    result["idle"] = idle(all_ours, groups, minutes)
    stop(all_ours, "bench-daemons.target")
    say("supervisord")
    result["supervisord"] = supervisord(count)
    say("profile apply")
    result["profile"] = []
    for _ in range(3):
        run("systemctl", "stop", "ringrift-master.target", "ringrift-profile-full.target", *all_ours)
        run("systemctl", "start", "ringrift-master.service")
        result["profile"].append(profile())
    return result


# The table

def table(result, package):
    median = statistics.median
    light = result["memory"]["ordinary"]
    pss = sum(m["pss"] for group in result["memory"].values() for m in group)
    starts, kills = (sorted(a / b for a, b in zip(result[x], result[f"peer_{x}"])) for x in ("starts", "kills"))
    second = median(b / a for a, b in result["profile"])
    sup = result["supervisord"]
    rows = [
        ("private memory of an ordinary daemon, PSS, median", f"{median(m['pss'] for m in light) / 1024:.2f} MB", "≤ 1.0 MB",
         median(m["pss"] for m in light) / 1024, 1.0),
        ("its threads, most", f"{max(m['threads'] for m in light)}", "≤ 3", max(m["threads"] for m in light), 3),
        ("its mapped code", f"{max(m['code'] for m in light) / 1e6:.1f} MB", "≤ 10 MB", max(m["code"] for m in light) / 1e6, 10),
        ("its wakes a minute, median", f"{result['idle']['wakes_per_minute']:.1f}", "—", None, None),
        ("memory of all, hubs too, PSS, against supervisord with as many Python programs", f"{pss / 1024:.0f} MB against {sup['pss'] / 1024:.0f} MB",
         "≤ 0.1x", pss / sup["pss"], 0.1),
        (f"idle processor time of {result['idle']['ordinary']['count']} ordinary daemons, of a core",
         f"{result['idle']['ordinary']['cpu_percent']:.2f} %", "≤ 0.2 %", result["idle"]["ordinary"]["cpu_percent"], 0.2),
        ("of the hubs", f"{result['idle']['hubs']['cpu_percent']:.2f} %", "—", None, None),
        ("of the others (D-Bus, HTTP, catalog)", f"{result['idle']['others']['cpu_percent']:.2f} %", "—", None, None),
        ("of PID 1", f"{result['idle']['pid1']['cpu_percent']:.2f} %", "—", None, None),
        ("of supervisord and its programs", f"{sup['cpu_percent']:.2f} %", "—", None, None),
        (f"start of {result['count']} until all are READY", f"{median(result['starts']):.2f} s against {median(result['peer_starts']):.2f} s",
         "≤ 1.25x", median(starts), 1.25),
        ("second `profile apply` against the first",
         f"{median(b for _, b in result['profile']) * 1000:.0f} ms against {median(a for a, _ in result['profile']) * 1000:.0f} ms", "≤ 0.05x",
         second, 0.05),
        ("kill -9 until READY", f"{median(result['kills']):.2f} s against {median(result['peer_kills']):.2f} s", "≤ 1.1x", median(kills), 1.1),
        ("shared library", f"{result['library'] / 1e6:.1f} MB", "—", None, None),
        ("a program", f"{result['program'] / 1000:.1f} KB", "—", None, None),
        ("package", f"{package / 1e6:.1f} MB", "—", None, None),
    ]
    print("|  | figures (medians) | aim | reached | met |\n|---|---|---|---|---|")
    for what, figures, aim, reached, limit in rows:
        ratio = "" if reached is None else f"{reached:.2f}{'x' if 'x' in aim else ''}"
        print(f"| {what} | {figures} | {aim} | {ratio or '—'} | {'—' if limit is None else 'yes' if reached <= limit else 'no'} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--count", type=int, default=80)
    parser.add_argument("--table")
    parser.add_argument("--package", type=int, default=0)
    asked = parser.parse_args()
    if asked.table:
        table(json.load(open(asked.table)), asked.package)
    else:
        json.dump(measure(asked.minutes, asked.count), sys.stdout, indent=1)


if __name__ == "__main__":
    main()
