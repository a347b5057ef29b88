// A lab that is there: its processes and workloads, one by one. The parts that `up`, `move`,
// `restart` and the rest are put together from. Any thread.
#pragma once

#include <memory>
#include <string>

#include "hawser/api/client.h"
#include "state.h"
#include "topology/topology.h"

namespace hawser::lab {

class Lab {
 public:
  Lab(Topology topology, State state);
  // kNotFound when there is none.
  [[nodiscard]] static Result<std::unique_ptr<Lab>> open(const std::string& name);

  [[nodiscard]] const Topology& topology() const { return topology_; }
  [[nodiscard]] State state() const { return store_.snapshot(); }
  [[nodiscard]] Paths paths() const { return store_.snapshot().paths; }
  [[nodiscard]] Result<void> change(const std::function<void(State&)>& edit) {
    return store_.change(edit);
  }

  // ---- processes ----
  [[nodiscard]] Result<void> start(const ProcessPlan& plan);
  // By the recorded command. kConflict when it runs already.
  [[nodiscard]] Result<void> startAgain(const std::string& process);
  // TERM and, after its grace, KILL; or KILL at once. kConflict when it does not run.
  [[nodiscard]] Result<void> stop(const std::string& process, bool kill);
  [[nodiscard]] bool running(const std::string& process) const;
  // Until it does what it is for: an API that answers, a socket that answers.
  [[nodiscard]] Result<void> waitReady(const std::string& process) const;
  // kUnavailable with the end of the process's log.
  [[nodiscard]] std::unexpected<Error> ended(const std::string& process,
                                             const std::string& what) const;

  // ---- sites ----
  [[nodiscard]] std::string siteUrl(const Site& site) const;  // from this machine
  [[nodiscard]] Result<api::Client> client(const Site& site) const;
  [[nodiscard]] const Site& siteOf(const Workload& workload) const;

  // ---- workloads ----
  [[nodiscard]] Result<void> attach(const Workload& workload, const std::string& host);
  [[nodiscard]] Result<void> detach(const Workload& workload);
  [[nodiscard]] Result<void> startWorkload(const Workload& workload);
  // Stops, moves the Port, attaches there, starts.
  [[nodiscard]] Result<void> move(const Workload& workload, const std::string& host);

 private:
  [[nodiscard]] std::chrono::milliseconds grace(ProcessKind kind) const;

  Topology topology_;
  Store store_;
};

// Runs all at once, each on a thread; the first error in the order given.
[[nodiscard]] Result<void> together(std::vector<std::function<Result<void>()>> work);

}  // namespace hawser::lab
