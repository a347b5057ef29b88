// apply, get, delete, explain.
#include <fmt/core.h>

#include <algorithm>

#include "commands.h"
#include "input.h"
#include "views/columns.h"

namespace hawser::cli {

using model::Json;
using model::Kind;

Result<int> apply(Session& session, const ApplyOptions& options) {
  const auto read = readObjects(options.files, session.in(), session.project());
  if (!read) return std::unexpected(read.error());
  Json body{{"objects", Json::array()}};
  for (const auto& one : *read) body["objects"].push_back(model::toJson(one.object));
  const auto answer =
      session.call("POST", options.dryRun ? "/api/v1/apply?dryRun=true" : "/api/v1/apply", body);
  if (!answer) return std::unexpected(model::placed(answer.error(), *read));
  const auto& results = at(*answer, "results");
  Json told = Json::array();
  for (std::size_t i = 0; i < read->size() && i < results.size(); ++i)
    told.push_back(
        {{"object", read->at(i).object.key().text()}, {"result", scalar(results.at(i))}});
  if (session.forPrograms()) {
    session.print({{"dryRun", options.dryRun}, {"results", std::move(told)}});
    return kGood;
  }
  for (const auto& line : told) {
    session.out() << scalar(line["object"]);
    if (session.output() != Output::kName)
      session.out() << " " << scalar(line["result"]) << (options.dryRun ? " (dry run)" : "");
    session.out() << "\n";
  }
  return kGood;
}

namespace {

Result<Json> fetch(Session& session, const GetOptions& options, Kind kind,
                   const std::string& project) {
  if (options.names.empty()) return session.list(kind, project, options.selector);
  Json items = Json::array();
  for (const auto& name : options.names) {
    const auto key = parseTarget(options.kind, name, session.project());
    if (!key) return std::unexpected(key.error());
    auto object = session.call("GET", pathOf(*key));
    if (!object) return object;
    items.push_back(std::move(*object));
  }
  return Json{{"kind", std::string(model::info(kind).name) + "List"}, {"items", std::move(items)}};
}

std::string keyText(Kind kind, const Json& object) {
  return model::ObjectKey{kind, textAt(object, "metadata.project"), textAt(object, "metadata.name")}
      .text();
}

}  // namespace

Result<int> get(Session& session, GetOptions options) {
  if (options.watch) return watch(session, std::move(options));
  if (const auto slash = options.kind.find('/'); slash != std::string::npos) {
    options.names.insert(options.names.begin(), options.kind.substr(slash + 1));
    options.kind.resize(slash);
  }
  const auto kind = model::parseKind(options.kind);
  if (!kind) return std::unexpected(kind.error());
  if (!options.names.empty() && (!options.selector.empty() || options.allProjects))
    return invalid("a selection and names exclude each other", "NAME");
  const auto project =
      options.allProjects || !model::info(*kind).projectScoped ? std::string() : session.project();
  const auto answer = fetch(session, options, *kind, project);
  if (!answer) return std::unexpected(answer.error());
  const auto& items = answer->at("items");
  if (session.forPrograms()) {
    session.print(options.names.size() == 1 ? items.at(0) : *answer);
    return kGood;
  }
  if (session.output() == Output::kName) {
    for (const auto& item : items) session.out() << keyText(*kind, item) << "\n";
    return kGood;
  }
  if (items.empty()) {
    session.out() << nothing(*kind, project)
                  << (options.selector.empty() ? "" : " with " + options.selector) << "\n";
    return kGood;
  }
  const bool wide = session.output() == Output::kWide;
  const bool severalProjects = options.allProjects || !options.names.empty();
  session.out() << render(objectTable(*kind, items, {wide, severalProjects}),
                          wide ? kNoLimit : kPageWidth);
  return kGood;
}

namespace {

Result<std::vector<model::ObjectKey>> targetsOf(Session& session, const DeleteOptions& options) {
  std::vector<model::ObjectKey> keys;
  if (!options.files.empty()) {
    if (!options.kind.empty()) return invalid("-f and KIND NAME exclude each other", "-f");
    const auto read = readObjects(options.files, session.in(), session.project());
    if (!read) return std::unexpected(read.error());
    for (const auto& one : *read) keys.push_back(one.object.key());
    // What needs others goes first.
    std::stable_sort(keys.begin(), keys.end(), [](const auto& a, const auto& b) {
      return model::needOrder(a.kind) > model::needOrder(b.kind);
    });
    return keys;
  }
  if (options.kind.empty()) return invalid("say what: KIND NAME, or -f FILE");
  if (options.names.empty() && options.kind.find('/') == std::string::npos)
    return invalid(fmt::format("which? Give names after \"{}\"", options.kind), "NAME");
  auto names = options.names;
  if (names.empty()) names.emplace_back();
  for (const auto& name : names) {
    auto key = parseTarget(options.kind, name, session.project());
    if (!key) return std::unexpected(key.error());
    if (key->name.empty()) return invalid("is empty", "NAME");
    keys.push_back(std::move(*key));
  }
  return keys;
}

}  // namespace

Result<int> remove(Session& session, DeleteOptions options) {
  const auto keys = targetsOf(session, options);
  if (!keys) return std::unexpected(keys.error());
  int status = kGood;
  Json told = Json::array();
  for (const auto& key : *keys) {
    const auto done = session.call("DELETE", pathOf(key));
    if (!done && options.ignoreMissing && done.error().code == ErrorCode::kNotFound) continue;
    if (!done && keys->size() == 1) return std::unexpected(done.error());
    if (!done) {
      session.err() << "hawser: " << key.text() << ": " << done.error().text() << "\n";
      status = kBad;
      if (done.error().code == ErrorCode::kUnavailable) break;
      continue;
    }
    told.push_back({{"object", key.text()}, {"result", "deleted"}});
    if (!session.forPrograms())
      session.out() << key.text() << (session.output() == Output::kName ? "\n" : " deleted\n");
  }
  if (session.forPrograms()) session.print({{"results", std::move(told)}});
  return status;
}

Result<int> explain(Session& session, const std::string& kindText) {
  if (kindText.empty()) {
    Table table{{"KIND", "ON THE COMMAND LINE", "SHORT", "IN A PROJECT"}, {}};
    for (const auto& info : model::kinds())
      table.rows.push_back({std::string(info.name), std::string(info.plural),
                            std::string(info.shortName), info.projectScoped ? "yes" : "no"});
    session.out() << render(table);
    return kGood;
  }
  const auto kind = model::parseKind(kindText);
  if (!kind) return std::unexpected(kind.error());
  session.out() << model::explain(*kind);
  return kGood;
}

}  // namespace hawser::cli
