"""Integer ids for data that lives in Elasticsearch: 1, 2, 3, …, unique over processes and hosts.

    from essequence import Sequence

    orders = Sequence("orders")
    orders.next()

A sidecar on this host, essequenced, keeps ids ready in shared memory; a take is an atomic
instruction there, without a lock and without the network. Sequences may be used by any number of
threads and processes, and over a fork.
"""

from ._essequence import (
    Denied,
    Error,
    Exhausted,
    Fenced,
    Invalid,
    NotFound,
    System,
    Timeout,
    Unavailable,
    Version,
    __version__,
)
from .control import status
from .sequence import Sequence

__all__ = [
    "Denied",
    "Error",
    "Exhausted",
    "Fenced",
    "Invalid",
    "NotFound",
    "Sequence",
    "System",
    "Timeout",
    "Unavailable",
    "Version",
    "__version__",
    "status",
]
