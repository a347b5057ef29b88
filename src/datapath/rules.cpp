#include "rules.h"

#include <algorithm>
#include <cstring>

#include "convert.h"

namespace hawser::datapath {
namespace {

hw_rule entryOf(const Rule& rule) {
  hw_rule out{};
  out.id = rule.id;
  out.port_first = rule.portFirst;
  out.port_last = rule.portLast;
  out.protocol = rule.protocol;
  out.tier = rule.tier;
  out.action = static_cast<std::uint8_t>(rule.action);
  if (rule.log) out.flags |= HW_RULE_LOG;
  return out;
}

hw_addr maskOf(const net::IpPrefix& prefix) {
  hw_addr mask{};
  int bits = prefix.length() + (prefix.address().isV4() ? 96 : 0);
  for (auto& word : mask.word_be) {
    const int here = std::clamp(bits, 0, 32);
    word = here == 0 ? 0 : htonl(~std::uint32_t{0} << (32 - here));
    bits -= here;
  }
  return mask;
}

void append(const Rule& rule, std::vector<hw_rule>& out) {
  auto entry = entryOf(rule);
  if (rule.anyPeer) {
    out.push_back(entry);
    return;
  }
  for (const auto& identity : rule.identities) {
    auto one = entry;
    one.identity = identity.key();
    one.flags |= HW_RULE_IDENTITY;
    out.push_back(one);
  }
  for (const auto& prefix : rule.prefixes) {
    auto one = entry;
    one.address = toAddr(prefix.address());
    one.mask = maskOf(prefix);
    one.flags |= HW_RULE_PREFIX;
    out.push_back(one);
  }
}

class Fnv {  // FNV-1a, 64 bits
 public:
  void add(const void* data, std::size_t size) {
    const auto* bytes = static_cast<const unsigned char*>(data);
    for (std::size_t i = 0; i < size; ++i) value_ = (value_ ^ bytes[i]) * 0x100000001b3ULL;
  }
  [[nodiscard]] std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = 0xcbf29ce484222325ULL;
};

}  // namespace

ExpandedRules expand(const RuleSet& rules) {
  ExpandedRules out;
  for (const auto& rule : rules.rules)
    append(rule, rule.direction == Direction::kIngress ? out.ingress : out.egress);
  const auto byTier = [](const hw_rule& a, const hw_rule& b) { return a.tier < b.tier; };
  std::stable_sort(out.ingress.begin(), out.ingress.end(), byTier);
  std::stable_sort(out.egress.begin(), out.egress.end(), byTier);
  return out;
}

std::uint64_t hashOf(const ExpandedRules& rules, const RuleSet& set) {
  Fnv hash;
  const std::uint64_t counts[] = {rules.ingress.size(), rules.egress.size(),
                                  static_cast<std::uint64_t>(set.defaultIngress),
                                  static_cast<std::uint64_t>(set.defaultEgress)};
  hash.add(counts, sizeof(counts));
  for (const auto* side : {&rules.ingress, &rules.egress})
    for (const auto& rule : *side) hash.add(&rule, sizeof(rule));
  return hash.value() == 0 ? 1 : hash.value();  // 0: no rules were set yet
}

}  // namespace hawser::datapath
