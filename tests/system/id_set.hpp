// A set of ids: a bitmap of pages that exist where there are ids.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <memory>

class IdSet {
 public:
  // False if it was there.
  bool insert(std::int64_t id) {
    const auto bits = static_cast<std::uint64_t>(id);
    const std::uint64_t number = bits / kPageBits;
    if (page_ == nullptr || number != page_number_) {
      auto &page = pages_[number];
      if (page == nullptr) page = std::make_unique<Page>();
      page_ = page.get();
      page_number_ = number;
    }
    std::uint64_t &word = (*page_)[bits % kPageBits / 64];
    const std::uint64_t bit = std::uint64_t{1} << (bits % 64);
    if ((word & bit) != 0) return false;
    word |= bit;
    ++size_;
    first_ = std::min(first_, id);
    last_ = std::max(last_, id);
    return true;
  }
  bool contains(std::int64_t id) const {
    const auto bits = static_cast<std::uint64_t>(id);
    const auto page = pages_.find(bits / kPageBits);
    return page != pages_.end() && ((*page->second)[bits % kPageBits / 64] >> (bits % 64) & 1) != 0;
  }
  std::uint64_t size() const { return size_; }
  std::int64_t first() const { return first_; }
  std::int64_t last() const { return last_; }
  std::uint64_t missing() const {
    return static_cast<std::uint64_t>(last_) - static_cast<std::uint64_t>(first_) + 1 - size_;
  }

 private:
  static constexpr std::uint64_t kPageBits = 1 << 16;
  using Page = std::array<std::uint64_t, kPageBits / 64>;

  std::map<std::uint64_t, std::unique_ptr<Page>> pages_;
  Page *page_ = nullptr;  // the last one used: neighbours follow each other
  std::uint64_t page_number_ = 0;
  std::uint64_t size_ = 0;
  std::int64_t first_ = INT64_MAX;
  std::int64_t last_ = INT64_MIN;
};
