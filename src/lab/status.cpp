// `hawser lab status`.
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>

#include "commands.h"
#include "hawser/base/file.h"
#include "topology/images.h"

namespace hawser::lab {

namespace fs = std::filesystem;

namespace {

// Seconds since the process started.
std::uint64_t ageOf(const ProcessId& id) {
  std::ifstream in("/proc/uptime");
  double up = 0;
  in >> up;
  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  const auto age = up - static_cast<double>(id.started) / ticks;
  return age > 0 ? static_cast<std::uint64_t>(age) : 0;
}

Json processesJson(const State& state) {
  auto out = Json::array();
  for (const auto& [name, record] : state.processes) {
    const bool runs = alive(record.id);
    Json item{{"name", name},
              {"kind", kindName(record.plan.kind)},
              {"node", record.plan.node},
              {"state", runs ? "running" : (record.wanted ? "ended" : "stopped")},
              {"log", state.paths.log(name)},
              {"command", record.plan.command}};
    if (runs) {
      item["pid"] = record.id.pid;
      item["seconds"] = ageOf(record.id);
    }
    out.push_back(std::move(item));
  }
  return out;
}

Json hostsJson(const Topology& topology, const State& state) {
  auto out = Json::array();
  const auto add = [&](const std::string& name, const std::string& kind, const std::string& site,
                       const std::string& address, const std::string& netns) {
    out.push_back({{"name", name},
                   {"kind", kind},
                   {"site", site},
                   {"address", address},
                   {"netns", netns},
                   {"socket", kind == "host" ? state.paths.socket(name) : ""}});
  };
  for (const auto& site : topology.sites) {
    add(site.controller.name, "controller", site.name, site.controller.address.text(),
        netnsName(topology, site.controller.name));
    for (const auto& host : site.hosts)
      add(host.name, "host", site.name, host.address.text(), netnsName(topology, host.name));
  }
  for (const auto& gateway : topology.gateways)
    add(gateway.name, "gateway", "", gateway.address.text(),
        netnsName(topology, "gw-" + gateway.name));
  if (topology.outside)
    for (const auto& host : topology.outside->hosts)
      add(host.name, "outside", "", host.address.text(), netnsName(topology, host.name));
  return out;
}

// The Ports of the sites that have workloads; of a site that does not answer nothing is known.
std::map<std::string, std::set<std::string>> portsOf(const Lab& lab) {
  std::map<std::string, std::set<std::string>> out;
  for (const auto& workload : lab.topology().workloads) {
    const auto& site = lab.siteOf(workload);
    if (out.contains(site.name) || !lab.running(site.controller.name)) continue;
    auto api = lab.client(site);
    if (!api) continue;
    const auto ports = api->list(model::Kind::kPort);
    if (!ports) continue;
    auto& names = out[site.name];
    for (const auto& port : ports->items)
      names.insert(port.metadata.project + "/" + port.metadata.name);
  }
  return out;
}

std::string stateOf(const Workload& workload, const WorkloadRecord& record, bool runs, bool port) {
  const std::string state = workload.image.empty() ? (record.attached ? "attached" : "detached")
                                                   : (runs ? "running" : "stopped");
  return port ? state : state + ", no Port";
}

Json workloadsJson(const Lab& lab, const State& state) {
  const auto& topology = lab.topology();
  const auto ports = portsOf(lab);
  auto out = Json::array();
  for (const auto& workload : topology.workloads) {
    const auto found = state.workloads.find(workload.name);
    const auto record = found == state.workloads.end() ? WorkloadRecord{} : found->second;
    const auto process = state.processes.find(workload.name);
    const bool runs = process != state.processes.end() && alive(process->second.id);
    const auto known = ports.find(workload.site);
    const bool port = known == ports.end() || known->second.contains(workload.port);
    out.push_back({{"name", workload.name},
                   {"site", workload.site},
                   {"host", record.host.empty() ? workload.host : record.host},
                   {"port", workload.port},
                   {"addresses", port ? record.addresses : std::vector<std::string>{}},
                   {"mac", record.mac},
                   {"attached", record.attached},
                   {"image", workload.image},
                   {"state", stateOf(workload, record, runs, port)},
                   {"netns", netnsName(topology, workload.name)}});
  }
  return out;
}

Json podsJson(const Lab& lab) {
  auto out = Json::array();
  for (const auto& site : lab.topology().sites) {
    if (!site.kube) continue;
    const fs::path folder = fs::path(lab.paths().kubeState(site)) / "status";
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(folder, ignored)) {
      const auto text = readFile(entry.path());
      const auto status = Json::parse(text.value_or(""), nullptr, false);
      const auto stem = entry.path().stem().string();
      const auto cut = stem.find('_');
      if (!status.is_object() || cut == std::string::npos) continue;
      bool ready = false;
      for (const auto& condition : status.value("conditions", Json::array()))
        ready = ready ||
                (condition.value("type", "") == "Ready" && condition.value("status", "") == "True");
      out.push_back({{"namespace", stem.substr(0, cut)},
                     {"name", stem.substr(cut + 1)},
                     {"site", site.name},
                     {"host", status.value("node", "")},
                     {"address", status.value("podIP", "")},
                     {"ready", ready},
                     {"netns", status.value("netns", "")}});
    }
  }
  return out;
}

class Table {
 public:
  explicit Table(std::vector<std::string> header) { rows_.push_back(std::move(header)); }
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  [[nodiscard]] std::string text() const {
    std::vector<std::size_t> widths(rows_[0].size());
    for (const auto& row : rows_)
      for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
    std::string out;
    for (const auto& row : rows_) {
      std::string line;
      for (std::size_t i = 0; i < row.size(); ++i)
        line += fmt::format("{:<{}}  ", row[i], widths[i]);
      out += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
    }
    return rows_.size() == 1 ? std::string() : out + "\n";
  }

 private:
  std::vector<std::vector<std::string>> rows_;
};

std::string age(const Json& item) {
  if (!item.contains("seconds")) return "";
  const auto seconds = item["seconds"].get<std::uint64_t>();
  return seconds < 120 ? fmt::format("{}s", seconds) : fmt::format("{}m", seconds / 60);
}

std::string joined(const Json& list) {
  std::string out;
  for (const auto& item : list) out += (out.empty() ? "" : ",") + item.get<std::string>();
  return out;
}

}  // namespace

Health healthOf(const std::string& name, const State& state) {
  const bool working = LabLock::held(name);
  const auto down = fmt::format("`hawser lab down {}` removes what is left", name);
  if (state.phase == "starting" && working) return {"starting", "is starting", true};
  if (state.phase == "starting")
    return {"broken", "is half made: its `hawser lab up` was ended; " + down, false};
  if (state.phase == "down" && working) return {"ending", "is being taken down", false};
  if (state.phase == "down")
    return {"broken", "is half taken down: that was ended; " + down, false};
  std::size_t wanted = 0;
  std::vector<std::string> ended, stopped;
  for (const auto& [process, record] : state.processes) {
    if (alive(record.id)) {
      ++wanted;
    } else if (!record.wanted) {
      stopped.push_back(process);
    } else {
      ++wanted;
      ended.push_back(process);
    }
  }
  const auto tail = stopped.empty() ? "" : fmt::format("; stopped: {}", fmt::join(stopped, ", "));
  if (ended.empty()) return {"up", "is up" + tail, true};
  if (ended.size() == wanted)
    return {"down", fmt::format("is down: none of its {} processes runs; {}", wanted, down), false};
  return {"part",
          fmt::format("is up in part: {} of {} processes run; ended: {}{}", wanted - ended.size(),
                      wanted, fmt::join(ended, ", "), tail),
          false};
}

Json statusJson(const Lab& lab) {
  const auto state = lab.state();
  const auto health = healthOf(lab.topology().name, state);
  auto forwards = Json::array();
  for (const auto& forward : state.forwards)
    forwards.push_back({{"name", forward.name},
                        {"listen", fmt::format("127.0.0.1:{}", forward.listen)},
                        {"to", fmt::format("{}:{}", forward.address.text(), forward.port)}});
  return {{"name", lab.topology().name},
          {"phase", state.phase},
          {"state", health.state},
          {"summary", health.summary},
          {"good", health.good},
          {"file", state.file},
          {"run", state.paths.run},
          {"processes", processesJson(state)},
          {"hosts", hostsJson(lab.topology(), state)},
          {"workloads", workloadsJson(lab, state)},
          {"pods", podsJson(lab)},
          {"forwards", forwards}};
}

std::string statusText(const Json& status, bool wide) {
  auto out = fmt::format("lab {} {}\nfile  {}\nrun   {}\n\n", status["name"].get<std::string>(),
                         status["summary"].get<std::string>(), status["file"].get<std::string>(),
                         status["run"].get<std::string>());
  std::vector<std::string> header{"NODE", "KIND", "SITE", "ADDRESS", "NETNS"};
  if (wide) header.emplace_back("AGENT SOCKET");
  Table hosts(header);
  for (const auto& item : status["hosts"]) {
    std::vector<std::string> row{item["name"], item["kind"], item["site"], item["address"],
                                 item["netns"]};
    if (wide) row.push_back(item["socket"]);
    hosts.add(std::move(row));
  }
  Table processes({"PROCESS", "KIND", "NODE", "STATE", "PID", "AGE"});
  for (const auto& item : status["processes"])
    processes.add({item["name"], item["kind"], item["node"], item["state"],
                   item.contains("pid") ? std::to_string(item["pid"].get<int>()) : "", age(item)});
  Table workloads({"WORKLOAD", "SITE", "HOST", "PORT", "ADDRESS", "STATE"});
  for (const auto& item : status["workloads"])
    workloads.add({item["name"], item["site"], item["host"], item["port"],
                   joined(item["addresses"]), item["state"]});
  Table pods({"POD", "SITE", "HOST", "ADDRESS", "READY"});
  for (const auto& item : status["pods"])
    pods.add({item["namespace"].get<std::string>() + "/" + item["name"].get<std::string>(),
              item["site"], item["host"], item["address"],
              item["ready"].get<bool>() ? "yes" : "no"});
  Table forwards({"FORWARD", "LISTEN", "TO"});
  for (const auto& item : status["forwards"])
    forwards.add({item["name"], item["listen"], item["to"]});
  out += hosts.text() + processes.text() + workloads.text() + pods.text() + forwards.text();
  return out.substr(0, out.size() - 1);
}

}  // namespace hawser::lab
