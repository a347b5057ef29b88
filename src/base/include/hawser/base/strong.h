// Strong<Tag, Rep>: a number that is not any other number. Explicit, ordered, hashable, printed by
// fmt through value().
#pragma once

#include <compare>
#include <cstddef>
#include <functional>

namespace hawser {

template <class Tag, class Rep>
class Strong {
 public:
  using rep = Rep;
  constexpr Strong() = default;
  constexpr explicit Strong(Rep value) : value_(value) {}
  [[nodiscard]] constexpr Rep value() const { return value_; }
  friend constexpr auto operator<=>(const Strong&, const Strong&) = default;

 private:
  Rep value_{};
};

}  // namespace hawser

template <class Tag, class Rep>
struct std::hash<hawser::Strong<Tag, Rep>> {
  std::size_t operator()(const hawser::Strong<Tag, Rep>& id) const noexcept {
    return std::hash<Rep>{}(id.value());
  }
};
