// The one function of libfmt that the plugin's libraries use, and what that needs, compiled in: the
// shared libfmt would bring a second C++ library into the process.
#include <fmt/format-inl.h>

namespace fmt::detail {
template auto thousands_sep_impl<char>(locale_ref) -> thousands_sep_result<char>;
template auto decimal_point_impl<char>(locale_ref) -> char;
}  // namespace fmt::detail
