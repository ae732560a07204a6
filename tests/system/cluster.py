"""The one Elasticsearch of a test run, and an index of its own for each test.

ESSEQUENCE_TEST_ELASTICSEARCH is its URL, ESSEQUENCE_TEST_ELASTICSEARCH_NODE the directory of a node
that a test may stop and start (elasticsearch_node.py). Without them a node is started on first use.

As a command, for sidecar/quickstart:  cluster.py delete URL INDEX
"""

import atexit
import functools
import http.client
import json
import os
import sys
import tempfile
import urllib.parse
import uuid

from elasticsearch_node import ElasticsearchNode


@functools.cache
def node():
    """The node that a test may stop, or None where the cluster is somebody else's."""
    directory = os.environ.get("ESSEQUENCE_TEST_ELASTICSEARCH_NODE")
    if directory:
        return ElasticsearchNode(directory)
    if os.environ.get("ESSEQUENCE_TEST_ELASTICSEARCH"):
        return None
    started = ElasticsearchNode(tempfile.mkdtemp(prefix="essequence-node."))
    atexit.register(started.remove)
    started.start()
    return started


def url():
    return os.environ.get("ESSEQUENCE_TEST_ELASTICSEARCH") or node().url


def request(method, path, body=None):
    """(status, decoded JSON)."""
    address = urllib.parse.urlsplit(url())
    kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
    connection = kind(address.hostname, address.port, timeout=30)
    try:
        connection.request(method, path, None if body is None else json.dumps(body),
                           {"Content-Type": "application/json"})
        reply = connection.getresponse()
        content = reply.read()
        return reply.status, json.loads(content) if content else None
    finally:
        connection.close()


def document(index, name):
    """(status, _source) of a sequence's document."""
    status, reply = request("GET", f"/{index}/_doc/{urllib.parse.quote(name, safe='')}")
    return status, (reply or {}).get("_source")


def put_document(case, index, name, source):
    """What an operator's hand would do: replaces the document."""
    path = f"/{index}/_doc/{urllib.parse.quote(name, safe='')}"
    status, reply = request("PUT", path, source)
    case.assertEqual(status, 200, reply)


def delete_index(name):
    """Deletes the index, or the indices behind the alias, of this name."""
    status, found = request("GET", f"/{name}")
    for concrete in found if status == 200 else []:
        request("DELETE", f"/{concrete}")


def fresh_index(case):
    """The name of an index that does not exist and goes away with the test."""
    name = f"essequence-test-{uuid.uuid4().hex[:12]}"
    case.addCleanup(delete_index, name)
    return name


if __name__ == "__main__":
    _, verb, os.environ["ESSEQUENCE_TEST_ELASTICSEARCH"], doomed = sys.argv
    assert verb == "delete", verb
    delete_index(doomed)
