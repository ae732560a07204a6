// Random identities: the origin of a sequence, the name of a local store.
#pragma once

#include <string>

namespace essequence::sidecar {

// 128 random bits of the kernel, as 32 hexadecimal digits.
std::string random_identity();

}  // namespace essequence::sidecar
