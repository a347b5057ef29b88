#include "hawser/api/connections.h"

#include <algorithm>
#include <utility>

namespace hawser::api {

std::optional<Connections::Id> Connections::open(const net::IpAddress& from,
                                                 std::function<void()> shut) {
  const auto at = counts_.find(from);
  const auto here = at == counts_.end() ? Counts{} : at->second;
  if (here.all >= limits_.perAddress || here.strangers >= limits_.strangersPerAddress) {
    if (here.strangers == 0) return std::nullopt;
    evictAt(from);
  } else if (entries_.size() >= limits_.all || strangers_ >= limits_.strangers) {
    if (strangers_ == 0) return std::nullopt;
    evictAnywhere();
  }
  const auto id = ++last_;
  entries_[id] = {from, std::move(shut)};
  ++strangers_;
  auto& counts = counts_[from];
  ++counts.all;
  ++counts.strangers;
  return id;
}

void Connections::close(Id id) {
  const auto found = entries_.find(id);
  if (found == entries_.end()) return;
  release(id);
  const auto counts = counts_.find(found->second.from);
  if (!found->second.known) {
    --strangers_;
    --counts->second.strangers;
  }
  if (--counts->second.all == 0) counts_.erase(counts);
  entries_.erase(found);
}

void Connections::evictAt(const net::IpAddress& address) {
  const auto oldest = std::find_if(entries_.begin(), entries_.end(), [&](const auto& item) {
    return !item.second.known && item.second.from == address;
  });
  if (oldest == entries_.end()) return;
  const auto shut = std::move(oldest->second.shut);
  close(oldest->first);
  if (shut) shut();
}

void Connections::evictAnywhere() {
  const auto most = std::max_element(
      counts_.begin(), counts_.end(),
      [](const auto& a, const auto& b) { return a.second.strangers < b.second.strangers; });
  if (most != counts_.end()) evictAt(net::IpAddress(most->first));
}

void Connections::setKnown(Id id, bool known) {
  const auto found = entries_.find(id);
  if (found == entries_.end() || found->second.known == known) return;
  found->second.known = known;
  auto& counts = counts_[found->second.from];
  if (known) {
    --strangers_;
    --counts.strangers;
  } else {
    ++strangers_;
    ++counts.strangers;
  }
}

std::size_t Connections::bodyLimit(Id id) const {
  const auto found = entries_.find(id);
  return found != entries_.end() && found->second.known ? limits_.body : limits_.strangersBody;
}

bool Connections::reserve(Id id, std::size_t bytes) {
  release(id);
  const auto found = entries_.find(id);
  if (found == entries_.end()) return false;
  auto& entry = found->second;
  auto& sum = entry.known ? reserved_ : reservedByStrangers_;
  const auto limit = entry.known ? limits_.bodies : limits_.strangersBodies;
  if (bytes > limit || sum > limit - bytes) return false;
  sum += bytes;
  entry.reserved = bytes;
  entry.reservedAsStranger = !entry.known;
  return true;
}

void Connections::release(Id id) {
  const auto found = entries_.find(id);
  if (found == entries_.end()) return;
  auto& entry = found->second;
  (entry.reservedAsStranger ? reservedByStrangers_ : reserved_) -= entry.reserved;
  entry.reserved = 0;
}

}  // namespace hawser::api
