"""The sidecar is dead: takes go on while ids last, then there is a distinct status, and words."""

import time
import unittest

from instance import Instance, check_ids


class SidecarAway(unittest.TestCase):
    def test_takes_go_on_then_unavailable_then_go_on(self):
        host = Instance(self, config={"defaults": {"min_block": 100}}).start()
        self.assertEqual(host.next("orders", 3), [1, 2, 3])
        host.ctl("wait", "orders", "--timeout", 20)
        ready = host.show("orders")["ready_ids"]
        host.kill()
        self.assertGreater(ready, 0)
        self.assertEqual(host.next("orders", ready), list(range(4, 4 + ready)))
        time.sleep(2.5)  # until the heartbeat is stale
        # 5, no id within the timeout, or 3 where the command was slow enough to see why.
        host.ctl("next", "orders", "--timeout", 0.5, status=(3, 5))
        taker = host.taker("orders", seconds=30, count=100, timeout=0.5)
        time.sleep(4)  # a new observer needs as long again to see that it is stale
        host.start()
        summary = taker.wait()
        self.assertGreater(summary["unavailable"], 0, summary)
        self.assertEqual(summary["errors"], 0, summary)
        check_ids(self, [host])

    def test_the_command_line_says_that_it_is_not_reachable(self):
        host = Instance(self).start()
        host.next("orders")
        host.kill()
        for command in (["status"], ["list"], ["show", "orders"], ["reset", "orders"],
                        ["raise", "orders", "--above", 9], ["metrics"]):
            host.ctl(*command, status=3)


if __name__ == "__main__":
    unittest.main()
