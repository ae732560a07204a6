#include "sidecar/refill/turn.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace essequence::sidecar {

boost::asio::awaitable<Turn::Held> Turn::take() {
  if (busy_) {
    boost::asio::steady_timer handover(co_await boost::asio::this_coro::executor,
                                       boost::asio::steady_timer::time_point::max());
    // Leaves the queue also when the coroutine is destroyed while it waits.
    struct Place {
      std::list<boost::asio::steady_timer *> &queue;
      std::list<boost::asio::steady_timer *>::iterator at;
      ~Place() {
        if (at != queue.end()) queue.erase(at);
      }
    } place{waiting_, waiting_.insert(waiting_.end(), &handover)};
    boost::system::error_code cancelled;
    co_await handover.async_wait(
        boost::asio::redirect_error(boost::asio::use_awaitable, cancelled));
    // pass_on() left busy_ set for us.
  }
  busy_ = true;
  co_return Held(this);
}

void Turn::pass_on() {
  if (waiting_.empty()) {
    busy_ = false;
  } else {
    waiting_.front()->cancel();
  }
}

}  // namespace essequence::sidecar
