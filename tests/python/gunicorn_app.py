"""A web application that answers with ids. It takes some when it is loaded, which with --preload is in
gunicorn's master, before the workers are forked."""

import json
import os

from essequence import Sequence

PER_REQUEST = 10
orders = Sequence("orders", bulk_size=1000, timeout=30)
before = [orders.next() for _ in range(5)]


def app(environ, start_response):
    ids = [orders.next() for _ in range(PER_REQUEST)]
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({"pid": os.getpid(), "before": before, "ids": ids}).encode()]
