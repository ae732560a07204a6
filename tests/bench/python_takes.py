"""What a take costs in Python. Everything in turns, so that what else the machine does hits all of
them; medians of several rounds, with the smallest and the largest beside. Takes alone are measured in
time of the processor, those that wait for Elasticsearch by the clock.

    PYTHON tests/bench/python_takes.py [--elasticsearch URL] [--rounds N]

PYTHON has the package (pip install ./shmclient/python). With the URL of an Elasticsearch also the
ancestor's way is measured: a bulk of ids for each process, for which a document is read and written.
"""

import argparse
import http.client
import itertools
import json
import pathlib
import statistics
import sys
import threading
import time
import unittest
import urllib.parse
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))
from essequence import Sequence  # noqa: E402
from instance import Instance  # noqa: E402

IDS = 50_000  # for each way and round: so short that it is rarely interrupted
BULK_SIZES = (10, 100, 10_000)


class Ancestor:
    """Its algorithm. (It had a script add bulk_size to the document. That takes a scripting module,
    which the node under test may lack; so the document is read, and written if it is still that.)"""

    def __init__(self, url, index, name, bulk_size):
        address = urllib.parse.urlsplit(url)
        self.connection = http.client.HTTPConnection(address.hostname, address.port, timeout=30)
        self.index, self.name, self.bulk_size = index, name, bulk_size
        self.lock, self.bulk = threading.Lock(), []
        self.transform = lambda number: number

    def request(self, method, path, body=None):
        self.connection.request(method, path, body and json.dumps(body),
                                {"Content-Type": "application/json"})
        reply = self.connection.getresponse()
        return reply.status, json.loads(reply.read())

    def fetch(self):
        path = f"/{self.index}/_doc/{self.name}"
        status, found = self.request("GET", path)
        if status == 404:
            condition, iid = "op_type=create", 0
        else:
            condition = f"if_seq_no={found['_seq_no']}&if_primary_term={found['_primary_term']}"
            iid = found["_source"]["iid"]
        status, reply = self.request("PUT", f"{path}?refresh=true&{condition}",
                                     {"name": self.name, "iid": iid + self.bulk_size})
        if status not in (200, 201):
            raise RuntimeError(f"{path}: {reply}")
        self.bulk = list(range(iid + self.bulk_size, iid, -1))

    def next(self):
        with self.lock:
            if not self.bulk:
                self.fetch()
            return self.transform(self.bulk.pop())


# Each returns nanoseconds for each time round.


def loop(call, times, now=time.thread_time_ns):
    repeat = itertools.repeat(None, times)
    begin = now()
    for _ in repeat:
        call()
    return (now() - begin) / times


def by_method(sequence, times, now=time.thread_time_ns):
    """With the method looked up each time, as programs do."""
    repeat = itertools.repeat(None, times)
    begin = now()
    for _ in repeat:
        sequence.next()
    return (now() - begin) / times


def by_next(iterator, times, now=time.thread_time_ns):
    repeat = itertools.repeat(None, times)
    begin = now()
    for _ in repeat:
        next(iterator)
    return (now() - begin) / times


def nothing(times, now=time.thread_time_ns):
    repeat = itertools.repeat(None, times)
    begin = now()
    for _ in repeat:
        pass
    return (now() - begin) / times


def told(name, values, unit="ns"):
    median = statistics.median(values)
    print(f"{name:44} {median:12.2f} {unit}   ({min(values):.2f} – {max(values):.2f})", flush=True)
    return median


def local(case, rounds):
    host = Instance(case).start()
    ids = Sequence("bench", bulk_size=10 * IDS, timeout=30, runtime_dir=host.runtime_dir)
    count = itertools.count()
    for _ in range(20 * IDS):  # the refill learns the rate: the loop measures takes, not refills
        ids.next()
    ways = {
        "an empty loop": lambda: nothing(IDS),
        "next(itertools.count())": lambda: by_next(count, IDS),
        "next(sequence)": lambda: by_next(ids, IDS),
        "itertools.count().__next__, bound": lambda: loop(count.__next__, IDS),
        "sequence.next, bound": lambda: loop(ids.next, IDS),
        "sequence.next()": lambda: by_method(ids, IDS),
        "sequence.take(1000), for each id": lambda: loop(lambda: ids.take(1000), IDS // 1000) / 1000,
    }
    measured = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            measured[name].append(way())
    medians = {name: told(name, values) for name, values in measured.items()}
    print(f"next(sequence) / next(itertools.count()): "
          f"{medians['next(sequence)'] / medians['next(itertools.count())']:.2f}; bound: "
          f"{medians['sequence.next, bound'] / medians['itertools.count().__next__, bound']:.2f}")


def on_elasticsearch(case, url, rounds):
    index, old = (f"bench-{uuid.uuid4().hex}" for _ in range(2))
    host = Instance(case, url, index).start()
    cleaner = Ancestor(url, old, "", 1)
    case.addCleanup(lambda: [cleaner.request("DELETE", f"/{name}") for name in (index, old)])
    cleaner.request("PUT", f"/{old}", {"settings": {"number_of_shards": 1,
                                                     "number_of_replicas": 0}})
    for bulk_size in BULK_SIZES:
        ours = Sequence(f"bulk-{bulk_size}", bulk_size, timeout=30, runtime_dir=host.runtime_dir)
        ancestor = Ancestor(url, old, f"bulk-{bulk_size}", bulk_size)
        bulks = max(2, min(50, 100_000 // bulk_size))
        loop(ancestor.next, bulk_size), loop(ours.next, bulk_size)  # the first ones create
        measured = {"ancestor": [], "ours": []}
        for _ in range(rounds):
            measured["ancestor"].append(by_method(ancestor, bulks * bulk_size,
                                                  time.perf_counter_ns))
            measured["ours"].append(by_method(ours, bulks * bulk_size, time.perf_counter_ns))
        theirs = told(f"bulk_size {bulk_size:6}: the ancestor's way", measured["ancestor"])
        mine = told(f"bulk_size {bulk_size:6}: sequence.next()", measured["ours"])
        print(f"bulk_size {bulk_size:6}: {theirs / mine:.0f} times")


def main():
    parser = argparse.ArgumentParser(description="What a take costs in Python.")
    parser.add_argument("--elasticsearch", metavar="URL")
    parser.add_argument("--rounds", type=int, default=41)
    arguments = parser.parse_args()
    case = unittest.TestCase()
    try:
        local(case, arguments.rounds)
        if arguments.elasticsearch:
            on_elasticsearch(case, arguments.elasticsearch, arguments.rounds)
    finally:
        case.doCleanups()


if __name__ == "__main__":
    main()
