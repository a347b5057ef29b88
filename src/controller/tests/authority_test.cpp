// What nobody may have by a name, and what nobody would have of it.
#include <gmock/gmock.h>

#include "world.h"

namespace hawser::controller::test {
namespace {

using ::testing::StartsWith;

TEST(Admission, WhatWouldDoNothingIsRefused) {
  World world;
  ASSERT_TRUE(world.apply({"{kind: Site, metadata: {name: one}, spec: {asn: 64512}}"},
                          api::Caller::system()));
  EXPECT_THAT(
      world.refusal("{kind: Site, metadata: {name: one}, spec: {asn: 64512, encapsulations: "
                    "[VXLAN]}}"),
      StartsWith("spec.encapsulations: must hold MPLSoUDP or MPLSoGRE: VXLAN is for L2, which "
                 "hosts do not carry yet"));
  EXPECT_THAT(world.refusal("{kind: Site, metadata: {name: one}, spec: {asn: 64512, "
                            "encapsulations: []}}"),
              StartsWith("spec.encapsulations: must hold"));
  world.add(
      "{kind: Site, metadata: {name: one}, spec: {asn: 64512, encapsulations: [VXLAN, "
      "MPLSoGRE]}}");
  EXPECT_EQ(world.refusal("{kind: Peer, metadata: {name: gw}, spec: {role: gateway, address: "
                          "10.1.0.1, asn: 64513, families: [vpnv4, vpnv6]}}"),
            "spec.families[1]: vpnv6 is IPv6, which hosts do not carry yet");
}

TEST(Admission, TheSystemIsNoName) {
  World world;
  const api::Caller named{model::Role::kAdmin, "system", {}, {}};
  EXPECT_EQ(world.refusal("{kind: Identity, metadata: {name: i1}, spec: {number: 1, labels: {a: "
                          "b}}}",
                          named),
            "kind: identities are made by the API");
  EXPECT_THAT(world.refusal("{kind: Site, metadata: {name: two}, spec: {asn: 64512}}", named),
              StartsWith("kind: there is one Site"));
  EXPECT_EQ(
      world.refusal("{kind: Token, metadata: {name: y}, spec: {role: admin, project: p, hash: " +
                    std::string(64, 'b') + "}}"),
      "spec.project: only a token of role member is of a project");
  EXPECT_THAT(world.refusal("{kind: Token, metadata: {name: system}, spec: {role: admin, hash: " +
                            std::string(64, 'a') + "}}"),
              StartsWith("metadata.name: is what the controller calls itself"));
  ASSERT_TRUE(
      world.apply({"{kind: Identity, metadata: {name: i1}, spec: {number: 1, labels: {a: b}}}"},
                  api::Caller::system()));
  std::vector<api::Write> writes(1);
  writes[0].op = api::Write::Op::kDelete;
  writes[0].object.kind = Kind::kIdentity;
  writes[0].object.metadata.name = "i1";
  EXPECT_FALSE(world.objects->commit(writes, named));
  EXPECT_TRUE(world.objects->commit(writes, api::Caller::system()));
}

}  // namespace
}  // namespace hawser::controller::test
