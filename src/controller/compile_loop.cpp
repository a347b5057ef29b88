#include "compile_loop.h"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>

#include "hawser/base/log.h"

namespace hawser::controller {

using model::Kind;
using model::Object;

namespace {

model::Json statusThatMatters(const Object& object) {
  auto status = object.status;
  if (object.kind == Kind::kPort) {
    status.erase("phase");
    status.erase("host");
  }
  if (object.kind == Kind::kHost) return {};
  if (object.kind == Kind::kLink) return status.value("phase", "");
  return status;
}

}  // namespace

bool matters(const api::Change& change) {
  const auto kind = (change.now ? change.now : change.before)->kind;
  if (kind == Kind::kToken || kind == Kind::kQuota || kind == Kind::kProject) return false;
  if (!change.before || !change.now) return true;
  return change.before->spec != change.now->spec ||
         statusThatMatters(*change.before) != statusThatMatters(*change.now);
}

CompileLoop::CompileLoop(io::Loop& loop, api::Objects& objects, Metrics& metrics)
    : loop_(loop), objects_(objects), metrics_(metrics) {
  objects_.onChange([this, alive = std::weak_ptr(alive_)](const std::vector<api::Change>& changes) {
    if (alive.expired() || running_) return;
    for (const auto& change : changes)
      if (matters(change)) return schedule();
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
  if (!compiled_.missingIdentities.empty() && allocateIdentities())
    compiled_ = compiler::compile(objects_.all());
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

// Numbers go up and are not given twice: routes that are still on their way carry them.
bool CompileLoop::allocateIdentities() {
  std::uint32_t last = 0;
  const auto& all = objects_.all();
  for (auto at = all.lower_bound({Kind::kIdentity, {}, {}});
       at != all.end() && at->first.kind == Kind::kIdentity; ++at)
    last = std::max(last, model::IdentitySpec::from(*at->second).number);
  std::vector<api::Write> writes;
  for (const auto& labels : compiled_.missingIdentities) {
    Object identity;
    identity.kind = Kind::kIdentity;
    identity.metadata.name = fmt::format("i{}", ++last);
    identity.spec = {{"number", last}, {"labels", labels}};
    writes.push_back({api::Write::Op::kCreate, std::move(identity)});
  }
  const auto done = objects_.commit(std::move(writes), api::Caller::system());
  if (!done) log::error("controller", "identities: {}", done.error().text());
  return done.has_value();
}

}  // namespace hawser::controller
