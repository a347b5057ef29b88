// Wall-clock times as the API writes them: RFC 3339 in UTC, whole seconds ("2026-11-25T03:00:00Z").
// Texts of this form are ordered as their times are.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace hawser {

[[nodiscard]] std::string timeText(std::chrono::system_clock::time_point time);
[[nodiscard]] std::string timeText(std::chrono::seconds fromNow = {});
// Is it of this form, and on the calendar?
[[nodiscard]] bool isTimeText(std::string_view text);

}  // namespace hawser
