"""One sequence in the hands of many threads, with and without the interpreter's lock."""

import sys
import threading
import time
import unittest

import essequence
from essequence import Sequence
from on_a_sidecar import OnASidecar, eventually

THREADS, COUNT = 8, 20_000


class Threads(OnASidecar):
    def together(self, work):
        """What `work(number)` returns in each of THREADS threads that begin at the same moment."""
        start, results = threading.Barrier(THREADS), [None] * THREADS

        def run(number):
            start.wait()
            results[number] = work(number)

        threads = [threading.Thread(target=run, args=(number,)) for number in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return results

    def test_ids_are_dense_and_in_order(self):
        orders = Sequence("orders", bulk_size=10_000, timeout=30)  # all of them open it
        taken = self.together(lambda _: [orders.next() for _ in range(COUNT)])
        for ids in taken:
            self.assertEqual(ids, sorted(ids))
        self.assertEqual(sorted(sum(taken, [])), list(range(1, THREADS * COUNT + 1)))

    def test_runs_beside_single_ids(self):
        orders = Sequence("orders", bulk_size=10_000, timeout=30)

        def work(number):
            if number % 2:
                return [orders.next() for _ in range(COUNT)]
            return [one for _ in range(COUNT // 10) for one in orders.take(10)]

        taken = sum(self.together(work), [])
        self.assertEqual(sorted(taken), list(range(1, len(taken) + 1)))

    @unittest.skipUnless(getattr(sys, "_is_gil_enabled", lambda: True)(), "there is no such lock")
    def test_the_interpreters_lock_is_kept_while_there_are_ids(self):
        orders = Sequence("orders", bulk_size=100_000, timeout=30)
        orders.next()
        eventually(self, lambda: self.host.show("orders")["ready_ids"] > 150_000)
        done, turns = threading.Event(), 0

        def count():
            nonlocal turns
            while not done.is_set():
                turns += 1
                time.sleep(0)  # lets go of it

        counting = threading.Thread(target=count)
        self.addCleanup(sys.setswitchinterval, sys.getswitchinterval())
        sys.setswitchinterval(100)  # or it would be taken away by and by
        counting.start()
        while turns == 0:
            time.sleep(0.001)
        before = turns
        for _ in range(1000):
            orders.next()
            orders.take(100)
        after = turns
        done.set()
        counting.join()
        self.assertEqual(after, before)

    def test_closed_while_others_take(self):
        for _ in range(20):
            orders = Sequence("orders", bulk_size=10_000, timeout=30)

            def work(number, orders=orders):
                if number == 0:
                    orders.next()
                    orders.close()
                    return []
                taken = []
                try:
                    while True:
                        taken.append(orders.next())
                except essequence.Invalid:
                    return taken

            ids = sum(self.together(work), [])
            self.assertEqual(len(set(ids)), len(ids))


if __name__ == "__main__":
    unittest.main()
