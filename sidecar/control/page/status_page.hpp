// The status page, GET /: one document with its style and its script inside, compiled in from the
// files beside this one. It asks /v1/overview, and nothing from anywhere else.
#pragma once

#include <string>

namespace essequence::sidecar {

extern const char kPageText[];  // with "NONCE" where it stands

// A new one for each reply. Throws std::system_error.
std::string fresh_nonce();

std::string status_page(const std::string &nonce);

// What the browser lets it do: run what bears the nonce, ask where it came from, nothing else; text
// of sequences cannot become markup.
std::string status_page_policy(const std::string &nonce);

}  // namespace essequence::sidecar
