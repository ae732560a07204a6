// Which boot of which machine this is. A ring is adopted only by a sidecar of the same.
#pragma once

#include <string>

namespace essequence::sidecar {

std::string boot_id();     // /proc/sys/kernel/random/boot_id; a new one with each boot
std::string machine_id();  // /etc/machine-id; empty where there is none

}  // namespace essequence::sidecar
