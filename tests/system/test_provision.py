"""What an administrator makes, and the sidecars that run on it."""

import json
import unittest

import administrator
import cluster
from instance import Instance, eventually

ALONE = {"elasticsearch": {"create": False}}


class Provision(unittest.TestCase):
    def test_makes_what_a_sidecar_needs_and_changes_nothing_the_second_time(self):
        name = cluster.fresh_index(self)
        told, _ = administrator.run(self, "provision", "--index", name)
        for step in (f"index {name}-000001: created", f"alias {name}: created",
                     "marker document _essequence: created", "role essequence: not created"):
            self.assertIn(step, told)
        made = cluster.request("GET", f"/{name}?flat_settings=true")[1]
        self.assertEqual(list(made), [f"{name}-000001"])
        settings = made[f"{name}-000001"]["settings"]
        for setting, value in {"number_of_shards": "1", "auto_expand_replicas": "0-1",
                               "hidden": "true", "translog.durability": "request"}.items():
            self.assertEqual(settings[f"index.{setting}"], value)
        self.assertEqual(made[f"{name}-000001"]["mappings"]["dynamic"], "strict")

        told, _ = administrator.run(self, "--json", "provision", "--index", name)
        told = json.loads(told)
        self.assertEqual(told["role"], {"cluster": [], "indices": [
            {"names": [name], "privileges": ["read", "index"]}]})
        self.assertEqual([step["outcome"] for step in told["steps"]][:3], ["is there"] * 3)
        self.assertEqual(cluster.request("GET", f"/{name}?flat_settings=true")[1], made)

    def test_a_sidecar_that_may_not_create_runs_on_it(self):
        name = cluster.fresh_index(self)
        host = Instance(self, cluster.url(), name, ALONE).start()
        status, reply = host.request("PUT", "/v1/sequences/orders", {})
        self.assertEqual(status, 503, reply)
        self.assertIn("essequencectl provision", reply["error"]["reason"])
        administrator.run(self, "provision", "--index", name)
        eventually(self, lambda: host.source()["healthy"])
        self.assertEqual(host.next("orders", 3), [1, 2, 3])
        host.ctl("raise", "orders", "--above", 5_000)
        self.assertEqual(host.next("orders"), [5_001])
        host.ctl("reset", "orders")
        self.assertEqual(host.next("orders"), [1])
        # An alias that is gone is not replaced by an index that a write creates.
        cluster.delete_index(name)
        eventually(self, lambda: host.show("orders")["state"] == "fenced")
        self.assertEqual(cluster.request("GET", f"/{name}")[0], 404)

    def test_an_index_that_a_sidecar_made_is_taken_as_it_is(self):
        name = cluster.fresh_index(self)
        host = Instance(self, cluster.url(), name).start()
        self.assertEqual(host.next("orders"), [1])
        told, _ = administrator.run(self, "provision", "--index", name)
        self.assertIn(f"index {name}: is there", told)
        self.assertIn(f"alias {name}-write: is there", told)
        self.assertEqual(host.next("orders"), [2])

    def test_what_differs_is_told_and_left_alone(self):
        name = cluster.fresh_index(self)
        cluster.request("PUT", f"/{name}", {
            "settings": {"index.number_of_shards": 2, "index.translog.durability": "async"},
            "mappings": {"properties": {"iid": {"type": "integer"}}}})
        before = cluster.request("GET", f"/{name}")
        _, told = administrator.run(self, "provision", "--index", name, status=1)
        for words in ("async", "2 shards", "dynamic", "iid is integer, not long", "export"):
            self.assertIn(words, told)
        self.assertEqual(cluster.request("GET", f"/{name}"), before)

    def test_an_alias_of_two_indices_is_refused(self):
        name = administrator.provisioned(self)
        cluster.request("PUT", f"/{name}-000002", {"settings": {"index.hidden": True},
                                                   "aliases": {name: {"is_hidden": True}}})
        _, told = administrator.run(self, "provision", "--index", name, status=1)
        self.assertIn("several indices", told)

    def test_an_async_translog_is_warned_about(self):
        name = administrator.provisioned(self)
        cluster.request("PUT", f"/{name}/_settings", {"index.translog.durability": "async"})
        host = Instance(self, cluster.url(), name).start()
        host.next("orders")
        eventually(self, lambda: "translog.durability" in host.log())
        self.assertIn(f"{name}-000001", host.log())

    def test_usage(self):
        for arguments in (["provision", "--elasticsearch", "ftp://x"],
                          ["provision", "--password-file", "/nowhere"],
                          ["import", "--username", "x"]):
            administrator.run(self, *arguments, status=2)
        administrator.run(self, "provision", status=1, url="http://127.0.0.1:1")


if __name__ == "__main__":
    unittest.main()
