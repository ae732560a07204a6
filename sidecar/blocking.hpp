// Runs a blocking call (SQLite, fsync) on a thread of its own and resumes the caller on the event
// loop with its result or its exception.
#pragma once

#include <utility>  // Boost 1.74's awaitable.hpp uses std::exchange without including it.

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <type_traits>

namespace essequence::sidecar {

template <class F>
boost::asio::awaitable<std::invoke_result_t<F>> blocking(boost::asio::thread_pool &threads,
                                                         F call) {
  // The inner coroutine runs on `threads`; co_spawn completes on the executor of the caller.
  auto inner = [](F inner_call) -> boost::asio::awaitable<std::invoke_result_t<F>> {
    co_return inner_call();
  };
  co_return co_await boost::asio::co_spawn(threads, inner(std::move(call)),
                                           boost::asio::use_awaitable);
}

}  // namespace essequence::sidecar
