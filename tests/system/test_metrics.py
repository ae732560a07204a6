"""/metrics, as Prometheus itself reads it, and the alerts that are shipped."""

import re
import shutil
import subprocess
import unittest

from instance import ROOT, Instance, eventually
from promtool import promtool

HOSTILE = ['a"b', "a\\b", "a\\nb", 'a"} 1', "a{b=c}", "# TYPE", "заказы 订单", "a\u2028b"]
SERIES = re.compile(r'(\w+)(?:\{((?:\w+="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (\S+)')


def series_of(text):
    """{(name, ((label, value), …)): value} of a text that is nothing but comments and series."""
    found = {}
    for line in text.removesuffix("\n").split("\n"):
        if line.startswith("# "):
            continue
        name, labels, value = SERIES.fullmatch(line).groups()
        pairs = re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels or "")
        plain = tuple((label, re.sub(r"\\(.)", lambda c: {"n": "\n"}.get(c[1], c[1]), quoted))
                      for label, quoted in pairs)
        assert (name, plain) not in found, line
        found[name, plain] = float(value)
    return found


class Promtool(unittest.TestCase):
    """What takes Prometheus's own checker."""

    def setUp(self):
        try:
            self.promtool = promtool()
        except RuntimeError as reason:
            self.skipTest(str(reason))

    def check(self, *arguments, **options):
        ended = subprocess.run([self.promtool, *map(str, arguments)], text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
        self.assertEqual(ended.returncode, 0, ended.stdout)
        return ended.stdout

    def test_metrics_are_named_and_written_as_they_should_be(self):
        host = Instance(self).start()
        for name in HOSTILE:
            host.open(name)
        # Silent, as it has nothing to complain of.
        self.assertEqual(self.check("check", "metrics", input=host.ctl("metrics")), "")

    def test_alerts(self):
        host = Instance(self)
        rules = host.disk / "essequence.rules.yml"
        shutil.copy(ROOT / "systemd/prometheus/essequence.rules.yml", rules)
        self.assertRegex(self.check("check", "rules", rules), "SUCCESS: [1-9]")
        shutil.copy(ROOT / "tests/system/essequence.rules.test.yml", host.disk)
        self.check("test", "rules", host.disk / "essequence.rules.test.yml")

    def test_each_alert_asks_for_metrics_that_are_there(self):
        host = Instance(self).start()
        host.open("orders")
        rules = (ROOT / "systemd/prometheus/essequence.rules.yml").read_text()
        served = {name for name, _ in series_of(host.ctl("metrics"))}
        asked = set(re.findall(r"\b(essequence_[a-z_]+)", rules))
        self.assertGreater(len(asked), 8)
        self.assertLessEqual(asked, served)


class Metrics(unittest.TestCase):
    def setUp(self):
        self.host = Instance(self).start()

    def series(self):
        return series_of(self.host.ctl("metrics"))

    def test_names_come_through_as_they_are(self):
        for name in HOSTILE:
            self.host.open(name)
        names = {dict(labels)["sequence"] for name, labels in self.series()
                 if name == "essequence_ready_ids"}
        self.assertEqual(names, set(HOSTILE))

    def test_of_the_instance(self):
        self.host.next("orders", 7)
        eventually(self, lambda: self.host.show("orders")["state"] == "ready")
        series = self.series()
        version = self.host.expect(200, "GET", "/v1/status")["version"]
        self.assertEqual(series["essequence_build_info", (("version", version),)], 1)
        self.assertEqual(series["essequence_source_healthy", (("kind", "local"),)], 1)
        self.assertEqual(series["essequence_journal_healthy", ()], 1)
        states = {dict(labels)["state"]: value for (name, labels), value in series.items()
                  if name == "essequence_sequences"}
        self.assertEqual(states, {"fenced": 0, "exhausted": 0, "starved": 0,
                                  "filling": 0, "ready": 1})
        self.assertEqual(series["essequence_refill_failures_total", ()], 0)
        process = {name: value for (name, _), value in series.items()
                   if name.startswith("process_")}
        self.assertEqual(len(process), 6)
        self.assertEqual([name for name, value in process.items() if value <= 0], [])
        self.assertLess(process["process_resident_memory_bytes"], 1 << 30)
        self.assertAlmostEqual(process["process_start_time_seconds"],
                               series["essequence_last_refill_timestamp_seconds", ()], delta=60)

    def test_refills(self):
        self.host.next("orders", 1000)
        series = self.series()
        buckets = [value for (name, _), value in series.items()
                   if name == "essequence_refill_duration_seconds_bucket"]
        self.assertEqual(buckets, sorted(buckets))
        count = series["essequence_refill_duration_seconds_count", ()]
        self.assertEqual(count, buckets[-1])
        self.assertEqual(count, series["essequence_refills_total", (("sequence", "orders"),)])
        self.assertGreater(series["essequence_refill_duration_seconds_sum", ()], 0)

    def test_of_a_sequence(self):
        self.host.open("few", max=100)
        self.host.next("few", 30)
        orders, few = (("sequence", "orders"),), (("sequence", "few"),)
        self.host.open("orders")
        series = self.series()
        self.assertEqual(series["essequence_remaining_ids", few], 70)
        self.assertEqual(series["essequence_remaining_ids", orders], 2.0 ** 63)
        self.assertEqual(series["essequence_cover_seconds", orders], float("inf"))
        self.assertEqual(series["essequence_taken_total", few], 30)
        self.host.next("few", 70)
        self.assertEqual(self.series()["essequence_remaining_ids", few], 0)

    def test_of_trouble(self):
        host = Instance(self, "http://127.0.0.1:9", "essequence").start()
        eventually(self, lambda: not host.source()["healthy"])
        series = series_of(host.ctl("metrics"))
        self.assertEqual(series["essequence_source_healthy", (("kind", "elasticsearch"),)], 0)
        self.host.next("orders", 3)
        self.host.stop()
        for file in self.host.state_dir.iterdir():
            file.unlink()
        self.host.start()
        fenced = ("essequence_fenced", (("sequence", "orders"),))
        eventually(self, lambda: self.series()[fenced] == 1)
        self.assertEqual(self.series()["essequence_sequences", (("state", "fenced"),)], 1)


if __name__ == "__main__":
    unittest.main()
