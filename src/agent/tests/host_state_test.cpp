#include "host_state.h"

#include <sys/stat.h>

#include <fstream>

#include "fixture.h"
#include "hawser/base/file.h"

namespace hawser::agent::test {
namespace {

TEST(HostState, NumbersStayOverARestart) {
  TempFolder folder;
  std::uint32_t id = 0, labelValue = 0;
  std::uint16_t rd = 0;
  {
    auto state = HostState::load(folder.path()).value();
    EXPECT_FALSE(state.restored());
    id = state.numbers("u1", "p/one").id.value();
    labelValue = state.numbers("u1", "p/one").label.value();
    rd = state.rdNumber("u1", net::VrfId(3));
    EXPECT_NE(rd, state.rdNumber("u1", net::VrfId(4)));
    EXPECT_NE(id, state.numbers("u2", "p/two").id.value());
    state.addPlug(podPlug("one", "hwa"));
    ASSERT_TRUE(state.save());
  }
  auto state = HostState::load(folder.path()).value();
  EXPECT_TRUE(state.restored());
  ASSERT_NE(state.find("u1"), nullptr);
  EXPECT_EQ(state.find("u1")->id.value(), id);
  EXPECT_EQ(state.find("u1")->label.value(), labelValue);
  EXPECT_EQ(state.find("u1")->name, "p/one");
  EXPECT_EQ(state.rdNumber("u1", net::VrfId(3)), rd);
  ASSERT_EQ(state.plugs().size(), 1U);
  EXPECT_EQ(state.plugs()[0], podPlug("one", "hwa"));
}

TEST(HostState, ALabelIsNotHandedOutAgainSoon) {
  TempFolder folder;
  auto state = HostState::load(folder.path()).value();
  const auto first = state.numbers("u1", "p/one").label;
  const auto rd = state.rdNumber("u1", net::VrfId(3));
  state.forget("u1");
  for (int i = 0; i < 1000; ++i) {
    const auto uid = "other" + std::to_string(i);
    EXPECT_NE(state.numbers(uid, uid).label, first);
    EXPECT_NE(state.rdNumber(uid, net::VrfId(3)), rd);
    state.forget(uid);
  }
  // Nor after a restart.
  ASSERT_TRUE(state.save());
  auto later = HostState::load(folder.path()).value();
  EXPECT_NE(later.numbers("new", "p/new").label, first);
}

TEST(HostState, NumbersOfARunBeforeAreTaken) {
  TempFolder folder;
  auto state = HostState::load(folder.path()).value();
  (void)state.numbers("u1", "p/one");
  (void)state.rdNumber("u1", net::VrfId(3));
  ASSERT_TRUE(state.save());
  // Somebody set the counters back.
  const auto file = folder.path() / "state.json";
  auto json = Json::parse(std::ifstream(file));
  json["nextId"] = json["nextRd"] = 1;
  json["nextLabel"] = 1000;
  std::ofstream(file) << json.dump();
  auto later = HostState::load(folder.path()).value();
  EXPECT_NE(later.numbers("u2", "p/two").id, later.find("u1")->id);
  EXPECT_NE(later.find("u2")->label, later.find("u1")->label);
  EXPECT_NE(later.rdNumber("u2", net::VrfId(3)), later.rdNumber("u1", net::VrfId(3)));
}

TEST(HostState, ALabelIsOneThatRoutersLeaveFree) {
  TempFolder folder;
  auto state = HostState::load(folder.path()).value();
  EXPECT_GE(state.numbers("u1", "p/one").label.value(), 1000U);
}

TEST(HostState, NumbersWrapAroundAndSkipThoseInUse) {
  TempFolder folder;
  ASSERT_TRUE(writeFile(folder.path() / "state.json",
                        R"({"nextId":2147483647,"nextLabel":1048575,"nextRd":65535,"plugs":[],
    "ports":{"u0":{"id":1,"label":1000,"name":"p/zero","rds":[[3,1]]}}})"));
  auto state = HostState::load(folder.path()).value();
  EXPECT_EQ(state.numbers("u1", "p/one").label.value(), 1048575U);
  EXPECT_EQ(state.numbers("u1", "p/one").id.value(), 2147483647U);
  EXPECT_EQ(state.rdNumber("u1", net::VrfId(3)), 65535);
  EXPECT_EQ(state.numbers("u2", "p/two").label.value(), 1001U);
  EXPECT_EQ(state.numbers("u2", "p/two").id.value(), 2U);
  EXPECT_EQ(state.rdNumber("u2", net::VrfId(3)), 2);
}

TEST(HostState, BrokenFileIsSetAside) {
  for (const std::string text : {"", "{", "[]", R"({"nextId":1})",
                                 R"({"nextId":1,"nextLabel":1,"nextRd":1,"plugs":[],
        "ports":{"u":{"id":1,"label":99999999,"name":"x","rds":[]}}})"}) {
    TempFolder folder;
    ASSERT_TRUE(writeFile(folder.path() / "state.json", text));
    const auto state = HostState::load(folder.path());
    ASSERT_TRUE(state) << text;
    EXPECT_FALSE(state->restored()) << text;
    EXPECT_TRUE(std::filesystem::exists(folder.path() / "state.json.bad")) << text;
  }
}

TEST(HostState, FileIsForItsOwnerOnly) {
  TempFolder folder;
  auto state = HostState::load(folder.path()).value();
  (void)state.numbers("u1", "p/one");
  ASSERT_TRUE(state.save());
  struct stat info{};
  ASSERT_EQ(::stat((folder.path() / "state.json").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
}

TEST(HostState, SaysWhenItCannotBeKept) {
  TempFolder folder;
  auto state = HostState::load(folder.path()).value();
  (void)state.numbers("u1", "p/one");
  std::filesystem::remove_all(folder.path());
  EXPECT_FALSE(state.save());
  std::filesystem::create_directories(folder.path());
  EXPECT_TRUE(state.save());  // what failed is still to be written
  EXPECT_NE(HostState::load(folder.path()).value().find("u1"), nullptr);
}

TEST(HostState, APlugReplacesOneOfItsDevice) {
  TempFolder folder;
  auto state = HostState::load(folder.path()).value();
  state.addPlug(podPlug("one", "hwa"));
  state.addPlug(podPlug("two", "hwb"));
  state.addPlug(podPlug("three", "hwa"));
  ASSERT_EQ(state.plugs().size(), 2U);
  EXPECT_EQ(state.plugs()[1].workload->name, "three");
  EXPECT_TRUE(state.removePlug("hwb"));
  EXPECT_FALSE(state.removePlug("hwb"));
}

TEST(HostState, SliceIsKept) {
  TempFolder folder;
  const auto state = HostState::load(folder.path()).value();
  EXPECT_FALSE(state.loadSlice());
  ASSERT_TRUE(state.saveSlice(slice()));
  ASSERT_TRUE(state.loadSlice());
  EXPECT_EQ(*state.loadSlice(), slice());
  std::ofstream(folder.path() / "slice.json") << "{\"host\":";
  EXPECT_FALSE(state.loadSlice());
}

}  // namespace
}  // namespace hawser::agent::test
