"""What a type checker is to make of the package: mypy --strict reads this, and nobody runs it."""

from typing import Any, assert_type

import essequence
from essequence import Sequence
from essequence.sequence import testing_reset_sequences


def ids() -> None:
    orders = Sequence("orders", bulk_size=100, timeout=None, runtime_dir="/run/essequence")
    assert_type(orders, Sequence[int])
    assert_type(orders.next(), int)
    assert_type(next(orders), int)
    assert_type(orders.next_within(0.5), int)
    assert_type(orders.take(10), range)
    assert_type(orders.timeout, float | None)
    with orders as same:
        assert_type(same, Sequence[int])
    for number in orders:
        assert_type(number, int)


def transformed() -> None:
    assert_type(Sequence("orders", transform=str).next(), str)
    assert_type(Sequence("orders", 10, lambda iid: {"iid": iid}).next(), dict[str, int])
    named: Sequence[str] = Sequence("orders", transform="order-{}".format)
    named.next().upper()


async def waited_for() -> None:
    assert_type(await Sequence("orders").anext(timeout=1), int)
    async for text in Sequence("orders", transform=str):
        assert_type(text, str)


def refused() -> None:
    Sequence()  # type: ignore[call-overload]
    Sequence("orders", color="red")  # type: ignore[call-overload]
    Sequence("orders").next(5)  # type: ignore[call-arg]
    Sequence("orders").name = "invoices"  # type: ignore[misc]


def others() -> None:
    Sequence.ES = object()
    assert_type(essequence.status(), dict[str, Any])
    testing_reset_sequences()
    try:
        Sequence("orders").next()
    except essequence.Fenced as error:
        assert_type(error.status, str)
