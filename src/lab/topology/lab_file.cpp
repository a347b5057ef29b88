// Reading the file: `extends`, the place of a mistake, and the files that it names.
#include <fmt/core.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

#include "hawser/base/file.h"
#include "topology/images.h"
#include "topology/topology.h"

namespace hawser::lab {

namespace fs = std::filesystem;

namespace {

constexpr int kMaxExtends = 8;

bool named(const Json& list) {
  return list.is_array() && !list.empty() &&
         std::all_of(list.begin(), list.end(),
                     [](const Json& item) { return item.is_object() && item.contains("name"); });
}

struct Document {
  std::string text;
  Json json;
};

Result<Document> readDocument(const fs::path& file) {
  auto text = readFile(file);
  if (!text) return std::unexpected(text.error());
  auto documents = model::parseDocuments(*text);
  if (!documents) {
    auto error = documents.error();
    error.field = error.field.empty() ? file.string() : file.string() + ": " + error.field;
    return std::unexpected(std::move(error));
  }
  if (documents->size() != 1 || !(*documents)[0].is_object())
    return invalid("is not one document with fields", file.string());
  return Document{std::move(*text), std::move((*documents)[0])};
}

// The file with what it extends laid under it. Paths in the lower file are relative to that file,
// so both stand in one folder.
Result<Json> resolve(const fs::path& file, Document top, int depth) {
  const auto found = top.json.find("extends");
  if (found == top.json.end()) return std::move(top.json);
  const auto place =
      fmt::format("{}:{}: extends", file.string(), model::lineOf(top.text, "extends"));
  if (!found->is_string()) return invalid("is not text", place);
  const fs::path lower = found->get<std::string>();
  if (lower.has_parent_path()) return invalid("must be a file in the same folder", place);
  if (depth >= kMaxExtends) return invalid("the files extend each other in a circle", place);
  auto document = readDocument(file.parent_path() / lower);
  if (!document) return std::unexpected(document.error());
  auto base = resolve(file.parent_path() / lower, std::move(*document), depth + 1);
  if (!base) return base;
  top.json.erase("extends");
  return overlay(std::move(*base), top.json);
}

Result<void> mustExist(const std::string& path, const std::string& field, bool folder) {
  std::error_code ignored;
  if (folder ? fs::is_directory(path, ignored) : fs::is_regular_file(path, ignored)) return {};
  return invalid(fmt::format("there is no {} {}", folder ? "folder" : "file", path), field);
}

Result<void> checkFiles(const Topology& topology) {
  for (std::size_t i = 0; i < topology.sites.size(); ++i) {
    const auto& site = topology.sites[i];
    for (std::size_t f = 0; f < site.objects.size(); ++f)
      if (auto good = mustExist(site.objects[f], fmt::format("sites[{}].objects[{}]", i, f), false);
          !good)
        return good;
    if (!site.kube) continue;
    for (std::size_t f = 0; f < site.kube->manifests.size(); ++f)
      if (auto good = mustExist(site.kube->manifests[f],
                                fmt::format("sites[{}].kube.manifests[{}]", i, f), true);
          !good)
        return good;
    if (auto images = readImages(site.kube->images); !images)
      return invalid(images.error().text(), fmt::format("sites[{}].kube.images", i));
  }
  for (std::size_t i = 0; i < topology.workloads.size(); ++i) {
    const auto& workload = topology.workloads[i];
    if (workload.image.empty()) continue;
    const auto images = readImages(workload.images);
    if (!images) return invalid(images.error().text(), fmt::format("workloads[{}].images", i));
    if (images->contains(workload.image)) continue;
    std::vector<std::string> names;
    for (const auto& [name, image] : *images) names.push_back(name);
    const auto near = model::nearest(workload.image, names);
    return invalid(fmt::format("no image \"{}\" in {}{}", workload.image, workload.images,
                               near.empty() ? "" : fmt::format("; is it \"{}\"?", near)),
                   fmt::format("workloads[{}].image", i));
  }
  return {};
}

}  // namespace

Json overlay(Json base, const Json& over) {
  if (base.is_object() && over.is_object()) {
    for (const auto& [key, value] : over.items())
      base[key] = base.contains(key) ? overlay(base[key], value) : value;
    return base;
  }
  if (!named(base) || !named(over)) return over;
  for (const auto& item : over) {
    const auto found = std::find_if(base.begin(), base.end(), [&](const Json& candidate) {
      return candidate["name"] == item["name"];
    });
    if (found == base.end())
      base.push_back(item);
    else
      *found = overlay(*found, item);
  }
  return base;
}

Error LabFile::placed(Error error) const {
  const int line = text.empty() ? 0 : model::lineOf(text, error.field);
  const auto where = line > 0 ? fmt::format("{}:{}", path, line) : path;
  error.field = error.field.empty() ? where : where + ": " + error.field;
  return error;
}

Result<LabFile> readLabFile(const fs::path& file) {
  if (std::error_code ignored; fs::is_directory(file, ignored))
    return invalid("is a folder; the lab file in it is wanted", file.string());
  auto document = readDocument(file);
  if (!document) return std::unexpected(document.error());
  // With `extends`, numbers of list items are those of the merged lists: no line is told then.
  LabFile out{{},
              {},
              fs::absolute(file).parent_path(),
              file.string(),
              document->json.contains("extends") ? std::string() : document->text};
  auto json = resolve(file, std::move(*document), 0);
  if (!json) return std::unexpected(json.error());
  out.json = std::move(*json);
  auto topology = parseTopology(out.json, out.folder);
  if (!topology) return std::unexpected(out.placed(topology.error()));
  out.topology = std::move(*topology);
  if (auto good = checkTopology(out.topology); !good)
    return std::unexpected(out.placed(good.error()));
  if (auto good = checkFiles(out.topology); !good) return std::unexpected(out.placed(good.error()));
  return out;
}

}  // namespace hawser::lab
