// spdlog, for all that logs. Its calls format by a template of fmt's that would be compiled anew in
// each file that logs, and takes as long as all else there; it is compiled once, in log.cpp.
#pragma once

#include <spdlog/spdlog.h>

#if FMT_VERSION / 10000 == 9  // where it is such a template
FMT_BEGIN_NAMESPACE
namespace detail {
extern template void vformat_to<char>(buffer<char> &, basic_string_view<char>,
                                      basic_format_args<buffer_context<char>>, locale_ref);
}
FMT_END_NAMESPACE
#endif
