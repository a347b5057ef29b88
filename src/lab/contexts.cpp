#include "contexts.h"

#include <fmt/ranges.h>

#include <cstdlib>
#include <filesystem>
#include <set>
#include <sstream>

#include "hawser/base/file.h"

namespace hawser::lab {

namespace fs = std::filesystem;

namespace {

std::string noteFile(const std::string& run) { return run + "/installed"; }

fs::path configFile() {
  const char* given = std::getenv("HAWSER_CONFIG");
  if (given != nullptr && *given != 0) return fs::absolute(given);
  const char* home = std::getenv("HOME");
  return fs::path(home == nullptr ? "/root" : home) / ".config/hawser/config.yaml";
}

Result<Json> readConfig(const fs::path& file) {
  std::error_code error;
  if (!fs::exists(file, error)) return Json::object();
  const auto text = readFile(file);
  if (!text) return std::unexpected(text.error());
  const auto documents = model::parseDocuments(*text);
  if (!documents) return invalid(documents.error().text(), file.string());
  if (documents->size() == 1 && (*documents)[0].is_object()) return (*documents)[0];
  return documents->empty() ? Result<Json>(Json::object())
                            : invalid("is not one document with fields", file.string());
}

bool pointsInto(const Json& context, const std::string& run) {
  if (!context.is_object()) return false;
  for (const char* member : {"ca", "tokenFile"})
    if (const auto found = context.find(member); found != context.end() && found->is_string() &&
                                                 found->get<std::string>().starts_with(run + "/"))
      return true;
  return false;
}

// Empty: there was nothing of the lab.
Result<std::string> removeFrom(const fs::path& file, const std::string& run) {
  auto config = readConfig(file);
  if (!config) return std::unexpected(config.error());
  const auto found = config->find("contexts");
  if (found == config->end() || !found->is_object()) return std::string();
  std::vector<std::string> names;
  for (const auto& [name, context] : found->items())
    if (pointsInto(context, run)) names.push_back(name);
  if (names.empty()) return std::string();
  bool current = false;
  for (const auto& name : names) {
    found->erase(name);
    current = current || config->value("current", Json()) == name;
  }
  const bool nothing = found->empty();
  if (current) config->erase("current");
  std::error_code error;
  if (nothing)
    fs::remove(file, error);
  else if (auto written = writeFile(file, model::toYaml(*config), {.durable = false}); !written)
    return std::unexpected(written.error());
  return fmt::format("context{} {} removed from {}{}", names.size() == 1 ? "" : "s",
                     fmt::join(names, ", "), file.string(),
                     !current  ? ""
                     : nothing ? "; there is none any more"
                               : "; there is no current context now, see `hawser context use`");
}

}  // namespace

Result<std::string> installContexts(const Lab& lab) {
  const auto file = configFile();
  auto config = readConfig(file);
  if (!config) return std::unexpected(config.error());
  for (const auto& site : lab.topology().sites) {
    const auto name = lab.topology().name + "-" + site.name;
    (*config)["contexts"][name] = {
        {"server", lab.siteUrl(site)},
        {"ca", lab.paths().caFile(site)},
        {"tokenFile", lab.paths().data(site.controller.name) + "/admin.token"},
        {"project", "default"}};
    if (config->value("current", Json("")) == "") (*config)["current"] = name;
  }
  const auto note = noteFile(lab.paths().run);
  const auto before = readFile(note).value_or("");
  if (auto noted = writeFile(note, before + file.string() + "\n", {.durable = false}); !noted)
    return std::unexpected(noted.error());
  std::error_code error;
  fs::create_directories(file.parent_path(), error);
  if (auto written = writeFile(file, model::toYaml(*config), {.durable = false}); !written)
    return std::unexpected(written.error());
  return file.string();
}

std::vector<std::string> removeContexts(const std::string& run) {
  std::set<fs::path> files{configFile()};
  std::istringstream noted(readFile(noteFile(run)).value_or(""));
  for (std::string line; std::getline(noted, line);) files.insert(line);
  std::vector<std::string> out;
  for (const auto& file : files) {
    if (file.string().starts_with(run + "/")) continue;  // goes with the lab
    const auto done = removeFrom(file, run);
    if (!done)
      out.push_back(fmt::format("the lab's contexts may be left: {}", done.error().text()));
    else if (!done->empty())
      out.push_back(*done);
  }
  return out;
}

}  // namespace hawser::lab
