// When a site is compiled again, and what becomes of ports that cannot be numbered.
#include "compile_loop.h"

#include "world.h"

namespace hawser::controller::test {
namespace {

using namespace std::chrono_literals;

// A store that may be full.
class FailingStore final : public store::Store {
 public:
  explicit FailingStore(std::unique_ptr<store::Store> inner) : inner_(std::move(inner)) {}
  [[nodiscard]] store::Revision revision() const override { return inner_->revision(); }
  [[nodiscard]] Result<std::optional<store::Entry>> get(std::string_view key) const override {
    return inner_->get(key);
  }
  [[nodiscard]] Result<store::Listing> list(std::string_view prefix) const override {
    return inner_->list(prefix);
  }
  [[nodiscard]] Result<store::Revision> commit(const store::Transaction& transaction) override {
    for (const auto& operation : transaction.operations)
      if (full && operation.key.find("/identities/") != std::string::npos) {
        ++refused;
        return fail(ErrorCode::kInternal, "database or disk is full");
      }
    return inner_->commit(transaction);
  }
  [[nodiscard]] Result<std::unique_ptr<store::Watch>> watch(
      std::string_view prefix, store::Revision after,
      std::function<void(const store::Batch&)> callback) override {
    return inner_->watch(prefix, after, std::move(callback));
  }
  bool full = false;
  int refused = 0;

 private:
  std::unique_ptr<store::Store> inner_;
};

class CompileLoopTest : public ::testing::Test {
 protected:
  CompileLoopTest() {
    add("{kind: Site, metadata: {name: one}, spec: {asn: 64512}}");
    add("{kind: Project, metadata: {name: p}}");
    add("{kind: Host, metadata: {name: node1}, spec: {address: 10.1.0.11}}");
    add("{kind: Network, metadata: {name: n}, spec: {subnets: [{prefix: 10.0.0.0/24}]}}");
    compile.run();
    compile.onCompiled([this](const std::set<std::string>& hosts) { changed = hosts; });
  }
  void add(const std::string& yaml) { write({api::Write::Op::kApply, parsed(yaml)}); }
  void status(const std::string& yaml, const Json& status) {
    auto object = parsed(yaml);
    object.status = status;
    write({api::Write::Op::kStatus, std::move(object)});
  }
  void write(api::Write write) {
    std::vector<api::Write> writes;
    writes.push_back(std::move(write));
    const auto done = objects->commit(std::move(writes), api::Caller::system());
    ASSERT_TRUE(done) << done.error().text();
  }
  std::uint64_t runs() {
    bool done = false;
    loop.post([&done] { done = true; });  // behind what was posted before
    while (!done) loop.runFor(20ms);
    return metrics.counter("controller.compilation.run").value();
  }
  [[nodiscard]] const std::vector<model::SlicePort>& ports() const {
    return compile.current().slices.at("node1").ports;
  }

  Admission admission{{"one", net::Asn(64512), net::IpAddress::parse("10.1.0.10").value()}};
  FailingStore store{store::openSqlite(":memory:").value()};
  std::unique_ptr<api::Objects> objects = api::Objects::open(store, admission).value();
  io::Loop loop;
  Metrics metrics;
  CompileLoop compile{loop, *objects, metrics, {.retry = 5ms, .idle = 5ms}};
  std::set<std::string> changed;
};

constexpr const char* kPort = "{kind: Port, metadata: {name: a}, spec: {network: n, host: node1}}";

TEST_F(CompileLoopTest, APortWithoutAnIdentityWaitsUntilOneCanBeStored) {
  store.full = true;
  add(kPort);
  (void)runs();
  EXPECT_EQ(store.refused, 1);
  EXPECT_TRUE(ports().empty()) << "no identity, no workload";
  EXPECT_TRUE(changed.empty());
  while (store.refused < 3) loop.runFor(20ms);  // nobody changes anything; it is tried again
  EXPECT_TRUE(ports().empty());
  store.full = false;
  while (ports().empty()) loop.runFor(20ms);
  EXPECT_EQ(ports()[0].identity, (net::Identity{64512, 1}));
  EXPECT_EQ(changed, std::set<std::string>{"node1"});
  const auto now = runs();
  loop.runFor(20ms);
  EXPECT_EQ(runs(), now) << "and that was the last time";
  EXPECT_EQ(metrics.counter("controller.identity.fail").value(),
            static_cast<std::uint64_t>(store.refused));
}

TEST_F(CompileLoopTest, IdentitiesGoWhenNobodyHasThemAndTheirNumbersDoNotComeBack) {
  const auto group = [&](const std::string& name) {
    add("{kind: SecurityGroup, metadata: {name: " + name + "}, spec: {}}");
    add("{kind: Port, metadata: {name: a}, spec: {network: n, host: node1, securityGroups: [" +
        name + "]}}");
    (void)runs();
    return ports().at(0).identity.number;
  };
  const auto kept = [&] {
    std::set<std::string> names;
    for (const auto& [key, identity] : model::ofKind(objects->all(), Kind::kIdentity))
      names.insert(key.name);
    return names;
  };
  const auto nothingMuch = [&] {  // a compilation, some time later
    loop.runFor(10ms);
    compile.run();
  };
  EXPECT_EQ(group("g"), 1U);
  EXPECT_EQ(group("h"), 2U);
  EXPECT_EQ(kept(), (std::set<std::string>{"i1", "i2"})) << "not at once";
  nothingMuch();
  EXPECT_EQ(kept(), std::set<std::string>{"i2"});
  write({api::Write::Op::kDelete, parsed(kPort)});
  (void)runs();
  nothingMuch();
  EXPECT_EQ(kept(), std::set<std::string>{"i2"}) << "the last number is not forgotten";
  EXPECT_EQ(group("g"), 3U);
  nothingMuch();
  EXPECT_EQ(kept(), std::set<std::string>{"i3"});
  EXPECT_EQ(group("g"), 3U) << "who has it keeps it";
}

TEST_F(CompileLoopTest, ReportsAndWhatNobodyReadsCauseNoRun) {
  add(kPort);
  const auto before = runs();
  EXPECT_GT(before, 1U);
  status(kPort, {{"phase", "up"}, {"host", "node1"}, {"message", "17 routes do not fit"}});
  status("{kind: Host, metadata: {name: node1}, spec: {address: 10.1.0.11}}",
         {{"connected", true}, {"ports", 3}, {"message", "18 routes do not fit"}});
  add("{kind: AddressPool, metadata: {name: pool}, spec: {prefixes: [10.9.0.0/24]}}");
  add("{kind: Quota, metadata: {name: p}, spec: {ports: 9}}");
  EXPECT_EQ(runs(), before);
  add("{kind: Network, metadata: {name: m}, spec: {subnets: [{prefix: 10.1.0.0/24}]}}");
  EXPECT_EQ(runs(), before + 1);
}

}  // namespace
}  // namespace hawser::controller::test
