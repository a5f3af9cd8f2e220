"""What must hold of ringrift.py, with a coordinator and a router that really run."""

import asyncio
import inspect
import os
import threading
import typing
import unittest

import ringrift


class Slots(unittest.TestCase):
    def test_a_task_holds_its_slot_and_gives_it_back(self) -> None:
        self.assertTrue(ringrift.check_before_spawn("training").allowed)
        with ringrift.CoordinatedTask("TRAINING") as first:
            self.assertTrue(first.allowed, first.reasons)
            self.assertGreater(first.token, 0)
            answer = ringrift.check_before_spawn("training")
            self.assertFalse(answer.allowed)
            self.assertIn("1 of 1 slots", answer.reason)
            with ringrift.CoordinatedTask("training") as second:
                self.assertFalse(second.allowed)
                self.assertIn("1 of 1 slots on node n1 in use", second.reasons[0])
        self.assertTrue(ringrift.check_before_spawn("training").allowed)

    def test_async(self) -> None:
        async def work() -> bool:
            async with ringrift.CoordinatedTask("sync") as task:
                return task.allowed

        self.assertTrue(asyncio.run(work()))

    def test_failures_open_the_breaker_and_memory_at_once(self) -> None:
        with self.assertRaises(MemoryError):
            with ringrift.CoordinatedTask("cmaes") as task:
                self.assertTrue(task.allowed)
                raise MemoryError("8 GiB")
        answer = ringrift.check_before_spawn("cmaes")
        self.assertFalse(answer.allowed)
        self.assertIn("circuit breaker for cmaes on n1 is OPEN", answer.reason)
        for n in range(5):
            self.assertEqual(ringrift.record_failure("tournament", reason="exit 1"), n == 4)

    def test_unknown_types_are_an_error(self) -> None:
        with self.assertRaises(ringrift.RingriftError) as raised:
            with ringrift.CoordinatedTask("chess"):
                pass
        self.assertIn("selfplay", str(raised.exception))

    def test_nobody_there_is_no(self) -> None:
        run, os.environ["RINGRIFT_RUN"] = os.environ["RINGRIFT_RUN"], "/nonexistent"
        try:
            self.assertFalse(ringrift.check_before_spawn("training").allowed)
            with ringrift.CoordinatedTask("training") as task:
                self.assertFalse(task.allowed)
                self.assertIn("systemctl start", task.reasons[0])
            with self.assertRaises(ringrift.Unavailable):
                ringrift.emit("external.x", {})
        finally:
            os.environ["RINGRIFT_RUN"] = run


class Events(unittest.TestCase):
    def test_what_is_emitted_comes_once_and_again_until_acknowledged(self) -> None:
        name, kind = "python-test", "external.greeting"
        stream = ringrift.subscribe(name, [kind], timeout=2.0)
        got: list[ringrift.Event] = []
        ready = threading.Thread(target=lambda: got.append(next(stream)))
        ready.start()
        seqs = []
        while ready.is_alive():
            seqs.append(ringrift.emit(kind, {"n": len(seqs)}, idempotency_key=f"k{len(seqs)}"))
            ready.join(0.2)
        self.assertEqual(got[0].type, kind)
        self.assertIn(got[0].seq, seqs)
        self.assertEqual(ringrift.emit(kind, {"n": 0}, idempotency_key="k0"), seqs[0], "the same key is the same event")
        first = got[0].seq
        stream.close()
        again = next(ringrift.subscribe(name, [kind], timeout=5.0))
        self.assertEqual(again.seq, first, "it was not acknowledged")
        rest = [event.seq for event in ringrift.subscribe(name, [kind], timeout=1.5)]
        self.assertEqual(rest, [seq for seq in seqs if seq >= first])
        self.assertEqual(list(ringrift.subscribe(name, [kind], timeout=1.0)), [], "all are acknowledged")


class Guard(unittest.TestCase):
    def test_without_a_master(self) -> None:
        self.assertFalse(ringrift.is_master_loop_running())
        self.assertFalse(ringrift.check_or_warn("a test"))
        with self.assertRaisesRegex(RuntimeError, "promotion needs the master"):
            ringrift.ensure_master_loop_running(True, "promotion")
        ringrift.ensure_master_loop_running(False, "promotion")
        os.environ["RINGRIFT_SKIP_MASTER_LOOP_CHECK"] = "1"
        try:
            ringrift.ensure_master_loop_running(True, "promotion")
        finally:
            del os.environ["RINGRIFT_SKIP_MASTER_LOOP_CHECK"]

    def test_a_locked_pid_file_is_a_master(self) -> None:
        import fcntl

        path = os.path.join(os.environ["RINGRIFT_RUN"], "master_loop.pid")
        with open(path, "w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            self.assertTrue(ringrift.is_master_loop_running())
        self.assertFalse(ringrift.is_master_loop_running())
        os.remove(path)

    def test_daemons_without_a_bus_are_an_error_that_says_so(self) -> None:
        for call in (ringrift.daemon_start, ringrift.daemon_stop, ringrift.daemon_status):
            with self.assertRaises(ringrift.RingriftError) as raised:
                call("AUTO_EXPORT")
            self.assertTrue(str(raised.exception))
        with self.assertRaises(ringrift.Unavailable):
            ringrift.daemon_health("AUTO_EXPORT")


class Progress(unittest.TestCase):
    def test_progress_goes_to_the_report_descriptor(self) -> None:
        self.assertFalse(ringrift.progress(1, 2))
        read, write = os.pipe()
        os.environ["RINGRIFT_REPORT_FD"] = str(write)
        try:
            self.assertTrue(ringrift.progress(3, 10, "epochs", "going on", {"loss": 0.5}))
        finally:
            del os.environ["RINGRIFT_REPORT_FD"]
        self.assertIn(b'"done": 3.0', os.read(read, 4096))
        os.close(read)
        os.close(write)


class Types(unittest.TestCase):
    def test_everything_public_is_annotated(self) -> None:
        for name in ringrift.__all__:
            thing = getattr(ringrift, name)
            if inspect.isfunction(thing):
                hints = typing.get_type_hints(thing)
                self.assertEqual(set(hints) - {"return"}, set(inspect.signature(thing).parameters), name)
                self.assertIn("return", hints, name)


if __name__ == "__main__":
    unittest.main(verbosity=2)
