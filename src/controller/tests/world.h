// Objects in memory with the real admission, without a controller around them.
#pragma once

#include <gtest/gtest.h>

#include "admission/admission.h"
#include "hawser/store/store.h"

namespace hawser::controller::test {

inline constexpr const char* kNet =
    "{kind: Network, metadata: {name: a}, spec: {subnets: [{prefix: 10.0.0.0/29}]}}";

using model::Json;
using model::Kind;
using model::Object;

inline Object parsed(const std::string& yaml) {
  const auto documents = model::parseDocuments(yaml);
  EXPECT_TRUE(documents) << documents.error().text();
  auto object = model::parseObject(documents->at(0), "p");
  EXPECT_TRUE(object) << yaml << ": " << object.error().text();
  return object ? std::move(*object) : Object{};
}

class World {
 public:
  explicit World(std::uint32_t asn = 64512)
      : admission({"one", net::Asn(asn), net::IpAddress::parse("10.1.0.10").value()}),
        store(store::openSqlite(":memory:").value()),
        objects(api::Objects::open(*store, admission).value()) {
    add("{kind: Project, metadata: {name: p}}");
    add("{kind: Project, metadata: {name: other}}");
    add("{kind: Host, metadata: {name: node1}, spec: {address: 10.1.0.11}}");
  }

  static api::Caller member() { return {model::Role::kMember, "m", "p", {}}; }
  static api::Caller administrator() { return {model::Role::kAdmin, "admin", {}, {}}; }

  Result<void> apply(const std::vector<std::string>& yaml,
                     const api::Caller& caller = administrator()) {
    std::vector<api::Write> writes;
    for (const auto& text : yaml) writes.push_back({api::Write::Op::kApply, parsed(text)});
    auto done = objects->commit(std::move(writes), caller);
    if (!done) return std::unexpected(done.error());
    return {};
  }
  void add(const std::string& yaml) {
    const auto done = apply({yaml});
    ASSERT_TRUE(done) << yaml << "\n" << done.error().text();
  }
  // The error of one object that must be refused: "field: message"; nothing has changed by it.
  std::string refusal(const std::string& yaml, const api::Caller& caller = administrator()) {
    const auto before = objects->revision();
    const auto done = apply({yaml}, caller);
    EXPECT_FALSE(done) << "not refused: " << yaml;
    EXPECT_EQ(objects->revision(), before);
    return done ? std::string() : done.error().text();
  }
  Result<void> remove(Kind kind, const std::string& project, const std::string& name) {
    std::vector<api::Write> writes(1);
    writes[0].op = api::Write::Op::kDelete;
    writes[0].object.kind = kind;
    writes[0].object.metadata.project = project;
    writes[0].object.metadata.name = name;
    auto done = objects->commit(std::move(writes), administrator());
    if (!done) return std::unexpected(done.error());
    return {};
  }
  [[nodiscard]] Object get(Kind kind, const std::string& project, const std::string& name) {
    const auto found = objects->find({kind, project, name});
    EXPECT_TRUE(found) << name;
    return found ? *found : Object{};
  }
  [[nodiscard]] std::string address(const std::string& port, const std::string& project = "p") {
    return get(Kind::kPort, project, port).status["addresses"][0].get<std::string>();
  }

  Admission admission;
  std::unique_ptr<store::Store> store;
  std::unique_ptr<api::Objects> objects;
};

}  // namespace hawser::controller::test
