// Two tiers. Tier 10 holds the port's security groups: what one of them allows passes on to tier
// 20, the rest is denied (outwards only if a group speaks of egress at all). Tier 20 holds the
// policies: between networks that a policy joins, what its rules allow and nothing else; within one
// network, and between networks that are joined otherwise, everything.
//
// A backend of a service is called through the service's network, so the policies of that network
// hold for it too. Its rules see the port after translation, so the ports of such a policy are
// translated here.
#include "rules.h"

#include <fmt/core.h>

#include <algorithm>

namespace hawser::compiler {
namespace {

using model::PortRange;
using model::Ref;
using model::SliceRule;

std::uint32_t stableId(const std::string& text) {
  std::uint32_t hash = 0x811c9dc5U;  // FNV-1a
  for (const auto c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x01000193U;
  return hash == 0 ? 1 : hash;
}

// "securitygroups demo/web, demo/x: nothing allows it": who is meant when no rule of them matched.
std::string unmatched(std::string_view plural, const std::set<std::string>& names) {
  constexpr std::size_t kNamed = 3;
  std::string text(plural);
  std::size_t count = 0;
  for (const auto& name : names) {
    if (++count > kNamed) break;
    text += (count == 1 ? " " : ", ") + name;
  }
  if (names.size() > kNamed) text += fmt::format(" and {} more", names.size() - kNamed);
  return text + ": nothing allows it";
}

class Writer {
 public:
  Writer(Index& index, const PortInfo& port)
      : index_(index), port_(port), name_(port.object->key().text()) {}

  std::vector<SliceRule> run() {
    groups();
    policies();
    return std::move(rules_);
  }

 private:
  SliceRule& add(SliceRule rule) {
    rule.id = stableId(fmt::format("{} {} {} {}", name_, rule.source, rule.ingress,
                                   copies_[rule.source + (rule.ingress ? "<" : ">")]++));
    // Who is kept out can be seen ("hawser datapath drops"); the datapath bounds what it tells.
    rule.log = !rule.allow;
    rules_.push_back(std::move(rule));
    return rules_.back();
  }

  // ---- security groups ----
  void groups() {
    bool egress = false;
    std::set<std::string> names;
    for (const auto& ref : port_.spec.securityGroups) {
      const auto found = index_.groups.find(ref);
      names.insert(ref.text());  // a group that does not exist (yet) allows nothing
      if (found == index_.groups.end()) continue;
      for (std::size_t i = 0; i < found->second.rules.size(); ++i) {
        egress = egress || !found->second.rules[i].ingress;
        groupRule(fmt::format("securitygroups/{} rule {}", ref.text(), i), found->second.rules[i]);
      }
    }
    if (names.empty()) return;
    const auto source = unmatched("securitygroups", names);
    deny(source, true);
    if (egress) deny(source, false);
  }

  void deny(const std::string& source, bool ingress) {
    SliceRule rule;
    rule.source = source;
    rule.tier = kGroupTier;
    rule.ingress = ingress;
    rule.allow = false;
    add(std::move(rule));
  }

  void groupRule(const std::string& source, const model::SecurityGroupRule& from) {
    SliceRule rule;
    rule.source = source;
    rule.tier = kGroupTier;
    rule.ingress = from.ingress;
    rule.protocol = from.protocol;
    rule.ports = from.ports;
    rule.pass = true;
    rule.anyPeer = !from.remotePrefix && !from.remoteGroup && !from.remoteNetwork;
    if (from.remotePrefix) rule.prefixes = {*from.remotePrefix};
    if (from.remoteGroup) assign(rule, index_.identitiesByGroup[*from.remoteGroup]);
    if (from.remoteNetwork)
      if (const auto* network = index_.network(*from.remoteNetwork))
        assign(rule, network->identities);
    if (!rule.anyPeer && rule.prefixes.empty() && rule.identities.empty())
      return;  // there is nobody there
    add(std::move(rule));
  }

  static void assign(SliceRule& rule, const std::set<net::Identity>& identities) {
    rule.identities.assign(identities.begin(), identities.end());
  }

  // ---- policies ----
  void policies() {
    const auto& home = port_.spec.network;
    std::set<Ref> called{home};  // networks through which this port is called
    for (const auto& [service, backend] : port_.services) called.insert(service->spec.network);
    std::set<std::size_t> relevant;
    for (const auto& ref : called)
      if (const auto found = index_.policiesByNetwork.find(ref);
          found != index_.policiesByNetwork.end())
        relevant.insert(found->second.begin(), found->second.end());

    // Others that a policy speaks of: what no rule allows them is denied.
    std::set<net::Identity> callers, callees;
    std::set<std::string> names;
    for (const auto i : relevant) {
      const auto& policy = index_.policies[i];
      names.insert(policy.source.substr(policy.source.find('/') + 1));
      for (std::size_t r = 0; r < policy.spec.rules.size(); ++r) {
        const auto& rule = policy.spec.rules[r];
        const auto source = fmt::format("{} rule {}", policy.source, r);
        if (called.contains(*rule.toNetwork) && *rule.fromNetwork != home)
          inbound(source, rule, callers);
        if (*rule.fromNetwork == home && *rule.toNetwork != home) outbound(source, rule, callees);
        // The other direction of the same pair is covered by the policy too.
        if (*rule.fromNetwork == home) collect(*rule.toNetwork, callers);
        if (called.contains(*rule.toNetwork)) collect(*rule.fromNetwork, callees);
      }
    }
    const auto source = unmatched("policies", names);
    finish(true, source, callers);
    finish(false, source, callees);
  }

  std::set<net::Identity> members(const Ref& ref) {
    std::set<net::Identity> out;
    if (const auto* network = index_.network(ref)) {
      out = network->identities;
      out.insert(network->serviceIdentities.begin(), network->serviceIdentities.end());
    }
    return out;
  }
  void collect(const Ref& ref, std::set<net::Identity>& into) { into.merge(members(ref)); }

  SliceRule policyRule(const std::string& source, const model::PolicyRule& from, bool ingress,
                       const std::set<net::Identity>& peers) {
    SliceRule rule;
    rule.source = source;
    rule.tier = kPolicyTier;
    rule.ingress = ingress;
    rule.anyPeer = false;
    assign(rule, peers);
    rule.protocol = from.protocol;
    rule.allow = from.allow;
    return rule;
  }

  void emit(const SliceRule& rule, const std::vector<PortRange>& ports) {
    if (rule.identities.empty()) return;
    for (const auto& range : ports) {
      auto copy = rule;
      copy.ports = range;
      add(std::move(copy));
    }
  }

  void inbound(const std::string& source, const model::PolicyRule& rule,
               std::set<net::Identity>& callers) {
    const auto* from = index_.network(*rule.fromNetwork);
    if (from == nullptr) return;
    callers.insert(from->identities.begin(), from->identities.end());
    auto rule20 = policyRule(source, rule, true, from->identities);
    if (*rule.toNetwork == port_.spec.network)
      return emit(rule20, rule.ports.empty() ? std::vector{PortRange{}} : rule.ports);
    for (const auto& [protocol, target] : targetsOf(rule)) {
      rule20.protocol = protocol;
      emit(rule20, {{target, target}});
    }
  }

  // Through a service's network a backend is called at its service's ports and at no other: their
  // target ports, as far as the rule names them.
  std::vector<std::pair<model::Protocol, std::uint16_t>> targetsOf(const model::PolicyRule& rule) {
    std::vector<std::pair<model::Protocol, std::uint16_t>> out;
    for (const auto& [service, backend] : port_.services) {
      if (service->spec.network != *rule.toNetwork) continue;
      for (const auto& port : service->spec.ports) {
        const bool named =
            rule.ports.empty() ||
            std::any_of(rule.ports.begin(), rule.ports.end(), [&](const PortRange& range) {
              return port.port >= range.first && port.port <= range.last;
            });
        if (!named || (rule.protocol != model::Protocol::kAny && rule.protocol != port.protocol))
          continue;
        const auto own = backend->targetPorts.find(port.name);
        out.emplace_back(port.protocol,
                         own == backend->targetPorts.end() ? port.targetPort : own->second);
      }
    }
    return out;
  }

  void outbound(const std::string& source, const model::PolicyRule& rule,
                std::set<net::Identity>& callees) {
    const auto peers = members(*rule.toNetwork);
    callees.insert(peers.begin(), peers.end());
    emit(policyRule(source, rule, false, peers),
         rule.ports.empty() ? std::vector{PortRange{}} : rule.ports);
  }

  // A network never closes itself off from its own members.
  void finish(bool ingress, const std::string& source, std::set<net::Identity> others) {
    if (const auto* home = index_.network(port_.spec.network))
      for (const auto& own : home->identities) others.erase(own);
    if (others.empty()) return;
    SliceRule rule;
    rule.source = source;
    rule.tier = kPolicyTier;
    rule.ingress = ingress;
    rule.anyPeer = false;
    assign(rule, others);
    rule.allow = false;
    add(std::move(rule));
  }

  Index& index_;
  const PortInfo& port_;
  std::string name_;
  std::vector<SliceRule> rules_;
  std::map<std::string, unsigned> copies_;
};

}  // namespace

std::vector<SliceRule> rulesOf(Index& index, const PortInfo& port) {
  return Writer(index, port).run();
}

}  // namespace hawser::compiler
