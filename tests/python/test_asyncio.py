"""Coroutines that take ids: what waits is never the event loop."""

import asyncio
import threading
import unittest

import essequence
from essequence import Sequence
from on_a_sidecar import Frozen, OnASidecar


class Coroutines(OnASidecar):
    def dry(self):
        orders = Sequence("orders", timeout=60)
        return (orders, *self.run_dry(orders))

    def test_ids_and_transforms(self):
        async def take():
            orders = Sequence("orders", transform=str)
            taken = [await orders.anext(), await orders.anext()]
            async for number in orders:
                return taken + [number]

        self.assertEqual(asyncio.run(take()), ["1", "2", "3"])

    def test_the_loop_goes_on_while_a_thousand_wait(self):
        orders, frozen, taken = self.dry()

        async def tick():
            for _ in range(20):  # if one of those who wait blocked the loop, this would not end
                await asyncio.sleep(0.005)
            frozen.thaw()

        async def all_of_them():
            threads = threading.active_count()
            waiting = [asyncio.ensure_future(orders.anext()) for _ in range(1000)]
            await tick()
            self.assertEqual(threading.active_count(), threads)
            return await asyncio.gather(*waiting)

        ids = asyncio.run(all_of_them())
        self.assertEqual(sorted(ids), list(range(taken + 1, taken + 1001)))

    def test_the_loop_goes_on_while_a_sequence_is_created(self):
        frozen = Frozen(self.host.process)
        self.addCleanup(frozen.thaw)

        async def take():
            waiting = asyncio.ensure_future(Sequence("new", timeout=60).anext())
            for _ in range(20):  # if it blocked the loop, nobody would let the sidecar go on
                await asyncio.sleep(0.005)
            self.assertFalse(waiting.done())
            frozen.thaw()
            return await waiting

        self.assertEqual(asyncio.run(take()), 1)

    def test_who_is_cancelled_takes_nothing_along(self):
        orders, frozen, taken = self.dry()

        async def cancel_some():
            waiting = [asyncio.ensure_future(orders.anext()) for _ in range(20)]
            await asyncio.sleep(0.01)
            for one in waiting[::2]:
                one.cancel()
            frozen.thaw()
            await asyncio.gather(*waiting, return_exceptions=True)
            return [one.result() for one in waiting[1::2]]

        ids = asyncio.run(cancel_some())
        self.assertEqual(sorted(ids), list(range(taken + 1, taken + 11)))

    def test_timeouts(self):
        orders, _, _ = self.dry()

        async def wait():
            with self.assertRaises((essequence.Timeout, essequence.Unavailable)):
                await orders.anext(timeout=0.01)
            with self.assertRaises(asyncio.TimeoutError):
                await asyncio.wait_for(orders.anext(), 0.01)

        asyncio.run(wait())

    def test_a_failure_comes_at_once(self):
        self.host.open("few", max=1)

        async def take():
            few = Sequence("few", timeout=None)
            self.assertEqual(await few.anext(), 1)
            with self.assertRaises(essequence.Exhausted):
                await few.anext()

        asyncio.run(take())

    def test_ids_on_request(self):
        self.host.open("invoices", order="cluster")

        async def take():
            invoices = Sequence("invoices")
            return await asyncio.gather(*(invoices.anext() for _ in range(10)))

        self.assertEqual(sorted(asyncio.run(take())), list(range(1, 11)))


if __name__ == "__main__":
    unittest.main()
