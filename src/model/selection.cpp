// Which objects, and in which order.
#include <algorithm>

#include "hawser/model/object.h"

namespace hawser::model {

int needOrder(Kind kind) {
  switch (kind) {
    case Kind::kSite:
      return 0;
    case Kind::kProject:
      return 1;
    case Kind::kHost:
    case Kind::kQuota:
    case Kind::kAddressPool:
    case Kind::kToken:
      return 2;
    case Kind::kPeer:
    case Kind::kIdentity:
      return 3;
    case Kind::kNetwork:
      return 4;
    case Kind::kSecurityGroup:
      return 5;
    case Kind::kPort:
      return 6;
    case Kind::kFloatingIp:
    case Kind::kService:
    case Kind::kRouter:
    case Kind::kPolicy:
    case Kind::kLink:
      return 7;
  }
  return 7;
}

namespace {

bool termHolds(std::string_view term, const std::map<std::string, std::string>& labels) {
  const auto equals = term.find('=');
  if (equals == std::string_view::npos) return labels.contains(std::string(term));
  const bool negative = equals > 0 && term[equals - 1] == '!';
  auto value = term.substr(equals + 1);
  if (value.starts_with('=')) value.remove_prefix(1);
  const auto label = labels.find(std::string(term.substr(0, negative ? equals - 1 : equals)));
  return (label != labels.end() && label->second == value) != negative;
}

}  // namespace

bool selects(std::string_view selector, const std::map<std::string, std::string>& labels) {
  std::size_t start = 0;
  while (start < selector.size()) {
    const auto end = std::min(selector.find(',', start), selector.size());
    if (!termHolds(selector.substr(start, end - start), labels)) return false;
    start = end + 1;
  }
  return true;
}

}  // namespace hawser::model
