// One at a time: whoever refills, resets, raises, fences or deletes a sequence holds its turn.
// First come, first served. Event loop only.
#pragma once

#include <utility>  // Boost 1.74's awaitable.hpp uses std::exchange without including it.

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <list>

namespace essequence::sidecar {

class Turn {
 public:
  // Gives the turn back when it goes.
  class Held {
   public:
    explicit Held(Turn *turn) : turn_(turn) {}
    Held(Held &&other) noexcept : turn_(std::exchange(other.turn_, nullptr)) {}
    Held &operator=(Held &&) = delete;
    ~Held() {
      if (turn_ != nullptr) turn_->pass_on();
    }

   private:
    Turn *turn_;
  };

  boost::asio::awaitable<Held> take();

  bool busy() const { return busy_; }

 private:
  void pass_on();

  std::list<boost::asio::steady_timer *> waiting_;
  bool busy_ = false;
};

}  // namespace essequence::sidecar
