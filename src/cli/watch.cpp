// get --watch and watch: first what is there, then every change, until SIGINT or SIGTERM.
#include <fmt/core.h>
#include <signal.h>

#include <algorithm>
#include <set>

#include "commands.h"
#include "input.h"
#include "views/columns.h"

namespace hawser::cli {

using model::Json;
using model::Kind;
using model::Object;

namespace {

class Follower {
 public:
  Follower(Session& session, const GetOptions& options, Kind kind, io::Loop& loop)
      : session_(session), options_(options), kind_(kind), loop_(loop) {}

  // The listing that the watch begins with: it gives the columns their widths.
  void begin(const Json& items) {
    if (session_.forPrograms() || session_.output() == Output::kName) return;
    Table table{titles(), {}};
    for (const auto& item : items) table.rows.push_back(row("MODIFIED", item));
    columns_ = layOut(table, wide() ? kNoLimit : kPageWidth);
    session_.out() << renderRow(table.titles, columns_) << std::flush;
  }

  void changed(const Object& object) {
    const auto key = object.key();
    const bool matches = model::selects(options_.selector, object.metadata.labels) && named(key);
    if (!matches) {
      if (shown_.contains(key)) removed(key);
      return;
    }
    const bool first = !shown_.contains(key);
    auto json = model::toJson(object);
    tell(first ? "ADDED" : "MODIFIED", json);
    shown_[key] = std::move(json);
  }

  void removed(const model::ObjectKey& key) {
    const auto found = shown_.find(key);
    if (found == shown_.end()) return;
    tell("DELETED", found->second);
    shown_.erase(found);
  }

 private:
  [[nodiscard]] bool wide() const { return session_.output() == Output::kWide; }
  [[nodiscard]] Look look() const {
    return {wide(), options_.allProjects || !options_.names.empty()};
  }
  [[nodiscard]] bool named(const model::ObjectKey& key) const {
    if (options_.names.empty()) return true;
    return std::any_of(options_.names.begin(), options_.names.end(), [&](const auto& name) {
      const auto wanted = parseTarget(options_.kind, name, session_.project());
      return wanted && *wanted == key;
    });
  }
  [[nodiscard]] std::vector<std::string> titles() const {
    auto titles = titlesOf(kind_, look());
    titles.insert(titles.begin(), "EVENT   ");  // as wide as MODIFIED
    return titles;
  }
  [[nodiscard]] std::vector<std::string> row(const char* event, const Json& object) const {
    auto cells = rowOf(kind_, object, look());
    cells.insert(cells.begin(), event);
    return cells;
  }

  void tell(const char* event, const Json& object) {
    if (ended_) return;
    if (session_.output() == Output::kJson) {
      session_.out() << Json{{"type", event}, {"object", object}}.dump() << "\n";
    } else if (session_.output() == Output::kYaml) {
      session_.out() << "---\n" << model::toYaml({{"type", event}, {"object", object}});
    } else if (session_.output() == Output::kName) {
      session_.out() << event << " "
                     << model::ObjectKey{kind_, textAt(object, "metadata.project"),
                                         textAt(object, "metadata.name")}
                            .text()
                     << "\n";
    } else {
      session_.out() << renderRow(row(event, object), columns_);
    }
    session_.out() << std::flush;
    // Nobody reads any more (a closed pipe), or there has been enough.
    ended_ = !session_.out() || (options_.count != 0 && ++told_ == options_.count);
    if (ended_) loop_.stop();
  }

  Session& session_;
  const GetOptions& options_;
  Kind kind_;
  io::Loop& loop_;
  Columns columns_;
  std::map<model::ObjectKey, Json> shown_;
  std::uint64_t told_ = 0;
  bool ended_ = false;
};

}  // namespace

Result<int> watch(Session& session, GetOptions options) {
  if (const auto slash = options.kind.find('/'); slash != std::string::npos) {
    options.names.insert(options.names.begin(), options.kind.substr(slash + 1));
    options.kind.resize(slash);
  }
  const auto kind = model::parseKind(options.kind);
  if (!kind) return std::unexpected(kind.error());
  const bool inProject =
      model::info(*kind).projectScoped && !options.allProjects && options.names.empty();
  const auto project = inProject ? session.project() : std::string();
  const auto config = session.clientConfig();
  if (!config) return std::unexpected(config.error());
  // Whoever may not see it, or has the wrong address, hears so at once.
  const auto first = session.list(*kind, project, options.selector);
  if (!first) return std::unexpected(first.error());
  if (first->at("items").empty() && !project.empty())
    if (const auto known = session.projectExists(project); !known)
      return std::unexpected(known.error());

  io::Loop loop;
  loop.onSignals({SIGINT, SIGTERM}, [&](int) { loop.stop(); });
  Follower follower(session, options, *kind, loop);
  follower.begin(first->at("items"));
  api::ObjectWatcher watcher(loop, *config, *kind, project,
                             {[&](const Object& object) { follower.changed(object); },
                              [&](const model::ObjectKey& key) { follower.removed(key); }, [] {}});
  loop.run();
  return kGood;
}

}  // namespace hawser::cli
