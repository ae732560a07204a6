// Which Host headers a listener on a loopback address answers. A web page that the user visits can
// make the browser ask 127.0.0.1 under the page's own host name (DNS rebinding): it gets nothing.
#pragma once

#include <string_view>

namespace essequence::sidecar {

// "localhost", "127.0.0.1" or "[::1]", each with or without a port.
bool is_loopback_host(std::string_view host);

}  // namespace essequence::sidecar
