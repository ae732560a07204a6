"""An Elasticsearch that answers nonsense: the cause is told, nothing is granted, nothing crashes."""

import json
import unittest

from fake_elasticsearch import FakeElasticsearch, error_reply, http_reply
from instance import Instance, eventually

# A grant as the real one writes it, of an origin that nobody asked for.
GRANT = json.dumps({
    "_index": "essequence", "_id": "orders", "_version": 2, "result": "updated",
    "_shards": {"total": 1, "successful": 1, "failed": 0}, "_seq_no": 1, "_primary_term": 1,
    "get": {"_seq_no": 1, "_primary_term": 1, "found": True, "_source": {
        "name": "orders", "iid": 1000000, "epoch": 1, "origin": "somebody-else", "floor": 0,
        "fenced": False, "replaces": [], "start": 1, "increment": 1,
        "max": 9223372036854775807, "order": "host"}}})

ANSWERS = {
    "garbage": b"\x00\xff\x17 what is this \r\n\r\n",
    "html": http_reply("200 OK", "<html><body>It works!</body></html>", "text/html"),
    "truncated json": http_reply("200 OK", GRANT[:200]),
    "reply cut in the middle": http_reply("200 OK", GRANT)[:-100] + b"\0",
    "empty object": http_reply("200 OK", "{}"),
    "wrong types": http_reply("200 OK", '{"_source":[],"found":"yes","_seq_no":{}}'),
    "deep nesting": http_reply("200 OK", "[" * 100_000),
    "a grant of another origin": http_reply("200 OK", GRANT),
    "redirect": http_reply("302 Found", "", Location="http://127.0.0.1:9/elsewhere"),
    "unauthorized": error_reply(401, "security_exception", "missing authentication credentials"),
    "forbidden": error_reply(403, "security_exception", "action is unauthorized for user"),
    "not found": http_reply("404 Not Found", "no handler here", "text/plain"),
    "method not allowed": http_reply("405 Method Not Allowed", '{"error":"Incorrect method"}'),
    "conflict": error_reply(409, "version_conflict_engine_exception", "document already exists"),
    "busy": error_reply(429, "es_rejected_execution_exception", "rejected execution"),
    "full disk": error_reply(429, "cluster_block_exception",
                             "disk usage exceeded flood-stage watermark"),
    "unavailable": error_reply(503, "no_shard_available_action_exception", "no shard"),
    "silence": None,
}


class BadAnswers(unittest.TestCase):
    def check(self, answer):
        server = FakeElasticsearch(self, answer)
        host = Instance(self, server.url, "essequence",
                        {"elasticsearch": {"request_timeout": "500ms"}}).start()
        status, reply = host.request("PUT", "/v1/sequences/orders", {})
        self.assertIn(status, (409, 503, 504), reply)
        self.assertTrue(reply["error"]["reason"], reply)
        host.ctl("next", "orders", "--timeout", 0.3, status=5)
        source = eventually(self, lambda: host.source()["detail"] and host.source())
        self.assertFalse(source["healthy"], source)
        self.assertGreater(server.requests, 0)
        for about in host.expect(200, "GET", "/v1/sequences")["sequences"]:
            self.assertEqual((about["ready_ids"], about["taken_total"]), (0, 0), about)
        host.expect(503, "GET", "/healthz")
        self.assertTrue(host.alive())


def add_test(name, answer):
    method = "test_" + name.replace(" ", "_")
    setattr(BadAnswers, method, lambda self: self.check(answer))


for name, answer in ANSWERS.items():
    add_test(name, answer)

if __name__ == "__main__":
    unittest.main()
