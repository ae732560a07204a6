#include "sidecar/control/joint_text.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace essequence::sidecar {
namespace {

constexpr int kRest = 3;  // times as long as a text took

// Counts who waits; the last one leaves no text behind.
class Waiting {
 public:
  Waiting(std::size_t &count, std::shared_ptr<std::string> &text) : count_(count), text_(text) {
    ++count_;
  }
  ~Waiting() {
    if (--count_ == 0) text_.reset();
  }
  Waiting(const Waiting &) = delete;
  Waiting &operator=(const Waiting &) = delete;

 private:
  std::size_t &count_;
  std::shared_ptr<std::string> &text_;
};

}  // namespace

boost::asio::awaitable<SharedText> JointText::get(std::string key,
                                                  std::function<std::string()> make,
                                                  std::shared_ptr<Interruption> interruption) {
  const Clock::time_point asked = Clock::now();
  const Waiting waiting(waiting_, text_);
  while (!text_ || begun_ < asked || key_ != key) {
    if (Clock::now() >= next_) {
      make_text(make);
      key_ = key;
      continue;
    }
    boost::asio::steady_timer rest(co_await boost::asio::this_coro::executor, next_);
    interruption->wait_ = &rest;
    boost::system::error_code ignored;
    co_await rest.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
    interruption->wait_ = nullptr;
    if (interruption->happened_) co_return nullptr;
  }
  co_return text_;
}

void JointText::make_text(const std::function<std::string()> &make) {
  text_.reset();
  take_back();
  begun_ = Clock::now();
  next_ = begun_;
  text_ = std::make_shared<std::string>(make());
  held_.push_back(text_);
  const Clock::time_point made = Clock::now();
  next_ = made + kRest * (made - begun_);
}

void JointText::take_back() {
  std::erase_if(held_, [](const auto &text) { return text.expired(); });
  std::size_t bytes = 0;
  for (const auto &text : held_) bytes += text.lock()->size();
  for (; bytes > most_held_ && !held_.empty(); held_.pop_front()) {
    const std::shared_ptr<std::string> oldest = held_.front().lock();
    bytes -= oldest->size();
    std::string().swap(*oldest);
  }
}

}  // namespace essequence::sidecar
