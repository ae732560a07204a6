// Calls that are made at the same moment, answered by one request: the sidecar looks at all of its
// sequences in one turn of the event loop, and those that need a block then ask together.
//
// Thread rules: the event loop only.
#pragma once

#include <utility>  // Boost 1.74's awaitable.hpp uses std::exchange without including it.

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <functional>
#include <memory>
#include <vector>

namespace essequence::sidecar::elasticsearch {

template <class Wish, class Result>
class JointCalls {
 public:
  // Answers all wishes, in their order.
  using Send = std::function<boost::asio::awaitable<std::vector<Result>>(std::vector<Wish>)>;

  // At most `most` wishes in one request.
  JointCalls(boost::asio::io_context &loop, std::size_t most, Send send)
      : loop_(loop), most_(most), send_(std::move(send)) {}

  boost::asio::awaitable<Result> call(Wish wish) {
    if (!gathering_ || gathering_->wishes.size() == most_) {
      gathering_ = std::make_shared<Batch>(loop_);
    }
    const std::shared_ptr<Batch> batch = gathering_;
    const std::size_t place = batch->wishes.size();
    batch->wishes.push_back(std::move(wish));
    if (place > 0) {
      boost::system::error_code cancelled;
      co_await batch->answered.async_wait(
          boost::asio::redirect_error(boost::asio::use_awaitable, cancelled));
    } else {  // the first one sends, after all who are ready to run have had their turn
      co_await boost::asio::post(loop_, boost::asio::use_awaitable);
      if (gathering_ == batch) gathering_.reset();
      try {
        boost::asio::awaitable<std::vector<Result>> sending = send_(batch->wishes);
        batch->results = co_await std::move(sending);
      } catch (...) {
        batch->failure = std::current_exception();
      }
      batch->answered.cancel();
    }
    if (batch->failure) std::rethrow_exception(batch->failure);
    co_return std::move(batch->results.at(place));
  }

 private:
  struct Batch {
    explicit Batch(boost::asio::io_context &loop)
        : answered(loop, boost::asio::steady_timer::time_point::max()) {}
    std::vector<Wish> wishes;
    std::vector<Result> results;
    std::exception_ptr failure;
    boost::asio::steady_timer answered;
  };

  boost::asio::io_context &loop_;
  const std::size_t most_;
  const Send send_;
  std::shared_ptr<Batch> gathering_;  // not sent yet
};

}  // namespace essequence::sidecar::elasticsearch
