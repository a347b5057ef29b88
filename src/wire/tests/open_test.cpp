#include <gtest/gtest.h>

#include <stdexcept>

#include "build.h"

namespace hawser::wire {
namespace {

using namespace test;

Open fullOpen() {
  Open open;
  open.asn = net::Asn(4200000001);
  open.holdTime = 90;
  open.routerId = net::Ipv4Address(0x0a01000a);
  open.capabilities.families = {kVpnv4, kRtConstraint};
  open.capabilities.as4 = open.asn;
  open.capabilities.routeRefresh = true;
  open.capabilities.extendedMessage = true;
  open.capabilities.gracefulRestart =
      GracefulRestart{true, true, 300, {{kVpnv4, true}, {kRtConstraint, false}}};
  open.capabilities.other = {{73, {1, 2, 3}}};
  return open;
}

Open decodeOpenMessage(const Bytes& bytes) {
  const auto decoded = decode(bytes, {});
  if (!decoded) throw std::runtime_error(decoded.error().reason);
  return std::get<Open>(*decoded);
}

void expectOpenError(const Bytes& bytes, std::uint8_t subcode) {
  const auto decoded = decode(bytes, {});
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().notification.code, 2);
  EXPECT_EQ(decoded.error().notification.subcode, subcode) << decoded.error().reason;
}

TEST(Open, RoundTrip) {
  EXPECT_EQ(decodeOpenMessage(encode(fullOpen())), fullOpen());
  Open plain;
  plain.asn = net::Asn(64512);
  plain.routerId = net::Ipv4Address(1);
  EXPECT_EQ(decodeOpenMessage(encode(plain)), plain);
}

TEST(Open, LongParametersAsInRfc9072) {
  auto open = fullOpen();
  for (std::uint8_t i = 0; i < 5; ++i)
    open.capabilities.other.push_back({static_cast<std::uint8_t>(200 + i), Bytes(100, i)});
  EXPECT_EQ(decodeOpenMessage(encode(open)), open);
}

TEST(Open, CapabilitiesInSeveralParameters) {
  const auto open = decodeOpenMessage(
      message(1, hex("04 fc00 005a 0a010001 0e 02 06 01 04 0001 00 80 02 04 41 02 0200")));
  EXPECT_EQ(open.capabilities.families, std::vector<Family>{kVpnv4});
  ASSERT_EQ(open.capabilities.other.size(), 1U)
      << "an AS4 capability of two bytes is not understood";
  EXPECT_EQ(open.asn, net::Asn(64512));
}

TEST(Open, Mistakes) {
  expectOpenError(message(1, hex("03 fc00 005a 0a010001 00")), 1);
  expectOpenError(message(1, hex("04 0000 005a 0a010001 00")), 2);
  expectOpenError(message(1, hex("04 fc00 0001 0a010001 00")), 6);
  expectOpenError(message(1, hex("04 fc00 0002 0a010001 00")), 6);
  expectOpenError(message(1, hex("04 fc00 005a 00000000 00")), 3);
  expectOpenError(message(1, hex("04 fc00 005a 0a010001 05")), 0);
  expectOpenError(message(1, hex("04 fc00 005a 0a010001 03 02 02 01")), 0);
  expectOpenError(message(1, hex("04 fc00 005a 0a010001 04 02 02 01 04")), 0);
  expectOpenError(message(1, hex("04 fc00 005a 0a010001 03 01 01 00")), 4);
}

TEST(Open, TruncatedAnywhereIsAnError) {
  const auto whole = encode(fullOpen());
  for (std::size_t size = 29; size < whole.size(); ++size) {
    Bytes part(whole.begin(), whole.begin() + static_cast<long>(size));
    part[16] = 0;
    part[17] = static_cast<std::uint8_t>(size);
    EXPECT_FALSE(decode(part, {})) << size;
  }
}

TEST(Header, Mistakes) {
  const auto errorOf = [](Bytes bytes) { return messageLength(bytes, kMaxMessage).error(); };
  auto marker = encode(Keepalive{});
  marker[5] = 0;
  EXPECT_EQ(errorOf(marker).notification.subcode, 1);
  EXPECT_EQ(errorOf(marker).offset, 5U);
  EXPECT_EQ(errorOf(message(9, {})).notification.subcode, 3);
  EXPECT_EQ(errorOf(message(4, {0})).notification.subcode, 2);
  EXPECT_EQ(errorOf(message(2, {0})).notification.subcode, 2);
  auto tooLong = message(2, Bytes(5000, 0));
  EXPECT_EQ(errorOf(tooLong).notification.subcode, 2);
  EXPECT_TRUE(messageLength(tooLong, kMaxExtendedMessage));
  EXPECT_EQ(*messageLength(Bytes(18, 0xff), kMaxMessage), std::nullopt);
}

TEST(Header, ShorterThanItselfIsAnErrorInsideIt) {
  const auto decoded = decode(Bytes(11, 0), {});
  ASSERT_FALSE(decoded);
  EXPECT_LE(decoded.error().offset, 11U);
}

TEST(Messages, SmallOnesRoundTrip) {
  const Notification shutdown{6, 2, join({{4}, {'b', 'y', 'e', '!'}})};
  EXPECT_EQ(std::get<Notification>(*decode(encode(shutdown), {})), shutdown);
  EXPECT_EQ(shutdown.text(), "Cease/Administrative Shutdown (bye!)");
  EXPECT_EQ((Notification{4, 0, {}}).text(), "Hold Timer Expired");
  EXPECT_EQ((Notification{42, 1, {}}).text(), "error 42/1");
  EXPECT_EQ((Notification{6, 2, {200, 'x'}}).text(), "Cease/Administrative Shutdown (x)")
      << "a length that lies";
  const RouteRefresh refresh{kVpnv4, 0};
  EXPECT_EQ(std::get<RouteRefresh>(*decode(encode(refresh), {})), refresh);
  EXPECT_TRUE(std::holds_alternative<Keepalive>(*decode(encode(Keepalive{}), {})));
}

}  // namespace
}  // namespace hawser::wire
