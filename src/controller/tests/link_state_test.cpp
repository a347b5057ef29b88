// The protocol between sites as a pure function: every phase, and what a dishonest side may try.
#include "federation/link_state.h"

#include <gmock/gmock.h>

#include "hawser/api/connections.h"
#include "world.h"

namespace hawser::controller::test {
namespace {

using ::testing::HasSubstr;

net::RouteTarget rt(const std::string& text) { return net::RouteTarget::parse(text).value(); }
net::IpPrefix prefix(const std::string& text) { return net::IpPrefix::parse(text).value(); }

class LinkState : public ::testing::Test {
 protected:
  LinkState() {
    world.add("{kind: Network, metadata: {name: a}, spec: {subnets: [{prefix: 10.0.0.0/24}]}}");
    world.add(
        "{kind: Peer, metadata: {name: k}, spec: {role: site, site: two, asn: 64513, address: "
        "10.2.0.10, api: {url: \"https://x\", fingerprint: \"sha256:" +
        std::string(64, 'a') + "\"}}}");
    theirs.site = "two";
    theirs.asn = net::Asn(64513);
    theirs.revision = 1;
  }
  [[nodiscard]] OwnSide own() const {
    return {"one", net::Asn(64512), world.objects->revision(), refused, {}};
  }
  void propose() {
    world.add("{kind: Link, metadata: {name: l}, spec: {peer: k, network: a, remoteNetwork: q/b}}");
  }
  LinkPlan turn() {
    auto made = plan(world.objects->all(), "k", own(), theirs);
    for (auto& transaction : made.transactions) {
      auto done = world.objects->commit(transaction.writes, api::Caller::system());
      EXPECT_TRUE(done) << done.error().text();
    }
    return made;
  }
  [[nodiscard]] Object link(const std::string& name = "l") {
    return world.get(Kind::kLink, "p", name);
  }
  [[nodiscard]] std::string phase() { return link().status.value("phase", ""); }
  LinkOffer answer(bool accepted) {
    return {rt("64512:9000001"), {prefix("10.10.0.0/16")}, accepted, false, accepted ? 5U : 0U};
  }

  const LinkPair pair{{"p", "a"}, {"q", "b"}};
  World world;
  RemoteState theirs;
  std::map<LinkPair, std::uint64_t> refused;
};

TEST_F(LinkState, TheProposersLife) {
  propose();
  turn();
  EXPECT_EQ(phase(), "proposed");
  EXPECT_THAT(link().status["message"].get<std::string>(), HasSubstr("has not seen it yet"));
  EXPECT_EQ(link().status["answer"], "none");
  theirs.links[pair] = answer(false);
  turn();
  EXPECT_EQ(phase(), "proposed");
  EXPECT_THAT(link().status["message"].get<std::string>(), HasSubstr("has not accepted it yet"));
  EXPECT_EQ(link().status["answer"], "waits");
  theirs.links[pair] = answer(true);
  turn();
  EXPECT_EQ(phase(), "established");
  EXPECT_EQ(link().spec["remotePrefixes"], Json({"10.10.0.0/16"}));
  EXPECT_TRUE(turn().transactions.empty()) << "the same again changes nothing";
  theirs.links.clear();  // their store was set back: nothing is in force that only we know of
  turn();
  EXPECT_EQ(phase(), "proposed");
}

TEST_F(LinkState, WhatTheyCannotTakeIsNotEstablished) {
  propose();
  theirs.links[pair] = answer(true);
  theirs.problems[pair] = "spec.remotePrefixes: links/q/l brings what overlaps";
  turn();
  EXPECT_EQ(phase(), "proposed");
  EXPECT_EQ(link().status["answer"], "refused");
  EXPECT_EQ(link().status["message"],
            "site two: spec.remotePrefixes: links/q/l brings what overlaps");
  theirs.problems.clear();
  turn();
  EXPECT_EQ(phase(), "established");
  // Ours are told likewise, also of a Link that is here.
  auto me = own();
  me.problems[pair] = "why";
  EXPECT_EQ(stateFor(world.objects->all(), "k", me).problems.at(pair), "why");
}

TEST_F(LinkState, MoreThanWasAgreedIsSaidAndNotTaken) {
  propose();
  theirs.links[pair] = answer(true);
  turn();
  theirs.links[pair].prefixes.push_back(prefix("0.0.0.0/0"));
  turn();
  EXPECT_EQ(phase(), "established");
  EXPECT_EQ(link().spec["remotePrefixes"], Json({"10.10.0.0/16"}));
  EXPECT_THAT(link().status["message"].get<std::string>(), HasSubstr("they offer 0.0.0.0/0 too"));
}

TEST_F(LinkState, ARefusalMeetsTheOfferItNamesAndNoLaterOne) {
  propose();
  const auto offer = link().status["offer"].get<std::uint64_t>();
  theirs.refused[pair] = offer - 1;
  turn();
  EXPECT_EQ(phase(), "proposed");
  theirs.refused[pair] = offer;
  turn();
  EXPECT_EQ(phase(), "withdrawn");
  EXPECT_EQ(link().spec["accepted"], false);
  EXPECT_TRUE(stateFor(world.objects->all(), "k", own()).links.empty());
}

TEST_F(LinkState, TheirProposalWaitsForUs) {
  theirs.links[pair] = {rt("64513:9000001"), {prefix("10.10.0.0/16")}, true, true, 7};
  turn();
  const auto made = link("two-b-a");
  EXPECT_EQ(made.status["phase"], "pending");
  EXPECT_EQ(made.spec["accepted"], false);
  turn();
  const auto pending = stateFor(world.objects->all(), "k", own());
  EXPECT_FALSE(pending.links.at(pair).accepted);
  auto agreed = made;
  agreed.spec["accepted"] = true;
  agreed.metadata.resourceVersion = 0;
  ASSERT_TRUE(world.objects->commit({{api::Write::Op::kUpdate, agreed}}, World::administrator()));
  turn();
  EXPECT_EQ(link("two-b-a").status["phase"], "established");
  // Another target of an agreed Link is another question.
  theirs.links[pair].target = rt("64513:9000002");
  turn();
  EXPECT_EQ(link("two-b-a").status["phase"], "pending");
  EXPECT_EQ(link("two-b-a").spec["accepted"], false);
  theirs.links.clear();
  turn();
  EXPECT_EQ(link("two-b-a").status["phase"], "withdrawn");
}

TEST_F(LinkState, ATargetOfOursIsNotTheirsToOffer) {
  theirs.links[pair] = {rt("64512:8000001"), {prefix("10.10.0.0/16")}, true, true, 7};
  const auto made = turn();
  EXPECT_TRUE(made.transactions.empty());
  EXPECT_THAT(made.problems.at(pair), HasSubstr("64512:8000001 is not of AS 64513"));
}

TEST_F(LinkState, WhatWeRefusedComesBackOnlyAsANewOffer) {
  refused[pair] = 7;
  theirs.links[pair] = {rt("64513:9000001"), {}, true, true, 7};
  EXPECT_TRUE(turn().transactions.empty());
  EXPECT_EQ(stateFor(world.objects->all(), "k", own()).refused.at(pair), 7U);
  theirs.links[pair].number = 8;
  const auto made = turn();
  EXPECT_EQ(made.transactions.size(), 1U);
  EXPECT_TRUE(made.forget.contains(pair));
}

TEST_F(LinkState, BothProposeAndTheLowerNumberDecides) {
  propose();
  theirs.links[pair] = {rt("64513:9000009"), {prefix("10.10.0.0/16")}, true, true, 7};
  turn();
  EXPECT_EQ(link().spec["routeTarget"], "64512:9000001") << "ours: 64512 is lower";
  EXPECT_EQ(phase(), "proposed") << "until they have taken our target";
  theirs.links[pair].target = rt("64512:9000001");
  turn();
  EXPECT_EQ(phase(), "established");
}

TEST_F(LinkState, TheStateComesRoundTheWire) {
  propose();
  world.add("{kind: Port, metadata: {name: x}, spec: {network: a}}");
  auto state = stateFor(world.objects->all(), "k", own());
  state.refused[{{"p", "x"}, {"q", "y"}}] = 3;
  state.problems[{{"p", "x"}, {"q", "y"}}] = "why";
  state.identities[4] = {{"network", "p/a"}};
  const auto back = parseState(toJson(state));
  ASSERT_TRUE(back) << back.error().text();
  const LinkPair turned{{"q", "b"}, {"p", "a"}};
  ASSERT_TRUE(back->links.contains(turned));
  EXPECT_EQ(back->links.at(turned), state.links.at(pair));
  EXPECT_EQ(back->refused.at({{"q", "y"}, {"p", "x"}}), 3U);
  EXPECT_EQ(back->problems.size(), 1U);
  EXPECT_EQ(back->identities, state.identities);
}

TEST_F(LinkState, WhatOneExchangeCarriesHasABound) {
  propose();
  auto state = stateFor(world.objects->all(), "k", own());
  EXPECT_EQ(cutToFit(state), 0U);
  const auto small = state;
  for (std::uint32_t number = 1; number <= kMaxIdentities + 7; ++number)
    state.identities[number] = {};
  EXPECT_EQ(cutToFit(state), 7U);
  EXPECT_TRUE(state.identities.contains(1)) << "the oldest stay, so that nobody's comes and goes";
  EXPECT_TRUE(parseState(toJson(state)));
  // Long labels meet the bound of a body first; Links and refusals get through.
  for (auto& [number, labels] : state.identities)
    labels = {{"network", "default/" + std::string(60, 'n')},
              {"project", "default"},
              {"securityGroups", std::string(200, 'g')}};
  for (std::uint64_t i = 0; i < kMaxLinks + 5; ++i)
    state.refused[{{"p", "gone-" + std::to_string(i)}, {"q", "b"}}] = i;
  const auto all = state.identities.size();
  const auto left = cutToFit(state);
  EXPECT_GT(left, 0U);
  EXPECT_EQ(left + state.identities.size(), all);
  EXPECT_GT(state.identities.size(), 10000U);
  const auto text = toJson(state).dump();
  EXPECT_LT(text.size(), api::ConnectionLimits{}.body);
  const auto arrived = parseState(Json::parse(text));
  ASSERT_TRUE(arrived) << arrived.error().text();
  EXPECT_EQ(arrived->links.size(), 1U);
  EXPECT_EQ(arrived->refused.size(), kMaxLinks);
}

// What is left out would count as withdrawn, so there are no more Links than can be told.
TEST_F(LinkState, APeerHasNoMoreLinksThanCanBeTold) {
  std::vector<api::Write> writes;
  for (std::size_t i = 0; i < kMaxLinks; ++i)
    writes.push_back(
        {api::Write::Op::kCreate,
         parsed("{kind: Link, metadata: {name: l" + std::to_string(i) +
                "}, spec: {peer: k, network: a, remoteNetwork: q/b" + std::to_string(i) + "}}")});
  const auto done = world.objects->commit(std::move(writes), World::administrator());
  ASSERT_TRUE(done) << done.error().text();
  EXPECT_EQ(world.refusal("{kind: Link, metadata: {name: more}, spec: {peer: k, network: a, "
                          "remoteNetwork: q/more}}"),
            "spec.peer: peer \"k\" has 10000 Links, as many as two sites can tell each other of");
  ASSERT_TRUE(world.remove(Kind::kLink, "p", "l7"));
  world.add(
      "{kind: Link, metadata: {name: more}, spec: {peer: k, network: a, remoteNetwork: "
      "q/more}}");
}

TEST_F(LinkState, NonsenseIsRefusedWithoutHarm) {
  const auto good = toJson(theirs);
  for (const auto& [field, value] :
       std::map<std::string, Json>{{"links", 7},
                                   {"links", {1}},
                                   {"site", nullptr},
                                   {"asn", "x"},
                                   {"refused", {{{"network", "a/b"}}}},
                                   {"identities", {{{"number", -1}}}}}) {
    auto bad = good;
    bad[field] = value;
    EXPECT_FALSE(parseState(bad)) << field << " " << value.dump();
  }
  auto prefixless = good;
  prefixless["links"] = {{{"network", "q/b"},
                          {"remoteNetwork", "p/a"},
                          {"routeTarget", "nonsense"},
                          {"prefixes", Json::array()},
                          {"accepted", true},
                          {"proposed", true},
                          {"offer", 1}}};
  EXPECT_EQ(parseState(prefixless).error().field, "links[0].routeTarget");
  EXPECT_FALSE(parseState(Json()));
}

}  // namespace
}  // namespace hawser::controller::test
