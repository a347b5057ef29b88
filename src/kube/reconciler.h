// Makes the API's objects of our owner equal to the translation. Knows no Kubernetes; all on one
// loop.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "hawser/api/client.h"

namespace hawser::kube {

struct Changes {
  std::vector<model::Object> apply;      // in the order in which references need them
  std::vector<model::ObjectKey> remove;  // dependents first
  [[nodiscard]] bool empty() const { return apply.empty() && remove.empty(); }
};

// Pure. `actual` holds all objects of the kinds we use, whoever owns them. What somebody else owns
// is used but not touched: neither changed nor removed. Of our own objects only the fields that
// `wanted` names are compared, so a person may add route targets to a network of ours; and such a
// network stays when its last pod has gone; a project of ours stays while anything else is in it.
[[nodiscard]] Changes diff(const model::ObjectMap& wanted, const model::ObjectMap& actual,
                           const std::string& owner);

class Reconciler {
 public:
  Reconciler(io::Loop& loop, api::ClientConfig config, std::string owner);
  void want(model::ObjectMap objects);
  // What could not be done in the last pass: "networks/default/x: …".
  [[nodiscard]] const std::set<std::string>& failures() const { return failures_; }
  // Called when failures() or inSync() became different.
  void onReport(std::function<void()> reported) { reported_ = std::move(reported); }
  [[nodiscard]] bool inSync() const { return synced_ && failures_.empty(); }

 private:
  void schedule(Duration after);
  void run();
  [[nodiscard]] bool applyAll(const std::vector<model::Object>& objects);  // false: the API is away
  void removeAll(const std::vector<model::ObjectKey>& keys);
  [[nodiscard]] bool failed(const std::string& what, const Error& error);

  io::Timer timer_;
  io::Timer retry_;  // apart: what cannot be done must not delay what can
  std::function<void()> reported_;
  api::Client client_;
  std::string owner_;
  model::ObjectMap wanted_, actual_;
  bool haveWanted_ = false, synced_ = false;
  std::set<model::Kind> listed_;
  std::set<std::string> failures_;
  std::vector<std::unique_ptr<api::ObjectWatcher>> watchers_;
};

}  // namespace hawser::kube
