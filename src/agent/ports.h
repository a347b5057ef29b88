// The host's ports: which device serves which port of the slice, programmed in the datapath and
// announced in BGP.
//
// Order is the point of this class. A port that comes is programmed first and announced after; one
// that goes is withdrawn first and removed from the datapath a turn of the loop later, when the
// withdrawal is on its way. A translation that goes (a backend that is not ready any more) is
// withdrawn at once and stays in the datapath for a while: what other hosts send until they heard
// of it still arrives.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "convert.h"
#include "hawser/base/metrics.h"
#include "hawser/datapath/datapath.h"
#include "hawser/io/loop.h"
#include "hawser/model/slice.h"
#include "host_state.h"

namespace hawser::agent {

// What the agent asks of BGP; bgp::Speaker behind it, tests record.
class RouteSink {
 public:
  virtual ~RouteSink() = default;
  virtual void originate(const Origination& route) = 0;
  virtual void withdraw(const rib::RouteKey& key) = 0;
  virtual void setMemberships(const std::set<net::RouteTarget>& targets) = 0;
};

// The devices of this network namespace.
class Devices {
 public:
  virtual ~Devices() = default;
  [[nodiscard]] virtual int indexOf(const std::string& name) const = 0;  // 0: no such device
};

inline constexpr std::chrono::milliseconds kTranslationLinger{2000};

class Ports {
 public:
  struct Dependencies {
    io::Loop& loop;
    datapath::ForwardingPlane& plane;
    RouteSink& routes;
    const Devices& devices;
    HostState& state;
    Metrics& metrics;
    net::Ipv4Address underlay;
  };
  // Ports came up or went down: these labels mean something else now, and a report is due.
  using Changed = std::function<void(const std::set<net::Label>& labels)>;
  Ports(Dependencies dependencies, Changed changed);

  // Makes datapath and BGP equal to what slice and plugs say. Also mends what failed before.
  // forgetMissing: the slice is the controller's word of now, so numbers of ports that it lacks are
  // free.
  void setSlice(std::shared_ptr<const model::Slice> slice, bool forgetMissing);
  void reconcile();

  void plug(Plug plug);
  // By device, or all of a container. Returns how many were plugged.
  std::size_t unplug(const std::function<bool(const Plug&)>& which);
  // Devices that vanished with their namespace: their ports are withdrawn and unplugged.
  void checkDevices();

  struct Bound {
    Plug plug;
    int deviceIndex = 0;
    datapath::Port port;
    std::optional<datapath::RuleSet> rules;
    std::optional<std::vector<datapath::Translation>> translations;  // as written, lingering too
    std::map<datapath::Translation, TimePoint> lingering;
    std::map<rib::RouteKey, Origination> routes;
    bool attached = false;   // setPort succeeded
    std::uint64_t asOf = 0;  // the slice that it was programmed by
    std::string problem;     // why it is not up
    [[nodiscard]] bool up() const { return attached && problem.empty(); }
  };
  // By uid. The slice port exists for each.
  [[nodiscard]] const std::map<std::string, Bound>& bound() const { return bound_; }
  [[nodiscard]] const model::SlicePort* slicePort(const std::string& uid) const;
  [[nodiscard]] std::optional<std::string> uidOf(const Plug& plug) const;  // as resolved now
  [[nodiscard]] std::optional<datapath::PortId> portOfLabel(net::Label label) const;
  [[nodiscard]] std::string nameOf(datapath::PortId port) const;  // empty: none that is plugged
  [[nodiscard]] std::set<std::string> up() const;                 // uids

 private:
  [[nodiscard]] std::map<std::string, const Plug*> resolve();
  // `touched`: the device whose plug came or went, the only one to look at; nullptr: look at all.
  void settle(const std::string* touched);
  // Everything that a port is made from is as it was when it was programmed; its device too, if
  // that is to be looked at.
  [[nodiscard]] bool settled(const Plug& plug, const Bound& bound, bool look) const;
  void program(const model::SlicePort& port, const Plug& plug, Bound& bound);
  [[nodiscard]] Result<void> programDatapath(const model::SlicePort& port, const Plug& plug,
                                             Bound& bound);
  [[nodiscard]] std::vector<datapath::Translation> withLingering(
      std::vector<datapath::Translation> wanted, Bound& bound);
  void withdrawAll(Bound& bound);
  void leaveDevice(const std::string& device, const std::string& uid);
  void release(const std::string& uid);
  void saveState();
  void startLingerTimer();

  Dependencies deps_;
  Changed changed_;
  std::shared_ptr<const model::Slice> slice_;
  std::uint64_t slices_ = 0;  // that came
  std::map<std::string, const model::SlicePort*> byUid_, byName_;
  std::map<std::tuple<std::string, std::string, std::string>, std::vector<const model::SlicePort*>>
      byWorkload_;  // by kind, namespace, name
  std::map<std::string, Bound> bound_;
  std::map<std::string, std::string> byDevice_;  // of bound_'s plugs: device -> uid
  std::map<net::Label, datapath::PortId> byLabel_;
  std::set<net::Label> moved_;  // labels of byLabel_ that came or went and were not told yet
  std::map<datapath::PortId, std::string> names_;
  AttributeSets attributes_;
  io::Timer lingerTimer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // for tasks that outlive this
};

}  // namespace hawser::agent
