"""The class Sequence and the functions beside it, on a real sidecar."""

import contextlib
import gc
import itertools
import os
import pathlib
import pickle
import signal
import subprocess
import sys
import threading
import unittest
import weakref

import essequence
import essequence._essequence
from essequence import Sequence
from essequence.sequence import testing_reset_sequences
from on_a_sidecar import OnASidecar

try:
    import numpy
except ImportError:
    numpy = None


class Taking(OnASidecar):
    def test_iteration(self):
        orders = Sequence("orders")
        self.assertEqual(next(orders), 1)
        self.assertEqual(list(itertools.islice(orders, 3)), [2, 3, 4])
        for number in Sequence("orders", transform=str):
            self.assertEqual(number, "5")
            break

    def test_take_gives_a_range_within_one_block(self):
        self.host.open("odd", start=11, increment=2)
        odd = Sequence("odd", bulk_size=100)
        self.assertEqual(odd.take(3), range(11, 17, 2))
        self.assertEqual(odd.next(), 17)
        run = odd.take(2**40)
        self.assertEqual((run.start, run.step), (19, 2))
        self.assertGreaterEqual(len(run), 1)
        self.assertEqual(odd.next(), run[-1] + 2)
        for n in (0, -1):
            with self.assertRaises(essequence.Invalid):
                odd.take(n)

    def test_the_largest_ids(self):
        self.host.open("last", start=2**63 - 3, max=2**63 - 1)
        last = Sequence("last")
        self.assertEqual(last.next(), 2**63 - 3)
        self.assertEqual(last.take(10), range(2**63 - 2, 2**63))
        with self.assertRaises(essequence.Exhausted):
            last.next()

    @unittest.skipIf(numpy is None, "NumPy is not there")
    def test_take_array(self):
        ids = Sequence("orders").take_array(100_000)  # several blocks
        self.assertEqual(ids.dtype, numpy.int64)
        self.assertEqual(ids.tolist(), list(range(1, 100_001)))
        self.host.open("few", max=5)
        self.assertEqual(Sequence("few").take_array(10).tolist(), [1, 2, 3, 4, 5])
        with self.assertRaises(essequence.Exhausted):
            Sequence("few").take_array(10)

    def test_reset(self):
        orders, other = Sequence("orders"), Sequence("orders")
        self.assertEqual((orders.next(), other.next()), (1, 2))
        orders.reset()
        self.assertEqual((other.next(), orders.next()), (1, 2))

    def test_a_reset_of_all_goes_to_the_directory_that_is_named(self):
        here, there = Sequence("orders"), Sequence("orders", runtime_dir=self.host.runtime_dir)
        self.assertEqual((here.next(), there.next()), (1, 2))
        with self.assertRaises(essequence.Unavailable):
            testing_reset_sequences(runtime_dir="/dev/shm/nothing-here")
        testing_reset_sequences(self.host.runtime_dir)
        self.assertEqual(here.next(), 1)

    def test_a_transform_that_fails_loses_its_id_alone(self):
        def fail(number):
            raise LookupError(number)

        with self.assertRaisesRegex(LookupError, "1"):
            Sequence("orders", transform=fail).next()
        self.assertEqual(Sequence("orders").next(), 2)


class Making(OnASidecar):
    def test_nothing_is_opened_before_the_first_take(self):
        self.host.stop()
        orders = Sequence("orders", timeout=60)
        self.host.start()
        self.assertEqual(orders.next(), 1)

    def test_opened_on_purpose(self):
        Sequence("orders", bulk_size=1234).open()
        self.assertEqual(self.host.show("orders")["block_size"], 1234)
        with self.assertRaises(essequence.Invalid):
            Sequence("_orders").open()

    def test_what_it_was_made_of(self):
        cluster = object()
        made = Sequence("orders", 20, str, cluster, timeout=2.5, runtime_dir=pathlib.Path("/there"))
        self.assertEqual((made.name, made.bulk_size, made.transform, made.ES, made.timeout,
                          made.runtime_dir),
                         ("orders", 20, str, cluster, 2.5, pathlib.Path("/there")))
        plain = Sequence("orders")
        self.assertEqual((plain.bulk_size, plain.transform, plain.ES, plain.timeout,
                          plain.runtime_dir), (10, None, None, 5, None))
        self.assertIsNone(Sequence("orders", timeout=None).timeout)
        self.assertIn("'orders'", repr(plain))

    def test_what_it_is_not_made_of(self):
        for error, arguments, named in (
                (TypeError, (), {}), (TypeError, (b"orders",), {}), (ValueError, ("a\0b",), {}),
                (OverflowError, ("orders", -1), {}), (TypeError, ("orders", "many"), {}),
                (ValueError, ("orders",), {"timeout": -1}),
                (ValueError, ("orders",), {"timeout": float("nan")}),
                (TypeError, ("orders",), {"timeout": "soon"}),
                (TypeError, ("orders",), {"color": "red"}),
                (UnicodeEncodeError, ("\ud800",), {})):
            with self.subTest(arguments=arguments, named=named), self.assertRaises(error):
                Sequence(*arguments, **named)
        with self.assertRaises(TypeError):
            Sequence("orders").__init__("invoices")
        with self.assertRaises(essequence.Invalid):
            Sequence.__new__(Sequence).next()

    def test_a_subclass(self):
        class Orders(Sequence[str]):
            def __init__(self):
                super().__init__("orders", transform="order-{}".format)

        self.assertEqual(Orders().next(), "order-1")

    def test_a_copy_by_pickle(self):
        orders = Sequence("orders", 20, str, timeout=7)
        self.assertEqual(orders.next(), "1")
        copy = pickle.loads(pickle.dumps(orders))
        self.assertEqual((copy.name, copy.bulk_size, copy.timeout), ("orders", 20, 7))
        self.assertEqual(copy.next(), "2")

    def test_closed(self):
        with Sequence("orders") as orders:
            self.assertEqual(orders.next(), 1)
        for call in (orders.next, orders.open, orders.reset, lambda: orders.take(1)):
            with self.assertRaisesRegex(essequence.Invalid, "closed"):
                call()
        self.assertEqual(Sequence("orders").next(), 2)

    def test_one_that_its_transform_knows_is_collected(self):
        class Transform:
            def __call__(self, number):
                return number

        transform = Transform()
        transform.sequence = Sequence("orders", transform=transform)
        transform.sequence.next()
        gone = weakref.ref(transform)
        del transform
        gc.collect()
        self.assertIsNone(gone())

    def test_nothing_grows(self):
        def everything():
            orders = Sequence("orders", 20, str, object(), timeout=7, runtime_dir=os.fsdecode(
                os.environ["ESSEQUENCE_RUNTIME_DIR"]))
            orders.next(), next(orders), orders.take(2), orders.next_within(1)
            orders.timeout, orders.name, orders.transform
            with contextlib.suppress(essequence.Invalid):
                orders.take(0)
            with contextlib.suppress(essequence.Invalid):
                Sequence("_bad").next()
            with contextlib.suppress(ValueError):
                orders.next_within(-1)
            with contextlib.suppress(ValueError):
                Sequence("orders", timeout=-1)
            orders.close()

        def grown(times):
            gc.collect()
            count = getattr(sys, "gettotalrefcount", sys.getallocatedblocks)
            before = count()
            for _ in range(times):
                everything()
            gc.collect()
            return count() - before

        grown(50)
        # What leaks would do so once or more each time.
        self.assertLess(min(grown(200) for _ in range(3)), 100)


class Waiting(OnASidecar):
    def dry(self, **options):
        orders = Sequence("orders", **options)
        frozen, self.taken = self.run_dry(orders)
        return orders, frozen

    def test_timeouts_of_calls(self):
        orders, frozen = self.dry(timeout=None)
        for call in (lambda: orders.next_within(0), lambda: orders.next_within(0.01),
                     lambda: orders.take(1, timeout=0.01)):
            # Which of them depends on how long ago the heart beat last.
            with self.assertRaises((essequence.Timeout, essequence.Unavailable)):
                call()
        frozen.thaw()
        self.assertEqual(orders.next(), self.taken + 1)  # nothing was lost by that

    def test_the_timeout_of_a_sequence(self):
        orders, _ = self.dry(timeout=0.01)
        for call in (orders.next, lambda: next(orders), lambda: orders.take(1)):
            with self.assertRaises((essequence.Timeout, essequence.Unavailable)):
                call()

    def test_other_threads_go_on_meanwhile(self):
        orders, frozen = self.dry(timeout=None)
        taken = []
        waiters = [threading.Thread(target=lambda: taken.append(orders.next())) for _ in range(4)]
        for waiter in waiters:
            waiter.start()
        frozen.thaw()  # if a waiter kept the interpreter to itself, nobody came here
        for waiter in waiters:
            waiter.join()
        self.assertEqual(sorted(taken), list(range(self.taken + 1, self.taken + 5)))

    def alarm(self, handler, seconds=0.05):
        before = signal.signal(signal.SIGALRM, handler)
        self.addCleanup(signal.signal, signal.SIGALRM, before)
        signal.setitimer(signal.ITIMER_REAL, seconds, seconds)
        self.addCleanup(signal.setitimer, signal.ITIMER_REAL, 0)

    def test_a_signal_interrupts(self):
        class Interrupted(Exception):
            pass

        def interrupt(*_):
            signal.setitimer(signal.ITIMER_REAL, 0)
            raise Interrupted

        orders, frozen = self.dry(timeout=None)
        for call in (orders.next, lambda: next(orders), lambda: orders.take(5), orders.reset,
                     Sequence("new", timeout=None).next):
            self.alarm(interrupt)
            with self.assertRaises(Interrupted):
                call()
        frozen.thaw()
        self.assertEqual(Sequence("new").next(), 1)

    def test_ctrl_c_interrupts(self):
        orders, frozen = self.dry(timeout=None)
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        self.addCleanup(signal.signal, signal.SIGINT, before)
        self.alarm(lambda *_: os.kill(os.getpid(), signal.SIGINT))
        with self.assertRaises(KeyboardInterrupt):
            orders.next()
        signal.setitimer(signal.ITIMER_REAL, 0)
        frozen.thaw()
        self.assertEqual(orders.next(), self.taken + 1)

    def test_a_handler_that_raises_nothing_lets_it_wait_on(self):
        orders, frozen = self.dry(timeout=None)
        calls = []

        def handler(*_):
            calls.append(Sequence("invoices", timeout=0.001))
            with contextlib.suppress(essequence.Error):
                calls[-1].next()  # a wait within the wait
            if len(calls) == 3:
                frozen.thaw()
                signal.setitimer(signal.ITIMER_REAL, 0)

        self.alarm(handler)
        self.assertEqual(orders.next(), self.taken + 1)
        self.assertEqual(len(calls), 3)

    def test_a_handler_that_forks(self):
        orders = Sequence("orders", timeout=None)
        self.assertEqual(orders.next(), 1)  # from now on it claims a ticket before it waits for it
        frozen, taken = self.run_dry(orders)
        read, write = os.pipe()
        children = []

        def handler(*_):
            signal.setitimer(signal.ITIMER_REAL, 0)
            if not children:
                children.append(os.fork())
                if children[0] != 0:
                    frozen.thaw()

        self.alarm(handler)
        number = None
        try:
            number = orders.next()
        finally:
            if children == [0]:
                os.write(write, str(number).encode())
                os._exit(0)
        os.close(write)
        with os.fdopen(read) as said:
            self.assertEqual({number, int(said.read())}, {taken + 2, taken + 3})
        self.assertEqual(os.waitpid(children[0], 0)[1], 0)

    def test_an_interpreter_ends_while_a_thread_waits(self):
        self.dry()
        ended = subprocess.run(
            [sys.executable, "-c",
             "import threading, time, essequence\n"
             "orders = essequence.Sequence('orders', timeout=None)\n"
             "threading.Thread(target=orders.next, daemon=True).start()\n"
             "time.sleep(0.3)\n"], capture_output=True, text=True, timeout=60)
        self.assertEqual((ended.returncode, ended.stderr), (0, ""))


class Failures(OnASidecar):
    config = {"defaults": {"auto_create": False}, "control": {"reset": "never"}}

    def test_there_is_a_class_for_each_status(self):
        classes = {name: value for name, value in vars(essequence).items()
                   if isinstance(value, type) and issubclass(value, essequence.Error)}
        self.assertEqual(classes.pop("Error").status, "")
        header = pathlib.Path(__file__).parents[2] / "shmclient/include/essequence/essequence.h"
        listed = {line.split()[0].removeprefix("ESSEQUENCE_")
                  for line in header.read_text().splitlines()
                  if line.startswith("  ESSEQUENCE_") and "= " in line}
        self.assertEqual({value.status for value in classes.values()}, listed - {"OK"})
        for name, value in classes.items():
            self.assertEqual(name.lower(), value.status.replace("_", "").lower())
            self.assertEqual((value.__module__, value.__name__), ("essequence", name))
            self.assertIs(getattr(essequence._essequence, name), value)
            self.assertIs(value.__base__, essequence.Error)
        self.assertLessEqual(set(classes), set(essequence.__all__))

    def test_each_kind(self):
        self.host.open("few", max=2)
        with self.assertRaisesRegex(essequence.Invalid, "_"):
            Sequence("_few").next()
        few = Sequence("few")
        self.assertEqual([few.next(), few.next()], [1, 2])
        with self.assertRaisesRegex(essequence.Exhausted, '"few" has reached its max'):
            few.next()
        with self.assertRaises(essequence.Denied):
            few.reset()
        with self.assertRaises(essequence.Denied):
            testing_reset_sequences()
        self.host.ctl("delete", "few")
        with self.assertRaises(essequence.NotFound) as caught:
            few.next()
        self.assertEqual(caught.exception.status, "NOT_FOUND")
        self.host.stop()
        with self.assertRaises(essequence.Unavailable):
            Sequence("new", timeout=0).next()

    def test_status(self):
        about = essequence.status()
        self.assertEqual((about["pid"], about["source"]["kind"]), (self.host.process.pid, "local"))
        self.assertEqual(essequence.status(self.host.runtime_dir, timeout=None)["pid"],
                         about["pid"])
        self.assertEqual(essequence.__version__, about["version"])
        self.host.stop()
        with self.assertRaisesRegex(essequence.Unavailable, "is essequenced running?"):
            essequence.status()


if __name__ == "__main__":
    unittest.main()
