"""Processes that are made of others: no id is given twice, and none is kept from before a fork."""

import contextlib
import json
import multiprocessing
import os
import threading
import unittest

from essequence import Sequence
from essequence.sequence import testing_reset_sequences
from on_a_sidecar import OnASidecar

COUNT = 2000
orders = Sequence("orders", timeout=30)  # as a module has it that is loaded before the fork


def take(count):
    return [orders.next() for _ in range(count)]


def take_of(sequence, count):
    """A sequence that came by pickle."""
    return os.getpid(), [sequence.next() for _ in range(count)]


class Forks(OnASidecar):
    def setUp(self):
        super().setUp()
        global orders
        orders = Sequence("orders", timeout=30)

    def child(self, work):
        """(process id, a file of what `work` returns) of a fork that is not multiprocessing's."""
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            with contextlib.suppress(BaseException), os.fdopen(write, "w") as out:
                json.dump(work(), out)
            os._exit(0)
        os.close(write)
        return pid, os.fdopen(read)

    def result(self, child):
        pid, file = child
        with file:
            result = json.load(file)
        os.waitpid(pid, 0)
        return result

    def assert_dense(self, ids):
        self.assertEqual(sorted(ids), list(range(1, len(ids) + 1)))

    def test_parent_and_children(self):
        before = take(5)
        children = [self.child(lambda: take(COUNT)) for _ in range(4)]
        taken = [take(COUNT)] + [self.result(child) for child in children]
        for ids in taken:
            self.assertEqual(ids, sorted(ids))
            self.assertGreater(ids[0], before[-1])
        self.assert_dense(before + sum(taken, []))

    def test_a_child_of_a_child(self):
        def both():
            ids = take(100)
            grandchild = self.child(lambda: take(100))
            return ids + take(100) + self.result(grandchild)

        before = take(1)
        self.assert_dense(before + self.result(self.child(both)) + take(1))

    def test_a_reset_reaches_another_process(self):
        took, taken = os.pipe()
        was_reset, reset = os.pipe()

        def before_and_after():
            ids = take(2)
            os.write(taken, b"x")
            os.read(was_reset, 1)
            return ids + take(1)

        child = self.child(before_and_after)
        os.read(took, 1)
        testing_reset_sequences()
        os.write(reset, b"x")
        self.assertEqual(self.result(child), [1, 2, 1])
        self.assertEqual(take(1), [2])

    def test_a_fork_while_other_threads_take(self):
        done, taken = threading.Event(), []

        def go_on():
            ids = []
            while not done.is_set():
                ids.append(orders.next())
            taken.extend(ids)

        threads = [threading.Thread(target=go_on) for _ in range(2)]
        for thread in threads:
            thread.start()
        for _ in range(10):
            taken += self.result(self.child(lambda: take(100)))
        done.set()
        for thread in threads:
            thread.join()
        self.assert_dense(taken)

    def test_each_way_of_multiprocessing(self):
        for way in ("fork", "spawn", "forkserver"):
            with self.subTest(way):
                sequence = Sequence(way, timeout=30)
                before = [sequence.next()]
                context = multiprocessing.get_context(way)
                with context.Pool(4) as pool:
                    results = pool.starmap(take_of, [(sequence, COUNT // 4)] * 16, chunksize=1)
                ids = sum((taken for _, taken in results), before)
                self.assert_dense(ids + [sequence.next()])

    def test_workers_that_are_recycled(self):
        """Celery's way: forked from a parent that has taken, and replaced after a few tasks."""
        before = take(3)
        with multiprocessing.get_context("fork").Pool(4, maxtasksperchild=3) as pool:
            results = pool.starmap(take_of, [(orders, 50)] * 60, chunksize=1)
        self.assertGreaterEqual(len({pid for pid, _ in results}), 20)
        self.assert_dense(sum((taken for _, taken in results), before))


if __name__ == "__main__":
    unittest.main()
