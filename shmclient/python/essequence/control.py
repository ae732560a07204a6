"""Requests to the sidecar's control socket: HTTP with JSON on a Unix socket."""

from __future__ import annotations

import http.client
import json
import os
import socket
from typing import Any

from . import _essequence

_OF_STATUS = {
    400: _essequence.Invalid,
    403: _essequence.Denied,
    404: _essequence.NotFound,
    409: _essequence.Unavailable,
    503: _essequence.Unavailable,
    504: _essequence.Timeout,
}
_OF_TYPE = {
    "sequence_fenced": _essequence.Fenced,
    "sequence_exhausted": _essequence.Exhausted,
    "sequence_deleted": _essequence.NotFound,
}


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float | None) -> None:
        super().__init__("sidecar", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def failure(error: dict[str, Any], status: int) -> _essequence.Error:
    """The exception for an answer's `error` and status."""
    kind = _OF_TYPE.get(error.get("type", ""), _OF_STATUS.get(status, _essequence.System))
    return kind(error.get("reason", f"the sidecar answered status {status}"))


def request(
    method: str, path: str, runtime_dir: str | os.PathLike[str] | None, timeout: float | None
) -> Any:
    """The decoded answer to a request that succeeded; raises Error where it did not. Timeout: the
    request may have been carried out."""
    directory = runtime_dir or os.environ.get("ESSEQUENCE_RUNTIME_DIR") or "/run/essequence"
    address = os.path.join(directory, "control.sock")
    connection = _Connection(address, timeout)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        content = json.loads(answer.read())
    except (FileNotFoundError, ConnectionRefusedError) as error:
        raise _essequence.Unavailable(f"{address}: {error} (is essequenced running?)") from error
    except PermissionError as error:
        raise _essequence.Denied(f"{address}: {error}") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _essequence.Timeout(f"{address} does not answer: {error!r}") from error
    finally:
        connection.close()
    if answer.status >= 400:
        raise failure(content.get("error", {}), answer.status)
    return content


def status(
    runtime_dir: str | os.PathLike[str] | None = None, timeout: float | None = 5.0
) -> dict[str, Any]:
    """What the sidecar of this host says of itself: its version, its source and whether that is
    healthy, how many sequences it has, …"""
    answer: dict[str, Any] = request("GET", "/v1/status", runtime_dir, timeout)
    return answer
