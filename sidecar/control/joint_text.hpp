// A reply that is the same for everybody who asks for the same, and costly to make, as the list of
// ten thousand sequences is: made once for all who wait for it, and no other one before the event
// loop had three times as long for other work. So refills go on, however many ask.
//
// Nobody gets a text that was begun before he asked. Texts that slow readers still hold are
// bounded: the oldest is emptied under them before there are too many.
//
// Thread rules: the event loop only.
#pragma once

#include <utility>  // Boost 1.74's awaitable.hpp uses std::exchange without including it.

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <string>

namespace essequence::sidecar {

// Shorter than it was: it was taken back.
using SharedText = std::shared_ptr<const std::string>;

// Lets go of somebody who waits for a text.
class Interruption {
 public:
  void happen() {
    happened_ = true;
    if (wait_ != nullptr) wait_->cancel();
  }
  bool possible() const { return wait_ != nullptr; }

 private:
  friend class JointText;
  bool happened_ = false;
  boost::asio::steady_timer *wait_ = nullptr;
};

class JointText {
 public:
  // `most_held`: bytes of all texts that somebody still reads.
  explicit JointText(std::size_t most_held = 32 * 1024 * 1024) : most_held_(most_held) {}

  // `key`: what is asked for; with the same key, `make` makes the same. NULL: interrupted. Throws
  // what `make` throws, to whom it befell.
  boost::asio::awaitable<SharedText> get(std::string key, std::function<std::string()> make,
                                         std::shared_ptr<Interruption> interruption);

 private:
  using Clock = std::chrono::steady_clock;
  void make_text(const std::function<std::string()> &make);
  void take_back();

  const std::size_t most_held_;
  std::shared_ptr<std::string> text_;  // while somebody waits for it
  std::deque<std::weak_ptr<std::string>> held_;
  std::string key_;  // of text_
  std::size_t waiting_ = 0;
  Clock::time_point begun_{};  // text_
  Clock::time_point next_{};   // not before
};

}  // namespace essequence::sidecar
