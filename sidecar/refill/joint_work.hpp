// Work that is done once for all who ask for it at the same time: while it is under way, those who
// come next gather for the one after it. So a commit to the disk, however long it takes, is shared
// by all that wait for one.
//
// What is asked for is begun after it was asked for, in the order of asking, one at a time. (The
// requests of allocation/elasticsearch/joint_calls.hpp do not wait for one another.)
//
// Thread rules: the event loop only.
#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <vector>

#include "sidecar/refill/turn.hpp"

namespace essequence::sidecar {

template <class Wish>
class JointWork {
 public:
  using Work = std::function<boost::asio::awaitable<void>(std::vector<Wish>)>;

  explicit JointWork(Work work) : work_(std::move(work)) {}

  // Returns when the work that includes `wish` is done. Throws what it threw, to all of its wishes.
  boost::asio::awaitable<void> done(Wish wish) {
    if (!gathering_) gathering_ = std::make_shared<Batch>();
    const std::shared_ptr<Batch> batch = gathering_;
    batch->wishes.push_back(std::move(wish));
    const Turn::Held turn = co_await turn_.take();
    if (batch == gathering_) {  // the first of them does it for all
      gathering_.reset();
      try {
        boost::asio::awaitable<void> work = work_(std::move(batch->wishes));
        co_await std::move(work);
      } catch (...) {
        batch->failure = std::current_exception();
      }
    }
    if (batch->failure) std::rethrow_exception(batch->failure);
  }

 private:
  struct Batch {
    std::vector<Wish> wishes;
    std::exception_ptr failure;
  };

  const Work work_;
  Turn turn_;
  std::shared_ptr<Batch> gathering_;  // not begun yet
};

}  // namespace essequence::sidecar
