// apply, get, delete, explain.
#include <fmt/core.h>

#include <algorithm>
#include <span>

#include "commands.h"
#include "hawser/model/explain.h"
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

// "; 3 in other projects: -A shows all", or nothing.
std::string elsewhere(Session& session, Kind kind, const GetOptions& options) {
  const auto all = session.list(kind, {}, options.selector);
  if (!all || all->at("items").empty()) return {};
  return fmt::format("; {} in other projects: {}", all->at("items").size(), options.howToSeeAll);
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
  if (items.empty() && !project.empty())
    if (const auto known = session.projectExists(project); !known)
      return std::unexpected(known.error());
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
                  << (options.selector.empty() ? "" : " with " + options.selector)
                  << (project.empty() ? "" : elsewhere(session, *kind, options)) << "\n";
    return kGood;
  }
  const bool wide = session.output() == Output::kWide;
  const bool severalProjects = options.allProjects || !options.names.empty();
  session.out() << render(objectTable(*kind, items, {wide, severalProjects}),
                          wide ? kNoLimit : kPageWidth);
  return kGood;
}

namespace {

struct Targets {
  std::vector<model::ObjectKey> keys;  // what needs others goes first
  std::vector<Read> read;              // where they stand, when files name them
};

Result<Targets> targetsOf(Session& session, const DeleteOptions& options) {
  Targets targets;
  if (!options.files.empty()) {
    if (!options.kind.empty()) return invalid("-f and KIND NAME exclude each other", "-f");
    auto read = readObjects(options.files, session.in(), session.project());
    if (!read) return std::unexpected(read.error());
    targets.read = std::move(*read);
    for (const auto& one : targets.read) targets.keys.push_back(one.object.key());
    std::stable_sort(targets.keys.begin(), targets.keys.end(), [](const auto& a, const auto& b) {
      return model::needOrder(a.kind) > model::needOrder(b.kind);
    });
    return targets;
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
    targets.keys.push_back(std::move(*key));
  }
  return targets;
}

// With the line of the file, and the object named once.
Error placedOnce(Error error, const Targets& targets) {
  std::string name;
  for (const auto& key : targets.keys)
    if (error.field == key.text()) name = key.text();
  auto placed = model::placed(std::move(error), targets.read);
  if (name.empty() || placed.message.find(name) == std::string::npos) return placed;
  placed.field.resize(placed.field.size() - name.size());
  if (placed.field.ends_with(": ")) placed.field.resize(placed.field.size() - 2);
  return placed;
}

// As many as a transaction may hold, all or none.
constexpr std::size_t kMostAtOnce = 10000;

Result<Json> removeAtOnce(Session& session, std::span<const model::ObjectKey> keys,
                          bool ignoreMissing) {
  Json body{{"objects", Json::array()}, {"ignoreMissing", ignoreMissing}};
  for (const auto& key : keys) {
    Json metadata{{"name", key.name}};
    if (!key.project.empty()) metadata["project"] = key.project;
    body["objects"].push_back(
        {{"kind", std::string(model::info(key.kind).name)}, {"metadata", std::move(metadata)}});
  }
  auto answer = session.call("POST", "/api/v1/delete", body);
  if (!answer) return answer;
  const auto& results = at(*answer, "results");
  Json told = Json::array();
  for (std::size_t i = 0; i < keys.size() && i < results.size(); ++i)
    told.push_back({{"object", keys[i].text()}, {"result", scalar(results.at(i))}});
  return told;
}

}  // namespace

Result<int> remove(Session& session, DeleteOptions options) {
  const auto targets = targetsOf(session, options);
  if (!targets) return std::unexpected(targets.error());
  const std::span keys(targets->keys);
  Json told = Json::array();
  for (std::size_t start = 0; start < keys.size(); start += kMostAtOnce) {
    const auto part = keys.subspan(start, std::min(kMostAtOnce, keys.size() - start));
    const auto done = removeAtOnce(session, part, options.ignoreMissing);
    if (!done) {
      auto error = placedOnce(done.error(), *targets);
      error.message += start == 0 && keys.size() > 1 ? "; nothing is deleted"
                       : start > 0 ? fmt::format("; {} of {} are deleted", start, keys.size())
                                   : "";
      return std::unexpected(std::move(error));
    }
    for (const auto& line : *done) {
      if (line["result"] != "deleted") continue;
      told.push_back(line);
      if (!session.forPrograms())
        session.out() << scalar(line["object"])
                      << (session.output() == Output::kName ? "\n" : " deleted\n");
    }
    session.out().flush();
  }
  if (session.forPrograms()) session.print({{"results", std::move(told)}});
  return kGood;
}

Result<int> explain(Session& session, const std::string& text) {
  if (text.empty()) {
    Table table{{"KIND", "ON THE COMMAND LINE", "SHORT", "IN A PROJECT"}, {}};
    Json kinds = Json::array();
    for (const auto& info : model::kinds()) {
      table.rows.push_back({std::string(info.name), std::string(info.plural),
                            std::string(info.shortName), info.projectScoped ? "yes" : "no"});
      kinds.push_back({{"kind", info.name},
                       {"plural", info.plural},
                       {"short", info.shortName},
                       {"projectScoped", info.projectScoped}});
    }
    if (session.forPrograms())
      session.print({{"kinds", std::move(kinds)}});
    else
      session.out() << render(table);
    return kGood;
  }
  const auto dot = std::min(text.find('.'), text.size());
  const auto kind = model::parseKind(text.substr(0, dot));
  if (!kind) return std::unexpected(kind.error());
  const auto path = text.substr(std::min(dot + 1, text.size()));
  if (session.forPrograms()) {
    if (!path.empty())
      return invalid("of one field there is text only; leave the field out for the whole schema",
                     "-o");
    session.print(model::openApi()["components"]["schemas"][std::string(model::info(*kind).name)]);
    return kGood;
  }
  const auto told = model::explainField(*kind, path);
  if (!told) return std::unexpected(told.error());
  session.out() << *told;
  return kGood;
}

}  // namespace hawser::cli
