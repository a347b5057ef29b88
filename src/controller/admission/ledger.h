// Who has what, and who names whom: kept as objects change, so that the check of one object costs
// about the same however many others there are. What it holds follows from the set of objects
// alone, not from how they came about; changes that are staged are in it as well (api::Admission).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "hawser/model/specs.h"

namespace hawser::controller {

// The value after this one; none after the last.
[[nodiscard]] std::optional<net::IpAddress> successor(const net::IpAddress& address);
[[nodiscard]] std::optional<net::RouteTarget> successor(const net::RouteTarget& target);
[[nodiscard]] std::optional<std::uint32_t> successor(std::uint32_t number);

// Values in use, each with its owners (several where nothing forbids it), and the runs of
// neighbouring ones: the lowest free value is found without a walk over those in use.
template <class Value>
class Taken {
 public:
  using Owners = std::set<model::ObjectKey>;
  void add(const Value& value, const model::ObjectKey& owner) {
    const auto [at, isNew] = owners_.try_emplace(value);
    if (isNew) occupy(value);
    at->second.insert(owner);
  }
  void drop(const Value& value, const model::ObjectKey& owner) {
    const auto at = owners_.find(value);
    if (at == owners_.end()) return;
    at->second.erase(owner);
    if (!at->second.empty()) return;
    vacate(at);
    owners_.erase(at);
  }
  [[nodiscard]] const Owners& of(const Value& value) const {
    static const Owners kNone;
    const auto at = owners_.find(value);
    return at == owners_.end() ? kNone : at->second;
  }
  // The lowest from `from` on; none when all to the last value are in use.
  [[nodiscard]] std::optional<Value> firstFree(const Value& from) const {
    const auto beyond = runs_.upper_bound(from);
    if (beyond == runs_.begin()) return from;
    const auto& last = std::prev(beyond)->second;
    return last < from ? std::optional<Value>(from) : successor(last);
  }
  [[nodiscard]] const std::map<Value, Owners>& all() const { return owners_; }

 private:
  void occupy(const Value& value) {
    auto first = value, last = value;
    const auto right = runs_.upper_bound(value);
    if (right != runs_.end() && successor(value) == right->first) last = right->second;
    if (right != runs_.begin())
      if (const auto left = std::prev(right); successor(left->second) == value) {
        first = left->first;
        runs_.erase(left);
      }
    if (last != value) runs_.erase(right);
    runs_.emplace(first, last);
  }
  // In a run the neighbours of a value are its neighbours in `owners_` too.
  void vacate(typename std::map<Value, Owners>::iterator at) {
    const auto run = std::prev(runs_.upper_bound(at->first));
    const auto [first, last] = *run;
    runs_.erase(run);
    if (first != at->first) runs_.emplace(first, std::prev(at)->first);
    if (last != at->first) runs_.emplace(std::next(at)->first, last);
  }
  std::map<Value, Owners> owners_;
  std::map<Value, Value> runs_;  // first to last
};

class Ledger {
 public:
  using Keys = std::set<model::ObjectKey>;
  void reset(const model::ObjectMap& objects);
  void change(const model::Object* before, const model::Object* now);

  // Who names the object, in the order of kinds; or only those of one kind.
  [[nodiscard]] const Keys& users(const model::ObjectKey& key) const;
  [[nodiscard]] std::vector<model::ObjectKey> users(const model::ObjectKey& key,
                                                    model::Kind kind) const;
  // Who has something that one object may have (the claims below).
  [[nodiscard]] const Keys& claimants(const std::string& claim) const;
  [[nodiscard]] static std::string hostAddress(const net::IpAddress& address);
  [[nodiscard]] static std::string tokenHash(const std::string& hash);
  [[nodiscard]] static std::string mac(const model::Ref& network, const net::MacAddress& mac);
  [[nodiscard]] static std::string linkOf(const model::LinkSpec& link);

  // Of the network, or of all networks that draw from its pool.
  [[nodiscard]] const Taken<net::IpAddress>& addresses(const model::Ref& network) const;
  [[nodiscard]] const Taken<net::RouteTarget>& targets() const { return targets_; }
  [[nodiscard]] const Taken<std::uint32_t>& networkIds() const { return networkIds_; }
  [[nodiscard]] std::int64_t count(model::Kind kind, const std::string& project) const;
  // Addresses of external networks that objects of the project have.
  [[nodiscard]] std::int64_t externalAddresses(const std::string& project) const;

 private:
  struct Network {
    std::string pool;
    Taken<net::IpAddress> addresses;
    std::map<std::string, std::int64_t> countByProject;  // of addresses
  };
  struct Facts;
  [[nodiscard]] static Facts factsOf(const model::Object& object);
  void enter(const model::Object& object);
  void strike(const model::Object& object);
  void setPool(const model::Ref& network, const std::string& pool);

  std::map<model::ObjectKey, Keys> users_;
  std::map<std::string, Keys> claims_;
  std::map<model::Ref, Network> networks_;
  std::map<std::string, Taken<net::IpAddress>> pools_;
  std::set<model::Ref> external_;
  Taken<net::RouteTarget> targets_;
  Taken<std::uint32_t> networkIds_;
  std::map<std::pair<model::Kind, std::string>, std::int64_t> counts_;
};

}  // namespace hawser::controller
