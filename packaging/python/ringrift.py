"""Client for a running RingRift: slots from the coordinator, events over the router, progress of a job, checks for a running master.

One file, standard library only. A trainer uses a slot in five lines:

    import ringrift
    with ringrift.CoordinatedTask("training") as task:
        if task.allowed:
            train()
        else:
            print("not now:", *task.reasons, sep="\\n  ")
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import json
import logging
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Iterator, Mapping, NamedTuple, Optional, Sequence

__all__ = [
    "Answer", "CoordinatedTask", "Event", "RingriftError", "Refused", "Unavailable", "check_before_spawn", "check_or_warn", "daemon_health",
    "daemon_start", "daemon_status", "daemon_stop", "emit", "ensure_master_loop_running", "is_master_loop_running", "progress",
    "record_failure", "submit", "subscribe",
]

_MAX_FRAME = 1 << 20
_TIMEOUT = 30.0
_log = logging.getLogger("ringrift")


def _run() -> Path:
    return Path(os.environ.get("RINGRIFT_RUN", "/run/ringrift"))


class RingriftError(RuntimeError):
    """A hub answered with an error: `name` is its Varlink name, `reasons` has all reasons."""

    def __init__(self, message: str, name: str = "", reasons: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.name = name
        self.reasons = list(reasons)


class Refused(RingriftError):
    """Rejected by a limit; `reasons` has all reasons."""


class Unavailable(RingriftError):
    """The hub does not answer."""


class Answer(NamedTuple):
    """Whether something is possible, and every reason against it."""

    allowed: bool
    reason: str


class Event(NamedTuple):
    """An event as it came: acknowledge it by taking the next one."""

    seq: int
    attempt: int
    type: str
    payload: Mapping[str, Any]
    envelope: Mapping[str, Any]


class _Connection:
    """One Varlink connection: NUL-terminated JSON, answered in order."""

    def __init__(self, name: str, timeout: Optional[float] = _TIMEOUT) -> None:
        self.path = _run() / name
        self._buffer = b""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(timeout)
        try:
            self._socket.connect(str(self.path))
        except OSError as error:
            self._socket.close()
            hint = "is the suite started? `systemctl start ringrift-master.target`"
            if error.errno == errno.EACCES:
                hint = "members of group ringrift may connect: `adduser $USER ringrift`"
            raise Unavailable(f"connecting to {self.path}: {error.strerror or error}; {hint}") from error

    def close(self) -> None:
        self._socket.close()

    def settimeout(self, timeout: Optional[float]) -> None:
        self._socket.settimeout(timeout)

    def send(self, method: str, parameters: Mapping[str, Any], more: bool = False) -> None:
        call: dict[str, Any] = {"method": method, "parameters": dict(parameters)}
        if more:
            call["more"] = True
        frame = json.dumps(call, separators=(",", ":"), allow_nan=False).encode() + b"\0"
        if len(frame) > _MAX_FRAME:
            raise ValueError(f"{method}: {len(frame)} bytes; the maximum is {_MAX_FRAME}")
        try:
            self._socket.sendall(frame)
        except OSError as error:
            raise Unavailable(f"{method} over {self.path}: {error}") from error

    def receive(self, method: str) -> tuple[dict[str, Any], bool]:
        while b"\0" not in self._buffer:
            try:
                chunk = self._socket.recv(65536)
            except OSError as error:
                raise Unavailable(f"{method} over {self.path}: {error}") from error
            if not chunk:
                raise Unavailable(f"{method} over {self.path}: the connection was closed")
            self._buffer += chunk
        frame, self._buffer = self._buffer.split(b"\0", 1)
        reply = json.loads(frame)
        parameters = reply.get("parameters") or {}
        name = reply.get("error")
        if name:
            reasons = parameters.get("reasons", [])
            text = "; ".join(p for p in [parameters.get("message", ""), parameters.get("parameter", ""), *reasons] if p)
            kind = Refused if name == "org.ringrift.Refused" else RingriftError
            raise kind(f"{method}: {name}: {text}", name, reasons)
        return parameters, bool(reply.get("continues"))

    def call(self, method: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        self.send(method, parameters)
        return self.receive(method)[0]


def _ask(hub: str, method: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    connection = _Connection(hub)
    try:
        return connection.call(method, parameters)
    finally:
        connection.close()


def _coordinator(method: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    return _ask("coordinator.sock", f"org.ringrift.Coordinator.{method}", parameters)


def _given(**parameters: Any) -> dict[str, Any]:
    return {name: value for name, value in parameters.items() if value is not None}


def check_before_spawn(task_type: str, node: Optional[str] = None) -> Answer:
    """Whether a slot of this type is available now. Changes nothing; if the coordinator does not answer, the answer is no."""
    try:
        answer = _coordinator("CanSpawn", _given(task_type=task_type.lower(), node=node))
    except RingriftError as error:
        return Answer(False, str(error))
    return Answer(bool(answer["allowed"]), "; ".join(answer["reasons"]))


def record_failure(task_type: str, node: Optional[str] = None, reason: str = "", cause: Optional[str] = None) -> bool:
    """Reports a failure to the circuit breaker; the cause "oom" opens it at once. True: this failure opened it."""
    given = _given(task_type=task_type.lower(), node=node, reason=reason, cause=cause)
    return bool(_coordinator("RecordFailure", given)["opened"])


class CoordinatedTask:
    """Holds a slot while the block runs, for `with` and `async with`.

    The lease is renewed by a thread at a third of its term. `allowed` says whether there was a slot, `reasons` every reason against,
    `lost` is set when the slot was taken away (an emergency halt, an outage longer than the term): stop then. An exception in the
    block counts as a failure for the breaker of the type on this node.
    """

    def __init__(self, task_type: str, node: Optional[str] = None, requested_by: Optional[str] = None) -> None:
        self.task_type = task_type.lower()
        self.node = node
        self.requested_by = requested_by or f"{Path(sys.argv[0] or 'python').name}[{os.getpid()}]"
        self.allowed = False
        self.reasons: list[str] = []
        self.lost = threading.Event()
        self.token: Optional[int] = None
        self._lease: Optional[str] = None
        self._ended = threading.Event()
        self._keeper: Optional[threading.Thread] = None

    def __enter__(self) -> "CoordinatedTask":
        self._ended.clear()
        self.lost.clear()
        try:
            answer = _coordinator("Acquire", _given(task_type=self.task_type, node=self.node, requested_by=self.requested_by))
        except Refused as error:
            self.allowed, self.reasons = False, error.reasons
            return self
        except Unavailable as error:
            # No answer counts as a rejection.
            self.allowed, self.reasons = False, [str(error)]
            return self
        lease, term = answer["lease"], float(answer["term_seconds"])
        self._lease, self.token, self.node = lease["lease_id"], lease["token"], lease["node"]
        self.allowed, self.reasons = True, []
        self._keeper = threading.Thread(target=self._keep, args=(term,), name="ringrift-lease", daemon=True)
        self._keeper.start()
        return self

    def _holder(self) -> dict[str, Any]:
        return {"lease_id": self._lease, "token": self.token}

    def _keep(self, term: float) -> None:
        renewed = time.monotonic()
        pause = term / 3
        while not self._ended.wait(pause):
            begun = time.monotonic()
            try:
                term = float(_coordinator("Renew", self._holder())["term_seconds"])
                renewed, pause = begun, term / 3
            except Unavailable as error:
                # The coordinator may answer again within the term.
                _log.warning("cannot renew the lease: %s", error)
                pause = min(1.0, term / 3)
            except RingriftError as error:
                _log.error("the slot is lost: %s", error)
                self.lost.set()
                return
            if time.monotonic() - renewed >= term:
                _log.error("the slot is lost: no answer for its term of %.0f s", term)
                self.lost.set()
                return

    def _release(self, failed: Optional[BaseException]) -> None:
        if self._lease is None:
            return
        self._ended.set()
        if self._keeper is not None:
            self._keeper.join(_TIMEOUT)
        why = None if failed is None else f"{type(failed).__name__}: {failed}"[:500]
        cause = "oom" if isinstance(failed, MemoryError) else None
        try:
            _coordinator("Release", _given(**self._holder(), failed=why, cause=cause))
        except RingriftError as error:
            # It ends with its term.
            _log.warning("cannot release the slot, it ends with its term: %s", error)
        self._lease, self.token = None, None

    def __exit__(self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]) -> None:
        self._release(error if error is not None and not isinstance(error, (KeyboardInterrupt, SystemExit)) else None)

    async def __aenter__(self) -> "CoordinatedTask":
        return await asyncio.get_running_loop().run_in_executor(None, self.__enter__)

    async def __aexit__(self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]) -> None:
        failed = error if error is not None and isinstance(error, Exception) else None
        await asyncio.get_running_loop().run_in_executor(None, self._release, failed)


def emit(type: str, payload: Mapping[str, Any], *, source: str = "python", key: Optional[str] = None, idempotency_key: Optional[str] = None) -> int:
    """Publishes one event; returns its position in the log when it is on disk.

    `type` is a wire name, or `external.NAME` with any JSON object. The same `idempotency_key` twice is one event.
    """
    event = _given(type=type, payload=dict(payload), source=source, key=key, idempotency_key=idempotency_key)
    return int(_ask("router.sock", "org.ringrift.Router.Publish", {"events": [event]})["results"][0]["seq"])


def subscribe(name: str, types: Sequence[str] = (), *, start: str = "now", timeout: Optional[float] = None) -> Iterator[Event]:
    """Yields events of a durable subscription; ends if none arrives for `timeout` seconds.

    An event is acknowledged when the next one is asked for, so an event during which the process dies is delivered again. An exception thrown into the
    generator hands it back to be tried again.
    """
    stream = _Connection("router.sock", timeout)
    acks = _Connection("router.sock")
    method = "org.ringrift.Router.Subscribe"
    token = ""
    try:
        stream.send(method, {"name": name, "interest": {"types": list(types)}, "start": start, "max_in_flight": 1}, more=True)
        while True:
            try:
                delivery, more = stream.receive(method)
            except Unavailable as error:
                if isinstance(error.__cause__, TimeoutError):
                    return
                raise
            token = delivery.get("token") or token
            event = delivery.get("event")
            if event is not None:
                seq = delivery["seq"]
                try:
                    yield Event(seq, delivery.get("attempt", 1), event.get("type", ""), event.get("payload", {}), event)
                except GeneratorExit:
                    raise
                except BaseException as error:
                    acks.call("org.ringrift.Router.Nack", {"name": name, "token": token, "seq": seq, "reason": repr(error)[:500]})
                    raise
                acks.call("org.ringrift.Router.Ack", {"name": name, "token": token, "seqs": [seq]})
            if not more:
                return
    finally:
        stream.close()
        acks.close()


def progress(done: float, total: float = 0.0, unit: str = "", message: str = "", metrics: Optional[Mapping[str, Any]] = None) -> bool:
    """Reports a job's progress to its runner; False if there is no runner."""
    descriptor = os.environ.get("RINGRIFT_REPORT_FD")
    if not descriptor:
        return False
    line = {"progress": {"done": float(done), "total": float(total), "unit": unit, "message": message, "metrics": dict(metrics or {})}}
    data = json.dumps(line, allow_nan=False).encode() + b"\n"
    while data:
        data = data[os.write(int(descriptor), data):]
    return True


def submit(
    type: str,
    config_key: Optional[str] = None,
    params: Optional[Mapping[str, Any]] = None,
    inputs: Optional[Mapping[str, Any]] = None,
    *,
    priority: int = 50,
    attempts: int = 1,
    timeout_seconds: int = 3600,
    wait: bool = False,
) -> Any:
    """Runs one job by hand, as `ringrift jobs submit` does; returns the job, with `wait` after its end.

    `inputs` maps model, champion, candidate, shards or samples to the SHA-256 of an artefact, or to a list of them; without it the job
    reads what the loop would take. Raises RingriftError when the job is not accepted, or was waited for and did not complete.
    """
    words = ["jobs", "submit", type, "--priority", str(priority), "--attempts", str(attempts), "--timeout", str(timeout_seconds)]
    if config_key is not None:
        words += ["--config", config_key]
    for name, value in (params or {}).items():
        words += ["--param", f"{name}={json.dumps(value, allow_nan=False)}"]
    for name, ids in (inputs or {}).items():
        for one in [ids] if isinstance(ids, str) else ids:
            words += ["--input", f"{name}={one}"]
    if wait:
        words.append("--wait")
    return _command(*words)["job"]


def is_master_loop_running() -> bool:
    """Whether a master holds the lock on its pid file, or has its name on the bus. A process id in a file is not enough."""
    try:
        with open(_run() / "master_loop.pid", "rb") as pid_file:
            try:
                fcntl.flock(pid_file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
    except OSError:
        pass
    busctl = shutil.which("busctl")
    if busctl is None:
        return False
    call = [busctl, "call", "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "NameHasOwner", "s", "org.ringrift.Master1"]
    try:
        asked = subprocess.run(call, capture_output=True, text=True, timeout=_TIMEOUT, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return asked.returncode == 0 and asked.stdout.strip() == "b true"


def _skipped() -> bool:
    return os.environ.get("RINGRIFT_SKIP_MASTER_LOOP_CHECK", "") not in ("", "0")


def ensure_master_loop_running(require_for_automation: bool = True, operation_name: str = "this operation") -> None:
    """Raises RuntimeError when no master runs and the operation is only for full automation."""
    if require_for_automation and not _skipped() and not is_master_loop_running():
        raise RuntimeError(f"{operation_name} needs the master, which is not running; start it with `systemctl start ringrift-master.target`")


def check_or_warn(operation_name: str = "this operation") -> bool:
    """Whether a master runs; logs a warning when none does."""
    running = _skipped() or is_master_loop_running()
    if not running:
        _log.warning("the master is not running for %s; start it with `systemctl start ringrift-master.target`", operation_name)
    return running


def _command(*arguments: str) -> Any:
    program = os.environ.get("RINGRIFT_COMMAND") or shutil.which("ringrift") or "/usr/bin/ringrift"
    try:
        done = subprocess.run([program, *arguments, "--json"], capture_output=True, text=True, check=False)
    except OSError as error:
        raise Unavailable(f"running {program}: {error}") from error
    # 3: the answer is that it is not running.
    if done.returncode not in (0, 3):
        try:
            problem = json.loads(done.stderr.strip().splitlines()[-1])
            raise RingriftError("; ".join(p for p in [problem.get("error"), problem.get("hint")] if p), str(done.returncode))
        except (ValueError, IndexError, AttributeError):
            raise RingriftError(done.stderr.strip() or f"`ringrift {' '.join(arguments)}` ended with {done.returncode}", str(done.returncode)) from None
    return json.loads(done.stdout) if done.stdout.strip() else {}


def daemon_start(*names: str) -> Any:
    """Starts daemons; warns without a master, as the command does."""
    check_or_warn("daemon start")
    return _command("daemon", "start", *names)


def daemon_stop(*names: str) -> Any:
    """Stops daemons."""
    return _command("daemon", "stop", *names)


def daemon_status(*names: str) -> Any:
    """State and health of daemons, by default of all."""
    return _command("daemon", "status", *names) if names else _command("daemon", "list")


def daemon_health(name: str) -> Any:
    """The last health report of a daemon, from its status file; raises Unavailable if there is none."""
    path = _run() / name.lower().replace("_", "-") / "status.json"
    try:
        report = json.loads(path.read_text())
    except OSError as error:
        raise Unavailable(f"{name} has no report: {error}") from error
    age = time.time() - report["time_us"] / 1e6
    stale = age > report.get("valid_for", 60)
    return {**report["health"], "state": report.get("state"), "age_seconds": age, "stale": stale}
