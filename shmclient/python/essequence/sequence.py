"""The class Sequence, and a reset of all sequences for tests."""

from __future__ import annotations

import asyncio
import functools
import time
from typing import TYPE_CHECKING, Any, cast

from . import _essequence
from .control import failure, request

if TYPE_CHECKING:
    import os
    from types import TracebackType

    import numpy
    from typing_extensions import Self, TypeVar

    T = TypeVar("T", default=int)
else:
    from typing import TypeVar

    T = TypeVar("T")

_OWN = float("nan")  # a call's timeout is the sequence's own; known by its identity

# Between two looks of a coroutine at an empty ring, in seconds.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.001, 0.02


class Sequence(_essequence.Sequence[T]):
    """A supply of ids that is named `name`, the same for all processes and hosts.

    Any number of threads may use it at once, and parent and child after a fork. It is opened by the
    first take, so that it can be made before the sidecar runs; an unknown name is created then.

    bulk_size: the smallest block worth fetching from the cluster for it.
    transform: makes of an id what next() returns.
    es: accepted, as is the class attribute ES, for those who come from lovely.essequence, and not
        used: the sidecar knows the cluster.
    timeout: seconds that a call may wait while no id is ready; None: for ever.
    runtime_dir: the sidecar's; else $ESSEQUENCE_RUNTIME_DIR, else /run/essequence.

    A call that fails raises a subclass of essequence.Error.
    """

    ES: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__module__}.{type(self).__qualname__} {self.name!r}>"

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy, in this process or another one, is opened by itself."""
        options = {"timeout": self.timeout, "runtime_dir": self.runtime_dir}
        new = functools.partial(type(self), **options)
        return new, (self.name, self.bulk_size, self.transform)

    def take_array(self, n: int, timeout: float | None = _OWN) -> numpy.ndarray[Any, Any]:
        """n ids, increasing, as a NumPy array of int64. Fewer, but one at least, where no more of
        them came within the timeout."""
        import numpy

        timeout = self.timeout if timeout is _OWN else timeout
        deadline = _deadline(timeout)
        runs = [self.take(n, timeout)]
        missing = n - len(runs[0])
        while missing > 0:
            try:
                runs.append(self.take(missing, _left(deadline)))
            except _essequence.Error:
                break  # what was taken is not to be lost; the next call meets the failure again
            missing -= len(runs[-1])
        return numpy.concatenate(
            [numpy.arange(run.start, run.stop, run.step, dtype=numpy.int64) for run in runs]
        )

    async def anext(self, timeout: float | None = _OWN) -> T:
        """As next(), for coroutines: while it waits the event loop goes on. Cancelling it loses no
        id, unless the sequence is of order = "cluster"."""
        timeout = self.timeout if timeout is _OWN else timeout
        deadline = _deadline(timeout)
        if not self._is_open:
            await self._in_a_thread(self.open, timeout)
        pause = _FIRST_PAUSE
        while True:
            if self._on_request:  # also where it became so meanwhile
                return self._given(await self._in_a_thread(self.take, 1, _left(deadline)))
            try:
                return self._given(self.take(1, 0))
            except (_essequence.Timeout, _essequence.Unavailable):
                left = _left(deadline)
                if left == 0:
                    raise
            await asyncio.sleep(pause if left is None else min(pause, left))
            pause = min(pause * 1.5, _LONGEST_PAUSE)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        return await self.anext()

    def _given(self, run: range) -> T:
        return cast(T, run[0]) if self.transform is None else self.transform(run[0])

    async def _in_a_thread(self, call: Any, *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(None, call, *arguments)


def _deadline(timeout: float | None) -> float | None:
    return None if timeout is None else time.monotonic() + timeout


def _left(deadline: float | None) -> float | None:
    return None if deadline is None else max(0.0, deadline - time.monotonic())


def testing_reset_sequences(runtime_dir: str | os.PathLike[str] | None = None) -> None:
    """For tests: starts all sequences that this host's sidecar has open anew, in every process. The
    sidecar allows it to its own user and to root, and to others where control.reset says so."""
    answer = request("POST", "/v1/reset", runtime_dir, 30.0)
    for name, outcome in answer["sequences"].items():
        if "error" in outcome:
            error = outcome["error"]
            raise failure({**error, "reason": f"{name}: {error.get('reason')}"}, 409)
