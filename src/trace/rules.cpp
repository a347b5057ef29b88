#include "rules.h"

#include <algorithm>
#include <map>

namespace hawser::trace {

namespace {

bool matches(const model::SliceRule& rule, bool ingress, const Packet& packet) {
  if (rule.ingress != ingress) return false;
  if (rule.protocol != model::Protocol::kAny && rule.protocol != packet.protocol) return false;
  // Rules for any protocol, and those for ICMP, have all ports.
  if (packet.port < rule.ports.first || packet.port > rule.ports.last) return false;
  if (rule.anyPeer) return true;
  const bool byIdentity = std::find(rule.identities.begin(), rule.identities.end(),
                                    packet.identity) != rule.identities.end();
  return byIdentity ||
         std::any_of(rule.prefixes.begin(), rule.prefixes.end(),
                     [&](const auto& prefix) { return prefix.contains(packet.remote); });
}

}  // namespace

Verdict judge(const std::vector<model::SliceRule>& rules, bool ingress, const Packet& packet) {
  std::map<std::uint8_t, const model::SliceRule*> first;  // that matches, by tier
  for (const auto& rule : rules)
    if (matches(rule, ingress, packet)) first.try_emplace(rule.tier, &rule);
  Verdict verdict;
  for (const auto& [tier, rule] : first) {
    verdict.rule = rule;
    verdict.allowed = rule->allow;
    if (!rule->allow || !rule->pass) break;
  }
  return verdict;
}

}  // namespace hawser::trace
