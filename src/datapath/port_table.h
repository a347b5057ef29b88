// Ports: devices, labels, addresses, translations and rules in their maps, and the filters on the
// devices. A port without rules passes nothing (fails closed).
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "attach.h"
#include "bpf_map.h"
#include "programs.h"
#include "rules.h"

namespace hawser::datapath {

class PortTable {
 public:
  explicit PortTable(const Programs& programs);

  [[nodiscard]] Result<void> set(const Port& port);
  void remove(PortId port);
  [[nodiscard]] Result<void> setTranslations(PortId port, const std::vector<Translation>& all);
  [[nodiscard]] Result<void> setRules(PortId port, const RuleSet& rules);
  void prune();
  [[nodiscard]] Mended reconcile();
  // Attaches our programs where they are missing; of these devices only. A device that is gone has
  // nothing to mend.
  [[nodiscard]] Mended mendFilters(const std::function<bool(int)>& which);
  [[nodiscard]] std::vector<PortId> ids() const;
  [[nodiscard]] std::vector<PortCounters> counters() const;
  [[nodiscard]] std::vector<RuleHit> hits() const;

 private:
  struct Confirmed {
    bool port = false, translations = false;
    std::string device;  // by name: mended when it comes back with another index
  };
  [[nodiscard]] Result<void> writeAddresses(const Port& port);
  [[nodiscard]] Result<void> writeRules(std::uint32_t set, const std::vector<hw_rule>& rules);
  void dropRules(std::uint32_t set);
  [[nodiscard]] Result<void> updateFloating(std::uint32_t port, const hw_floating* floating);
  [[nodiscard]] Result<void> startCounters(std::uint32_t port);
  void leaveDevice(std::uint32_t port, std::uint32_t ifindex);

  int fromPort_;
  int counters_;
  int hits_;
  BpfMap<std::uint32_t, std::uint32_t> portOfDevice_;
  BpfMap<std::uint32_t, hw_port> ports_;
  BpfMap<hw_port_addr, std::uint32_t> addresses_;
  BpfMap<std::uint32_t, std::uint32_t> labels_;
  BpfMap<hw_translation_key, hw_translation> translations_;
  BpfMap<std::uint32_t, hw_floating> floating_;
  BpfMap<hw_rule_key, hw_rule> rules_;
  std::map<std::uint32_t, std::size_t> ruleUses_;  // entries with a rule's id
  std::map<std::uint32_t, Confirmed> confirmed_;
  std::uint32_t lastSet_ = 0;
};

}  // namespace hawser::datapath
