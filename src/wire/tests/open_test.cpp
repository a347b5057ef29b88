#include <gtest/gtest.h>

#include <algorithm>
#include <set>
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

// RFC 9072, 2: the type tells the long form; the length before it does not matter then, unless it
// is zero.
TEST(Open, LongFormIsKnownByItsType) {
  const auto body = [](std::string_view length) {
    return message(1, join({hex("04 fc00 005a 0a010001"), hex(length),
                            hex("ff 0009 02 0006 01 04 0001 00 80")}));
  };
  for (const auto* length : {"ff", "0c", "01"})
    EXPECT_EQ(decodeOpenMessage(body(length)).capabilities.families, std::vector<Family>{kVpnv4})
        << length;
  expectOpenError(body("00"), 0);
}

TEST(Open, EachCapability) {
  const auto with = [](std::string_view capability) {
    const auto bytes = hex(capability);
    const auto size = static_cast<std::uint8_t>(bytes.size());
    return decodeOpenMessage(message(1, join({hex("04 fc00 005a 0a010001"),
                                              {static_cast<std::uint8_t>(size + 2), 2, size},
                                              bytes})))
        .capabilities;
  };
  EXPECT_EQ(with("01 04 0002 00 80 01 04 0001 ff 84").families,
            (std::vector<Family>{kVpnv6, kRtConstraint}))
      << "the reserved byte is ignored";
  EXPECT_TRUE(with("02 00").routeRefresh);
  EXPECT_TRUE(with("06 00").extendedMessage);
  EXPECT_EQ(with("41 04 0000fc00").as4, net::Asn(64512));
  const auto restart = *with("40 06 c12c 0001 80 80").gracefulRestart;
  EXPECT_TRUE(restart.restarting);
  EXPECT_TRUE(restart.notification);
  EXPECT_EQ(restart.restartTime, 300);
  EXPECT_EQ(restart.families, (std::vector<GracefulRestartFamily>{{kVpnv4, true}}));
  EXPECT_FALSE(with("40 06 012c 0001 80 7f").gracefulRestart->families[0].forwardingPreserved)
      << "only the F bit is F";
  EXPECT_TRUE(with("40 02 0000").gracefulRestart->families.empty()) << "helper only";
}

// RFC 5492, 3: what is not understood is ignored; here it is kept for people to see.
TEST(Open, CapabilitiesOfAWrongLengthAreNotUsed) {
  for (const auto* capability : {"01 03 0001 00", "02 01 00", "06 01 00", "40 01 00",
                                 "40 05 0000 0001 80", "41 02 fc00", "7f 00"}) {
    const auto bytes = hex(capability);
    const auto size = static_cast<std::uint8_t>(bytes.size());
    const auto got =
        decodeOpenMessage(message(1, join({hex("04 fc00 005a 0a010001"),
                                           {static_cast<std::uint8_t>(size + 2), 2, size},
                                           bytes})));
    Capabilities nothing;
    nothing.other = got.capabilities.other;
    EXPECT_EQ(got.capabilities, nothing) << capability;
    EXPECT_EQ(got.capabilities.other.size(), 1U) << capability;
    EXPECT_EQ(got.capabilities.other[0].code, bytes[0]) << capability;
  }
}

TEST(Open, TheRealAsNumberIsThatOfTheCapability) {
  const auto open =
      decodeOpenMessage(message(1, hex("04 5ba0 005a 0a010001 08 02 06 41 04 fa56ea01")));
  EXPECT_EQ(open.asn, net::Asn(4200000001U));
  expectOpenError(message(1, hex("04 5ba0 005a 0a010001 08 02 06 41 04 00000000")), 2);
  const auto bytes = encode(fullOpen());
  EXPECT_EQ(bytes[20], 0x5b) << "AS_TRANS in the two-byte field";
  EXPECT_EQ(bytes[21], 0xa0);
}

TEST(Open, HoldTimes) {
  for (const auto seconds : std::initializer_list<std::uint16_t>{0, 3, 90, 65535}) {
    auto open = fullOpen();
    open.holdTime = seconds;
    EXPECT_EQ(decodeOpenMessage(encode(open)).holdTime, seconds);
  }
}

TEST(Open, VersionErrorOffersOurs) {
  const auto decoded = decode(message(1, hex("05 fc00 005a 0a010001 00")), {});
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().notification.data, (Bytes{0, 4})) << "RFC 4271, 6.2";
}

// Each type at its least and greatest length (RFC 4271, 4.1 and 6.1; RFC 8654, 4).
TEST(Header, LengthsOfEveryType) {
  struct Row {
    std::uint8_t type;
    std::size_t least, most, mostExtended;
  };
  for (const auto& row : std::initializer_list<Row>{{1, 29, 4096, 4096},
                                                    {2, 23, 4096, 65535},
                                                    {3, 21, 4096, 65535},
                                                    {4, 19, 19, 19},
                                                    {5, 23, 23, 23}}) {
    const auto accepted = [&](std::size_t length, std::size_t limit) {
      Bytes header(16, 0xff);
      header.push_back(static_cast<std::uint8_t>(length >> 8U));
      header.push_back(static_cast<std::uint8_t>(length));
      header.push_back(row.type);
      const auto got = messageLength(header, limit);
      if (!got) {
        EXPECT_EQ(got.error().notification.code, 1);
        EXPECT_EQ(got.error().notification.subcode, 2);
        EXPECT_EQ(got.error().notification.data, (Bytes{static_cast<std::uint8_t>(length >> 8U),
                                                        static_cast<std::uint8_t>(length)}))
            << "the length that was wrong";
        return false;
      }
      EXPECT_EQ(**got, length);
      return true;
    };
    EXPECT_FALSE(accepted(row.least - 1, kMaxMessage)) << int(row.type);
    EXPECT_TRUE(accepted(row.least, kMaxMessage)) << int(row.type);
    EXPECT_TRUE(accepted(row.most, kMaxMessage)) << int(row.type);
    EXPECT_FALSE(accepted(row.most + 1, kMaxMessage)) << int(row.type);
    EXPECT_TRUE(accepted(row.mostExtended, kMaxExtendedMessage)) << int(row.type);
    if (row.mostExtended < 65535) {
      EXPECT_FALSE(accepted(row.mostExtended + 1, kMaxExtendedMessage)) << int(row.type);
    }
  }
}

TEST(Header, WrongTypesCarryTheType) {
  for (const auto type : std::initializer_list<std::uint8_t>{0, 6, 128, 255}) {
    const auto got = messageLength(message(type, {}), kMaxMessage);
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().notification, (Notification{1, 3, {type}}));
    EXPECT_EQ(got.error().offset, 18U);
  }
}

TEST(Decode, WantsExactlyOneMessage) {
  auto bytes = encode(Keepalive{});
  bytes.push_back(0xff);
  EXPECT_FALSE(decode(bytes, {}));
  EXPECT_FALSE(decode({}, {}));
  bytes.resize(18);
  EXPECT_FALSE(decode(bytes, {}));
}

TEST(Notification, NamesOfEveryGroup) {
  const auto text = [](std::uint8_t code, std::uint8_t subcode) {
    return Notification{code, subcode, {}}.text();
  };
  EXPECT_EQ(text(1, 1), "Message Header Error/Connection Not Synchronized");
  EXPECT_EQ(text(2, 2), "OPEN Message Error/Bad Peer AS");
  EXPECT_EQ(text(3, 1), "UPDATE Message Error/Malformed Attribute List");
  EXPECT_EQ(text(5, 3), "Finite State Machine Error/Unexpected Message in Established");
  EXPECT_EQ(text(6, 9), "Cease/Hard Reset");
  EXPECT_EQ(text(6, 77), "Cease/77");
  EXPECT_EQ(text(3, 0), "UPDATE Message Error");
}

TEST(Notification, ShutdownTextIsMadeHarmless) {
  EXPECT_EQ((Notification{6, 4, {5, 'a', 0x1b, 'b', 0x07, 0x7f}}).text(),
            "Cease/Administrative Reset (a?b?\?)");
  EXPECT_EQ((Notification{6, 2, {}}).text(), "Cease/Administrative Shutdown");
  EXPECT_EQ((Notification{6, 2, {0}}).text(), "Cease/Administrative Shutdown");
  EXPECT_EQ((Notification{6, 3, {2, 'n', 'o'}}).text(), "Cease/Peer De-configured")
      << "only shutdown and reset carry a text (RFC 9003)";
}

// Every code of RFC 4271, 4486, 5492, 6608 and 8538 has words of its own.
TEST(Notification, EveryKnownCodeHasItsOwnWords) {
  std::set<std::string> seen;
  for (const auto& [code, subcodes] :
       {std::pair<std::uint8_t, std::vector<std::uint8_t>>{1, {0, 1, 2, 3}},
        {2, {0, 1, 2, 3, 4, 6, 7}},
        {3, {0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11}},
        {4, {0}},
        {5, {0, 1, 2, 3}},
        {6, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}}})
    for (const auto subcode : subcodes) {
      const auto text = Notification{code, subcode, {}}.text();
      EXPECT_TRUE(seen.insert(text).second) << text;
      EXPECT_EQ(text.find_first_of("0123456789"), std::string::npos) << text;
      EXPECT_EQ(text.find('/') != std::string::npos, subcode != 0) << text;
    }
  EXPECT_EQ((Notification{7, 1, {}}).text(), "error 7/1");
  EXPECT_EQ((Notification{0, 0, {}}).text(), "error 0/0");
}

TEST(Notification, MayFillAWholeMessage) {
  SessionContext context;
  context.maxMessage = kMaxExtendedMessage;
  const Notification whole{6, 0, Bytes(kMaxExtendedMessage - 21, 7)};
  const auto bytes = encode(whole);
  EXPECT_EQ(bytes.size(), kMaxExtendedMessage);
  EXPECT_EQ(std::get<Notification>(*decode(bytes, context)), whole);
}

TEST(Open, ReservedBitsOfGracefulRestartAreZero) {
  Open open;
  open.asn = net::Asn(64512);
  open.routerId = net::RouterId(0x0a01000a);
  open.capabilities.gracefulRestart =
      GracefulRestart{false, true, 120, {{kVpnv4, true}, {kRtConstraint, false}}};
  const auto bytes = encode(open);
  const auto expected = hex("40 0a 4078 000180 80 000184 00");
  EXPECT_NE(std::search(bytes.begin(), bytes.end(), expected.begin(), expected.end()), bytes.end());
}

TEST(Open, AnEmptyParameterAtTheEnd) {
  const auto decoded = decode(message(1, hex("04 fc00 005a 0a01000a 02 02 00")), {});
  ASSERT_TRUE(decoded) << decoded.error().reason;
  EXPECT_EQ(std::get<Open>(*decoded).capabilities, Capabilities{});
}

TEST(Header, AWrongLengthIsToldWithItsPlace) {
  const auto bytes = hex("ffffffffffffffff ffffffffffffffff 0012 04");
  const auto length = messageLength(bytes, kMaxMessage);
  ASSERT_FALSE(length);
  EXPECT_EQ(length.error().offset, 16U) << "the length field";
  EXPECT_EQ(length.error().notification.data, hex("0012")) << "RFC 4271, 6.1";
}

TEST(Open, EmptyParametersOfTheLongForm) {
  // Two parameters without a capability, the second at the very end.
  const auto body = hex("04 fc00 005a 0a01000a ff ff 0006 02 0000 02 0000");
  const auto decoded = decode(message(1, body), {});
  ASSERT_TRUE(decoded) << decoded.error().reason;
  EXPECT_EQ(std::get<Open>(*decoded).capabilities, Capabilities{});
}

// The two-byte field is looked at even where the capability tells the number.
TEST(Open, AsNumberZeroInEitherPlace) {
  const auto open = [](std::string_view two, std::string_view four) {
    return decode(message(1, join({{4}, hex(two), hex("005a 0a01000a 08 02 06 41 04"), hex(four)})),
                  {});
  };
  EXPECT_TRUE(open("0001", "00000001"));
  EXPECT_TRUE(open("5ba0", "fa56ea00"));
  for (const auto& bad : {open("0000", "00000001"), open("0001", "00000000")}) {
    ASSERT_FALSE(bad);
    EXPECT_EQ(bad.error().notification.code, 2);
    EXPECT_EQ(bad.error().notification.subcode, 2);
    EXPECT_EQ(bad.error().offset, 20U);
  }
}

}  // namespace
}  // namespace hawser::wire
