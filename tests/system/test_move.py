"""Sequences that move from one source to another, by export and import: the ids go on, and none
comes twice, on hosts that had ids before and on those that had none."""

import json
import unittest

import administrator
import cluster
from instance import Instance, eventually, toml

ALONE = {"elasticsearch": {"create": False}}


def move_alias(case, alias, old, new):
    status, reply = cluster.request("POST", "/_aliases", {"actions": [
        {"remove": {"index": old, "alias": alias}},
        {"add": {"index": new, "alias": alias, "is_hidden": True}}]})
    case.assertEqual(status, 200, reply)


class Move(unittest.TestCase):
    def export(self, index):
        return administrator.run(self, "export", "--index", index)[0]

    def import_into(self, index, lines, status=0):
        return administrator.run(self, "import", "--index", index, text=lines, status=status)

    def test_from_a_local_store(self):
        host = Instance(self).start()
        self.assertEqual(host.next("orders", 5), [1, 2, 3, 4, 5])
        host.ctl("create", "invoices", "--start", 1000, "--increment", 10)
        host.ctl("raise", "invoices", "--above", 2345)
        self.assertEqual(host.next("invoices"), [2350])
        host.ctl("reset", "orders")
        self.assertEqual(host.next("orders", 3), [1, 2, 3])
        _, told = administrator.run(self, "export", "--state-dir", host.state_dir, status=1)
        self.assertIn("stop it", told)
        host.stop()
        lines, _ = administrator.run(self, "export", "--state-dir", host.state_dir)
        self.assertEqual([json.loads(line)["name"] for line in lines.splitlines()],
                         ["invoices", "orders"])

        index = administrator.provisioned(self)
        told, _ = self.import_into(index, lines)
        self.assertIn("orders: imported", told)
        host.config_path.write_text(toml({
            "": {"source": "elasticsearch"},
            "elasticsearch": {"hosts": [cluster.url()], "index": index, "create": False}}))
        host.start()
        # Without a gap: what is in the ring, and then what Elasticsearch grants.
        self.assertEqual(host.next("orders", 500), list(range(4, 504)))
        self.assertEqual(host.next("invoices", 100), list(range(2360, 3360, 10)))
        self.assertEqual(host.show("orders")["epoch"], 2)
        host.assert_accounted("orders")
        other = Instance(self, cluster.url(), index, ALONE).start()
        self.assertGreater(other.next("orders")[0], 503)

    def test_a_directory_without_a_store_is_left_as_it_is(self):
        host = Instance(self)
        _, told = administrator.run(self, "export", "--state-dir", host.state_dir, status=1)
        self.assertIn("no local store", told)
        self.assertEqual(list(host.state_dir.iterdir()), [])

    def test_to_another_index_behind_the_same_alias(self):
        alias = administrator.provisioned(self)
        hosts = [Instance(self, cluster.url(), alias, ALONE).start() for _ in range(2)]
        ids = [id for host in hosts for id in host.next("orders", 30)]
        for host in hosts:
            host.stop()
        lines = self.export(alias)
        new = administrator.provisioned(self)
        self.import_into(new, lines)
        move_alias(self, alias, f"{alias}-000001", f"{new}-000001")
        ids += [id for host in hosts for id in host.next("orders", 5)]  # from the rings, meanwhile
        for host in hosts:
            host.start()
        # More than the rings hold.
        ids += [id for host in hosts for id in host.next("orders", 1000)]
        self.assertEqual(len(ids), len(set(ids)))
        origin = cluster.document(new, "orders")[1]["origin"]
        for host in hosts:
            eventually(self, lambda host=host: host.show("orders")["origin"] == origin)
            eventually(self, lambda host=host: host.show("orders")["state"] == "ready")
            about = host.assert_accounted("orders")
            self.assertEqual(sum(about["lost_total"].values()), 0, about)
        fresh = Instance(self, cluster.url(), alias, ALONE).start()
        self.assertGreater(fresh.next("orders")[0], max(ids))

    def test_what_is_there_stays_as_it_is(self):
        alias, new = administrator.provisioned(self), administrator.provisioned(self)
        host = Instance(self, cluster.url(), alias).start()
        host.next("orders")
        lines = self.export(alias)
        host.open("invoices")
        self.import_into(new, lines)
        before = cluster.document(new, "orders")
        told, problems = self.import_into(new, self.export(alias), status=1)
        self.assertIn('"orders" is in the index', problems)
        self.assertIn("invoices: imported", told)
        self.assertEqual(cluster.document(new, "orders"), before)

    def test_an_export_that_is_older_than_what_a_host_was_granted_fences_it(self):
        alias, new = administrator.provisioned(self), administrator.provisioned(self)
        host = Instance(self, cluster.url(), alias, ALONE).start()
        host.next("orders")
        lines = self.export(alias)
        host.next("orders", 1000)
        host.stop()
        self.import_into(new, lines)
        move_alias(self, alias, f"{alias}-000001", f"{new}-000001")
        host.start()
        eventually(self, lambda: host.show("orders")["state"] == "fenced")
        self.assertIn("of the origin that it replaces", host.show("orders")["detail"])

    def test_fenced_stays_fenced_and_the_fields_are_kept(self):
        alias, new = administrator.provisioned(self), administrator.provisioned(self)
        old = {"name": "orders", "iid": 991, "epoch": 3, "origin": "here", "floor": 1500,
               "fenced": True, "replaces": ["long ago"], "start": 1, "increment": 10, "max": 10**18,
               "order": "host"}
        cluster.request("PUT", f"/{alias}/_doc/orders", old)
        self.import_into(new, self.export(alias))
        stored = cluster.document(new, "orders")[1]
        self.assertNotEqual(stored["origin"], "here")
        self.assertEqual(stored, {**old, "iid": 1491, "origin": stored["origin"], "replaces":
                                  ["long ago", "here", f"{alias}-000001"]})

    def test_lines_that_no_export_wrote_create_nothing(self):
        alias, new = administrator.provisioned(self), administrator.provisioned(self)
        Instance(self, cluster.url(), alias).start().open("orders")
        lines = self.export(alias)
        wrong = [{**json.loads(lines), **field}
                 for field in ({"name": "or/ders"}, {"iid": 0.5}, {"index": ""})]
        for bad in ("nonsense", "{}", *map(json.dumps, wrong)):
            _, told = self.import_into(new, lines + bad + "\n", status=1)
            self.assertIn("line 2", told)
        self.assertEqual(cluster.document(new, "orders")[0], 404)


if __name__ == "__main__":
    unittest.main()
