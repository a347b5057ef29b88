#include "socket/server.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstring>
#include <fstream>
#include <thread>

#include "fixture.h"
#include "hawser/base/fd.h"

namespace hawser::agent::test {
namespace {

// A client without manners.
class RawClient {
 public:
  explicit RawClient(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.size());
    EXPECT_EQ(::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  // As much as the other side takes now.
  std::size_t send(const std::string& bytes) const {
    const auto sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    return sent > 0 ? static_cast<std::size_t>(sent) : 0;
  }
  void finishSending() const { ::shutdown(fd_.get(), SHUT_WR); }
  void close() { fd_ = Fd(); }
  // What has come until now; `closed` tells that no more will.
  const std::string& received() {
    std::array<char, 65536> buffer;
    while (true) {
      const auto count = ::recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (count > 0) {
        text_.append(buffer.data(), static_cast<std::size_t>(count));
        continue;
      }
      closed = closed || count == 0 || (errno != EAGAIN && errno != EINTR);
      return text_;
    }
  }
  bool closed = false;

 private:
  Fd fd_;
  std::string text_;
};

class ServerTest : public ::testing::Test {
 protected:
  void SetUp() override { open(); }
  void open() {
    auto opened = LocalServer::open(loop, path, [this](const Json& request, Answer answer) {
      return handle(request, std::move(answer));
    });
    ASSERT_TRUE(opened) << opened.error().text();
    server = std::move(*opened);
  }
  std::function<void()> handle(const Json& request, Answer answer) {
    requests.push_back(request);
    if (request.value("op", "") == "wait") {
      waiting = std::move(answer);
      return [this] { ++givenUp; };
    }
    if (request.value("op", "") == "fail")
      answer(fail(ErrorCode::kConflict, "not now", "op"));
    else if (request.value("op", "") == "big")
      answer(Json{{"text", std::string(8U << 20U, 'x')}});
    else
      answer(request);
    return nullptr;
  }
  [[nodiscard]] static std::size_t lines(RawClient& client) {
    const auto& text = client.received();
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  }

  TempFolder folder;
  std::string path = folder.path() / "agent.sock";
  io::Loop loop;
  std::unique_ptr<LocalServer> server;
  std::vector<Json> requests;
  Answer waiting;
  int givenUp = 0;
};

TEST_F(ServerTest, IsForItsOwnerOnly) {
  struct stat info{};
  ASSERT_EQ(::lstat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
}

TEST_F(ServerTest, AnswersInOrder) {
  RawClient client(path);
  client.send("{\"n\":1}\n{\"n\":2}\n{\"n\"");
  ASSERT_TRUE(eventually(loop, [&] { return lines(client) == 2; }));
  client.send(":3}\n");
  ASSERT_TRUE(eventually(loop, [&] { return lines(client) == 3; }));
  EXPECT_EQ(client.received(), "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n");
}

TEST_F(ServerTest, TheClientLibraryUnderstandsIt) {
  std::thread run([this] { loop.run(); });
  EXPECT_EQ(callAgent(path, {{"op", "echo"}, {"x", 7}})->at("x"), 7);
  const auto refused = callAgent(path, {{"op", "fail"}});
  EXPECT_EQ(refused.error(), (Error{ErrorCode::kConflict, "not now", "op"}));
  EXPECT_EQ(callAgent(path, {{"op", "big"}})->at("text").get<std::string>().size(), 8U << 20U);
  EXPECT_EQ(callAgent(path, {{"op", "wait"}}, 30ms).error().code, ErrorCode::kTimeout);
  loop.stop();
  run.join();
  server.reset();
  EXPECT_EQ(callAgent(path, {{"op", "echo"}}).error().code, ErrorCode::kUnavailable);
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(ServerTest, BadRequestsGetAnAnswerAndTheNextOneWorks) {
  RawClient client(path);
  for (const std::string bad : {"", "nonsense", "[]", "7", "{\"a\":", "\xff\xfe", "null"})
    client.send(bad + "\n");
  client.send("{\"n\":1}\n");
  ASSERT_TRUE(eventually(loop, [&] { return lines(client) == 8; }));
  EXPECT_TRUE(client.received().starts_with(
      R"({"error":{"code":"invalid","message":"the request is no JSON object"}})"));
  EXPECT_TRUE(client.received().ends_with("{\"n\":1}\n"));
  EXPECT_EQ(requests.size(), 1U);
}

TEST_F(ServerTest, DeepNestingDoesNotBringItDown) {
  RawClient client(path);
  std::string deep = "{\"a\":" + std::string(200000, '[') + "\n";
  std::size_t sent = 0;
  ASSERT_TRUE(eventually(loop, [&] {
    sent += client.send(deep.substr(sent));
    return lines(client) == 1;
  }));
  EXPECT_NE(client.received().find("no JSON object"), std::string::npos);
}

TEST_F(ServerTest, ATooLongRequestIsRefusedAndClosed) {
  RawClient client(path);
  const std::string chunk(65536, 'x');
  ASSERT_TRUE(eventually(loop, [&] {
    client.send(chunk);
    (void)client.received();
    return client.closed;
  }));
  EXPECT_NE(client.received().find("longer than 1 MiB"), std::string::npos);
  EXPECT_TRUE(requests.empty());
  ASSERT_TRUE(eventually(loop, [&] { return server->clients() == 0; }));
}

TEST_F(ServerTest, AClientThatDoesNotReadStopsNobody) {
  RawClient lazy(path);
  for (int i = 0; i < 20; ++i) lazy.send("{\"op\":\"big\"}\n");
  ASSERT_TRUE(eventually(loop, [&] { return !requests.empty(); }));
  RawClient other(path);
  other.send("{\"n\":1}\n");
  ASSERT_TRUE(eventually(loop, [&] { return lines(other) == 1; }));
  // Only its first answer is made: the next when it has taken this one.
  EXPECT_EQ(std::count_if(requests.begin(), requests.end(),
                          [](const Json& one) { return one.contains("op"); }),
            1);
}

TEST_F(ServerTest, AClientThatGoesWhileItWaitsIsGivenUp) {
  RawClient client(path);
  client.send("{\"op\":\"wait\"}\n");
  ASSERT_TRUE(eventually(loop, [&] { return waiting != nullptr; }));
  EXPECT_EQ(givenUp, 0);
  client.close();
  ASSERT_TRUE(eventually(loop, [&] { return givenUp == 1; }));
  waiting(Json{{"late", true}});  // goes nowhere
  EXPECT_EQ(server->clients(), 0U);
}

TEST_F(ServerTest, AnAnswerThatComesLaterArrives) {
  RawClient client(path);
  client.send("{\"op\":\"wait\"}\n{\"n\":2}\n");
  ASSERT_TRUE(eventually(loop, [&] { return waiting != nullptr; }));
  EXPECT_EQ(lines(client), 0U);
  waiting(Json{{"n", 1}});
  waiting(Json{{"n", 99}});  // a second answer is none
  ASSERT_TRUE(eventually(loop, [&] { return lines(client) == 2; }));
  EXPECT_EQ(client.received(), "{\"n\":1}\n{\"n\":2}\n");
  EXPECT_EQ(givenUp, 0);
}

TEST_F(ServerTest, AClientMayCloseItsSendingHalf) {
  RawClient client(path);
  client.send("{\"n\":1}\n{\"n\":2}\n");
  client.finishSending();
  ASSERT_TRUE(eventually(loop, [&] {
    (void)client.received();
    return client.closed;
  }));
  EXPECT_EQ(lines(client), 2U);
}

TEST_F(ServerTest, ClientsAreCounted) {
  std::vector<std::unique_ptr<RawClient>> many;
  for (std::size_t i = 0; i < kMaxClients + 1; ++i) {
    many.push_back(std::make_unique<RawClient>(path));
    loop.runFor(1ms);
  }
  ASSERT_TRUE(eventually(loop, [&] {
    (void)many.back()->received();
    return many.back()->closed;
  }));
  EXPECT_EQ(server->clients(), kMaxClients);
  many.front()->close();
  ASSERT_TRUE(eventually(loop, [&] { return server->clients() == kMaxClients - 1; }));
  RawClient again(path);
  again.send("{\"n\":1}\n");
  EXPECT_TRUE(eventually(loop, [&] { return lines(again) == 1; }));
}

TEST_F(ServerTest, AnotherAgentIsNotReplaced) {
  const auto second =
      LocalServer::open(loop, path, [](const Json&, const Answer&) { return nullptr; });
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kExists);
  EXPECT_EQ(second.error().field, "socket");
}

TEST_F(ServerTest, ASocketThatWasLeftIsReplaced) {
  const std::string left = folder.path() / "left.sock";
  {
    const Fd fd(::socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, left.c_str(), left.size());
    ASSERT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  ASSERT_TRUE(std::filesystem::exists(left));
  EXPECT_TRUE(LocalServer::open(loop, left, [](const Json&, const Answer&) { return nullptr; }));
}

TEST_F(ServerTest, AFileOfSomebodyElseIsLeftAlone) {
  const std::string file = folder.path() / "precious";
  std::ofstream(file) << "data";
  EXPECT_FALSE(LocalServer::open(loop, file, [](const Json&, const Answer&) { return nullptr; }));
  EXPECT_EQ(std::filesystem::file_size(file), 4U);
  const auto longPath = LocalServer::open(loop, "/tmp/" + std::string(200, 'x'),
                                          [](const Json&, const Answer&) { return nullptr; });
  EXPECT_EQ(longPath.error().code, ErrorCode::kInvalid);
}

}  // namespace
}  // namespace hawser::agent::test
