#include "plane.h"

#include <utility>

namespace hawser::agent {
namespace {

class DatapathPlane final : public Plane {
 public:
  explicit DatapathPlane(std::unique_ptr<datapath::Datapath> datapath)
      : datapath_(std::move(datapath)) {}

  datapath::ForwardingPlane& forwarding() override { return *datapath_; }
  std::size_t sweep() override { return datapath_->sweep(); }
  std::uint64_t evicted() const override { return datapath_->evicted(); }
  std::size_t reconcile() override { return datapath_->reconcile(); }
  int filterFd() const override { return datapath_->filterFd(); }
  std::size_t mendFilters() override { return datapath_->mendFilters(); }
  int eventFd() const override { return datapath_->eventFd(); }
  void drainEvents(const std::function<void(const datapath::DropEvent&)>& visit) override {
    datapath_->drainEvents(visit);
  }
  std::vector<datapath::Connection> connections(
      std::optional<datapath::PortId> port) const override {
    return datapath_->connections(port);
  }
  std::vector<datapath::DropCount> drops() const override { return datapath_->drops(); }
  std::vector<datapath::RuleHit> ruleHits() const override { return datapath_->ruleHits(); }
  std::vector<datapath::PortCounters> portCounters() const override {
    return datapath_->portCounters();
  }
  std::vector<datapath::Route> routes(std::optional<datapath::VrfId> vrf) const override {
    return datapath_->routes(vrf);
  }

 private:
  std::unique_ptr<datapath::Datapath> datapath_;
};

}  // namespace

Result<std::unique_ptr<Plane>> openDatapath(const datapath::Config& config) {
  auto opened = datapath::Datapath::open(config);
  if (!opened) return std::unexpected(opened.error());
  return std::make_unique<DatapathPlane>(std::move(*opened));
}

}  // namespace hawser::agent
