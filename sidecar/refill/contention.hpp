// How an owner gives way to other hosts that take blocks of the same sequence.
//
// A conflict, which is a compare-and-set that came too late, shows that others are there. Each
// conflict widens the pause before the next attempt fourfold, so that hosts that began together
// spread, and doubles the blocks, so that each of them comes back half as often. Both last: one
// step is taken back only after four grants in a row without a conflict. So however many hosts
// there are, their steps grow until about one grant in four meets a conflict, and no further.
//
// Pure arithmetic; no clock and no chance of its own.
#pragma once

#include <chrono>
#include <cstdint>

namespace essequence::sidecar {

class Contention {
 public:
  void conflicted();
  void granted();

  // Whether others are to be expected between a grant and the next one: then what the last grant
  // proved is not worth a try, and a read comes first.
  bool expected() const { return steps_ > 0; }

  // How many times larger than the demand a block is. Eight at most: then a host holds five times
  // the cover, which is what a reboot costs it, and how far its ids may lie behind those of others.
  std::uint64_t factor() const;

  // After a conflict, before the next attempt; to be jittered. 5 s at most: less, and a thousand
  // hosts that start together keep the source busy with attempts that come too late; more, and
  // those with bad luck wait for nothing.
  std::chrono::nanoseconds pause() const;

 private:
  int steps_ = 0;
  int calm_ = 0;  // grants since the last conflict or step
};

}  // namespace essequence::sidecar
