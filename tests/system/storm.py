"""A storm over one or more hosts: takers in C++ and C are killed and stopped, sidecars are killed,
stopped and restarted, resets and raises come in between. One random.Random decides beforehand what
happens when to whom, so that a seed replays it; how the threads of the processes meet does not
replay.

Two sequences. On `orders` everything happens. `invoices` is neither reset nor raised, and who takes
from it is stopped but never killed: there every single id can be accounted for.
"""

import contextlib
import dataclasses
import http.client
import signal
import threading
import time

RUN = 8  # ids per take and lease

# Who takes on each host. The timeouts of some are so short that they happen all the time.
ORDERS = [dict(name="taker", mode="all", threads=2, rate=2_000, timeout=0.02, fork_every=0.3),
          dict(name="taker", mode="all", threads=2, rate=2_000, timeout=20),
          dict(name="taker_in_c", threads=2, rate=2_000, timeout=0.05),
          dict(name="taker_in_c", threads=1, rate=1_000, timeout=20)]
INVOICES = [dict(name="taker", mode="mixed", threads=2, rate=2_000, timeout=0.02, fork_every=0.4),
            dict(name="taker", mode="next", threads=2, rate=2_000, timeout=0.001),
            dict(name="taker", mode="mixed", threads=2, rate=2_000, timeout=20)]
# Tells its epoch with each take and is never killed, so that the epochs of others are known.
WATCHER = dict(name="taker", mode="take", threads=1, rate=1_000, timeout=20)


@dataclasses.dataclass
class Event:
    at: float  # seconds after the begin
    what: str
    host: int
    victim: float  # 0 to 1, of those that there are
    pause: float  # seconds; now and then so long that rings run dry and their records are reused
    above: int


def events(random, seconds, hosts, every, whats):
    found, at = [], 0
    while (at := at + random.expovariate(1 / every)) < seconds:
        found.append(Event(at, random.choice(whats), random.choice(hosts), random.random(),
                           min(8, 0.05 * random.paretovariate(1)), random.randrange(1, 5_000)))
    return found


class Storm:
    def __init__(self, case, hosts, seconds, random):
        self.case, self.hosts, self.seconds = case, hosts, seconds
        numbers = range(len(hosts))
        # Each actor does one thing after the other, beside the other actors.
        self.actors = [events(random, seconds, [number], 1.2,
                              ["kill_sidecar", "kill_sidecar", "stop_sidecar", "restart_sidecar"])
                       for number in numbers]
        self.actors.append(events(random, seconds, numbers, 0.4, ["kill_taker"]))
        self.actors.append(events(random, seconds, numbers, 0.4, ["stop_taker"]))
        orders = [events(random, seconds, numbers, 0.3, ["reset", "raise_above"]),
                  events(random, seconds, numbers, 2, ["reset_by_taker"])]
        self.actors += orders
        self.most_cuts = sum(map(len, orders))
        self.guard = threading.Lock()
        self.done = {}  # what, how often; orders whose outcome is known
        self.killed = []  # takers
        self.failures = []

    def run(self):
        self.begin = time.monotonic()
        self.orders = [[self.take(host, "orders", **options) for options in ORDERS]
                       for host in self.hosts]
        self.invoices = [[self.take(host, "invoices", **options) for options in INVOICES]
                         for host in self.hosts]
        self.watchers = [self.take(host, "orders", **WATCHER) for host in self.hosts]
        threads = [threading.Thread(target=self.act, args=(actor,)) for actor in self.actors]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for failure in self.failures:
            raise failure
        for host in self.hosts:
            for taker in host.takers:
                if taker not in self.killed:
                    summary = taker.wait()
                    self.case.assertEqual(summary["errors"], 0, summary)

    def act(self, actor):
        try:
            for event in actor:
                time.sleep(max(0, self.begin + event.at - time.monotonic()))
                if self.failures:
                    return
                if getattr(self, event.what)(event) is not False:
                    with self.guard:
                        self.done[event.what] = self.done.get(event.what, 0) + 1
        except BaseException as failure:  # it is to fail the test, and not this thread
            self.failures.append(failure)

    def take(self, host, sequence, seconds=None, **options):
        """A taker to the end of the storm, or for as long."""
        if options["name"] == "taker":
            options.update(times=True, epoch=0)
        left = max(0.5, self.begin + self.seconds - time.monotonic())
        with self.guard:
            return host.taker(sequence, run=RUN, seconds=seconds or left, **options)

    # ---- what happens to sidecars ----

    def kill_sidecar(self, event):
        self.hosts[event.host].kill()
        time.sleep(event.pause)
        self.hosts[event.host].start()

    def restart_sidecar(self, event):
        self.hosts[event.host].stop()
        time.sleep(event.pause)
        self.hosts[event.host].start()

    def stop_sidecar(self, event):
        process = self.hosts[event.host].process
        process.send_signal(signal.SIGSTOP)
        time.sleep(event.pause)
        process.send_signal(signal.SIGCONT)

    # ---- what happens to takers ----

    def kill_taker(self, event):
        takers = self.orders[event.host]
        number = int(event.victim * len(takers))
        with self.guard:
            self.killed.append(takers[number])
        takers[number].kill()
        takers[number] = self.take(self.hosts[event.host], "orders", **ORDERS[number])

    def stop_taker(self, event):
        takers = self.orders[event.host] + self.invoices[event.host]
        taker = takers[int(event.victim * len(takers))]
        taker.signal(signal.SIGSTOP)
        time.sleep(event.pause)
        taker.signal(signal.SIGCONT)

    # ---- what is ordered ----

    def order(self, host, verb, body=None):
        """The reply to a success; None where the sidecar or its source is away."""
        with contextlib.suppress(OSError, http.client.HTTPException):
            status, reply = host.request("POST", f"/v1/sequences/orders/{verb}", body)
            if status == 200:
                return reply
            words = f"{verb}: {reply}"
            self.case.assertIn(status, (409, 503, 504), words)
            self.case.assertIn(reply["error"]["type"],
                               ("conflict", "source_unavailable", "outcome_unknown"), words)
        return None

    def reset(self, event):
        host = self.hosts[event.host]
        reply = self.order(host, "reset")
        if not reply:
            return False
        host.resets.append(("orders", time.monotonic_ns(), reply["epoch"]))

    def raise_above(self, event):
        host = self.hosts[event.host]
        with contextlib.suppress(OSError, http.client.HTTPException):
            status, about = host.request("GET", "/v1/sequences/orders")
            if status == 200 and self.order(host, "raise",
                                            {"above": about["high_water"] + event.above}):
                return True
        return False

    def reset_by_taker(self, event):
        self.take(self.hosts[event.host], "orders", seconds=1, name="taker_in_c", threads=1,
                  reset=True, rate=1_000, timeout=2)
