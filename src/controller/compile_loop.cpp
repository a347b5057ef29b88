#include "compile_loop.h"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>

#include "hawser/base/log.h"

namespace hawser::controller {

using model::Kind;
using model::Object;

CompileLoop::CompileLoop(io::Loop& loop, api::Objects& objects, Metrics& metrics, Times times)
    : loop_(loop), objects_(objects), metrics_(metrics), times_(times), retry_(loop) {
  objects_.onChange([this, alive = std::weak_ptr(alive_)](const std::vector<api::Change>& changes) {
    if (alive.expired() || running_) return;
    for (const auto& change : changes)
      if (compiler::affects(change.before.get(), change.now.get())) return schedule();
  });
}
CompileLoop::~CompileLoop() = default;

void CompileLoop::schedule() {
  if (scheduled_) return;
  scheduled_ = true;
  loop_.post([this, alive = std::weak_ptr(alive_)] {
    if (alive.expired() || !scheduled_) return;
    run();
  });
}

void CompileLoop::run() {
  scheduled_ = false;
  running_ = true;
  const auto start = std::chrono::steady_clock::now();
  auto next = compiler::compile(objects_.all());
  std::swap(next, compiled_);  // `next` is what was
  retry_.cancel();
  if (!compiled_.missingIdentities.empty()) {
    if (allocateIdentities())
      compiled_ = compiler::compile(objects_.all());
    else  // the ports without a number wait: nothing else may come that runs this again
      retry_.start(times_.retry, [this] { run(); });
  }
  removeIdleIdentities();
  running_ = false;
  std::set<std::string> changed;
  for (auto& [host, slice] : compiled_.slices) {
    const auto before = next.slices.find(host);
    if (before != next.slices.end() && before->second == slice) {
      slice.revision = before->second.revision;
      continue;
    }
    slice.revision = objects_.revision();
    changed.insert(host);
  }
  for (const auto& [host, slice] : next.slices)
    if (!compiled_.slices.contains(host)) changed.insert(host);
  std::vector<std::string> fresh;  // both lists are sorted
  std::set_difference(compiled_.warnings.begin(), compiled_.warnings.end(), next.warnings.begin(),
                      next.warnings.end(), std::back_inserter(fresh));
  for (const auto& warning : fresh) log::warn("controller", "{}", warning);
  lastMicroseconds_ =
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(
                                     std::chrono::steady_clock::now() - start)
                                     .count());
  metrics_.counter("controller.compilation.run").add();
  metrics_.counter("controller.compilation.microseconds").add(lastMicroseconds_);
  metrics_.counter("controller.compilation.last_microseconds").set(lastMicroseconds_);
  metrics_.counter("controller.slice.change").add(changed.size());
  if (callback_) callback_(changed);
}

// Numbers go up and are not given twice: routes that are still on their way carry them. The highest
// stays, used or not, for the next one to be found from.
bool CompileLoop::allocateIdentities() {
  std::uint32_t last = 0;
  for (const auto& [key, identity] : model::ofKind(objects_.all(), Kind::kIdentity))
    last = std::max(last, model::IdentitySpec::from(*identity).number);
  std::vector<api::Write> writes;
  for (const auto& labels : compiled_.missingIdentities) {
    Object identity;
    identity.kind = Kind::kIdentity;
    identity.metadata.name = fmt::format("i{}", ++last);
    identity.spec = {{"number", last}, {"labels", labels}};
    writes.push_back({api::Write::Op::kCreate, std::move(identity)});
  }
  const auto done = objects_.commit(std::move(writes), api::Caller::system());
  if (!done) {
    metrics_.counter("controller.identity.fail").add();
    if (const auto why = done.error().text(); why != allocationError_) {
      log::error("controller", "{} identities are not given out, their ports wait: {}",
                 compiled_.missingIdentities.size(), why);
      allocationError_ = why;
    }
    return false;
  }
  allocationError_.clear();
  return true;
}

void CompileLoop::removeIdleIdentities() {
  const auto now = loop_.clock().now();
  std::erase_if(idleSince_, [this](const auto& entry) {
    return !compiled_.idleIdentities.contains(entry.first);
  });
  std::vector<std::pair<std::uint32_t, std::string>> over;
  std::uint32_t last = 0;
  for (const auto& [key, identity] : model::ofKind(objects_.all(), Kind::kIdentity)) {
    const auto number = model::IdentitySpec::from(*identity).number;
    last = std::max(last, number);
    if (!compiled_.idleIdentities.contains(key.name)) continue;
    const auto since = idleSince_.try_emplace(key.name, now).first->second;
    if (now - since >= times_.idle) over.emplace_back(number, key.name);
  }
  std::vector<api::Write> writes;
  for (const auto& [number, name] : over) {
    if (number == last) continue;
    Object identity;
    identity.kind = Kind::kIdentity;
    identity.metadata.name = name;
    writes.push_back({api::Write::Op::kDelete, std::move(identity)});
  }
  if (writes.empty()) return;
  const auto count = writes.size();
  if (const auto done = objects_.commit(std::move(writes), api::Caller::system()); !done)
    log::error("controller", "idle identities stay: {}", done.error().text());
  else
    metrics_.counter("controller.identity.remove").add(count);
}

}  // namespace hawser::controller
