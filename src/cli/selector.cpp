#include "selector.h"

#include <algorithm>

namespace hawser::cli {

bool selects(const std::string& selector, const std::map<std::string, std::string>& labels) {
  std::size_t start = 0;
  while (start < selector.size()) {
    const auto end = std::min(selector.find(',', start), selector.size());
    const auto term = selector.substr(start, end - start);
    start = end + 1;
    const auto equals = term.find('=');
    if (equals == std::string::npos) {
      if (!labels.contains(term)) return false;
      continue;
    }
    const bool negative = equals > 0 && term[equals - 1] == '!';
    auto value = term.substr(equals + 1);
    if (value.starts_with('=')) value.erase(0, 1);
    const auto label = labels.find(term.substr(0, negative ? equals - 1 : equals));
    if ((label != labels.end() && label->second == value) == negative) return false;
  }
  return true;
}

}  // namespace hawser::cli
