// What must survive a restart of the agent, in <state-dir>/state.json: which device is whose, and
// the numbers that other hosts and the datapath's connections know a port by.
//
// A number is given up only when its port is gone from the slice, and handed out again only after
// all others were: a label that a slow peer still uses must not lead to somebody else's workload.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "hawser/agent/local.h"
#include "hawser/datapath/datapath.h"
#include "hawser/model/slice.h"

namespace hawser::agent {

// A device that a runtime handed to us, and for whom.
struct Plug {
  std::string device;
  std::string containerId;
  std::string ifname;  // inside the workload; may be empty
  std::string owner;   // "cni/<network>"; may be empty
  std::string port;    // "project/port", or
  std::optional<model::WorkloadRef> workload;
  bool tap = false;
  friend bool operator==(const Plug&, const Plug&) = default;
};

struct PortNumbers {
  datapath::PortId id;
  net::Label label;
  std::string name;                         // "project/port", for people
  std::map<net::VrfId, std::uint16_t> rds;  // number of the route distinguisher in each VRF
};

class HostState {
 public:
  // A folder without state gives an empty one; a file that cannot be read is set aside, said, and
  // starts empty.
  [[nodiscard]] static Result<HostState> load(const std::filesystem::path& folder);
  // Writes what changed since the last time, by a rename.
  [[nodiscard]] Result<void> save();

  // Made at first use. The reference lives until forget().
  [[nodiscard]] const PortNumbers& numbers(const std::string& uid, const std::string& name);
  [[nodiscard]] const PortNumbers* find(const std::string& uid) const;
  [[nodiscard]] std::uint16_t rdNumber(const std::string& uid, net::VrfId vrf);
  [[nodiscard]] std::vector<std::string> uids() const;
  void forget(const std::string& uid);

  // By device, in the order in which they came.
  [[nodiscard]] const std::vector<Plug>& plugs() const { return plugs_; }
  void addPlug(Plug plug);  // replaces one of the same device
  bool removePlug(const std::string& device);

  [[nodiscard]] bool restored() const { return restored_; }  // there was a state to load

  // The last slice, in a file of its own.
  [[nodiscard]] Result<void> saveSlice(const model::Slice& slice) const;
  // Said, if there is one that cannot be read.
  [[nodiscard]] std::optional<model::Slice> loadSlice() const;

 private:
  explicit HostState(std::filesystem::path folder) : folder_(std::move(folder)) {}
  [[nodiscard]] Json toJson() const;
  void read(const Json& json);
  void use(const PortNumbers& numbers);

  std::filesystem::path folder_;
  std::map<std::string, PortNumbers> ports_;
  std::set<std::uint32_t> ids_, labels_, rds_;  // in use
  std::vector<Plug> plugs_;
  std::uint32_t nextId_ = 1, nextLabel_ = 1000, nextRd_ = 1;
  bool restored_ = false;
  bool changed_ = false;
};

}  // namespace hawser::agent
