// Descriptions and commands: what is understood, and what is refused in words. No device is made here, so there are no edges.
#include "internet.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pshare::natlab {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

const auto description = json::parse(R"({
  "seed": 7,
  "nats": [{"name": "home", "preset": "port-restricted", "external": ["81.2.70.2"], "inside_address": "192.168.11.1",
            "services": ["pcp", "nat-pmp"], "habits": {"lowest_port": 1024}},
           {"name": "isp", "behaviour": {"mapping": "address-dependent"}, "external": ["81.2.71.2"], "inside_address": "100.64.1.1"}],
  "switches": [{"name": "lan", "ports": [{"port": "a", "addresses": ["192.168.11.10"]}, {"port": "up", "default": true}]}],
  "routers": [{"name": "backbone", "address": "81.2.64.9", "routes": [{"to": "81.2.70.2", "port": "home"}, {"to": "81.2.71.2", "port": "isp"}]}],
  "wires": [{"name": "access", "between": ["home:outside", "backbone:home"], "delay_ms": 20, "hops": 3, "back": {"delay_ms": 30}},
            {"name": "up", "between": ["lan:up", "home:inside"]}]
})");

std::string refusal(const json& wrong) {
  try {
    Internet internet{wrong};
  } catch (const std::exception& trouble) {
    return trouble.what();
  }
  return "not refused";
}

/// The description with something else at that place.
json with(const char* pointer, json value) {
  auto changed = description;
  changed[json::json_pointer{pointer}] = std::move(value);
  return changed;
}

TEST(Description, OfAWholeInternetIsUnderstood) { EXPECT_EQ(refusal(description), "not refused"); }

TEST(Description, IsRefusedWhereItSaysWhatNobodyUnderstands) {
  for (const auto* place : {"/x", "/nats/0/x", "/nats/1/behaviour/x", "/nats/0/habits/x", "/switches/0/x", "/switches/0/ports/0/x", "/routers/0/x",
                            "/routers/0/routes/0/x", "/wires/0/x", "/wires/0/back/x"})
    EXPECT_THAT(refusal(with(place, 1)), HasSubstr("\"x\"")) << place;
}

TEST(Description, IsRefusedWhereAValueIsNoneOrOutOfItsRange) {
  const std::pair<const char*, json> wrong[] = {
      {"/nats/0/preset", "cone"},          {"/nats/1/behaviour/mapping", "some"}, {"/nats/1/behaviour/step", 0},
      {"/nats/1/behaviour/first_port", 70000}, {"/nats/1/behaviour/udp_lifetime_s", -1}, {"/nats/0/services", json::array({"upnp"})},
      {"/nats/0/external", "81.2.70.2"},   {"/nats/0/inside_address", "home"},    {"/wires/0/loss", 1.1},
      {"/wires/0/hops", -1},               {"/wires/0/mtu", 1},                   {"/wires/0/delay_ms", 1e12},
      {"/wires/0/keeps_order", "yes"},     {"/wires/0/between", json::array({"home:outside", "nowhere"})},
      {"/routers/0/routes/0/to", "81.2.70.2/33"}, {"/switches/0/ports/1/port", "a"}, {"/nats/1/habits", json::object()},
  };
  for (const auto& [place, value] : wrong) EXPECT_NE(refusal(with(place, value)), "not refused") << place << ' ' << value;
  EXPECT_THAT(refusal(with("/nats/1/behaviour", {{"first_port", 2000}, {"last_port", 1999}})), HasSubstr("no port"));
  EXPECT_THAT(refusal(json::array()), HasSubstr("JSON object"));
}

class Commands : public testing::Test {
 protected:
  Internet internet{description};
  bool ok(const json& command) { return internet.perform(command).at("ok"); }
};

TEST_F(Commands, ThatAreWellMadeAreCarriedOut) {
  EXPECT_TRUE(ok({{"do", "wire"}, {"name", "access"}, {"loss", 0.1}, {"cut", true}}));
  EXPECT_TRUE(ok({{"do", "reboot"}, {"nat", "home"}}));
  EXPECT_TRUE(ok({{"do", "change-external"}, {"nat", "home"}, {"external", {"81.2.70.9"}}, {"router", "backbone"}, {"port", "home"}}));
  EXPECT_TRUE(ok({{"do", "behaviour"}, {"nat", "isp"}, {"udp", false}, {"tcp_ports_out", {443}}}));
  EXPECT_TRUE(ok({{"do", "rule"}, {"nat", "home"}, {"protocol", "udp"}, {"external", 4700}, {"to", "192.168.11.10:4700"}}));
  EXPECT_TRUE(ok({{"do", "route"}, {"router", "backbone"}, {"to", "81.2.70.10"}, {"port", "home"}}));
  EXPECT_TRUE(ok({{"do", "reset-counters"}}));
  const auto counted = internet.perform({{"do", "counters"}});
  EXPECT_EQ(counted["wires"].size(), 2u);
  EXPECT_EQ(counted["nats"].size(), 2u);
}

TEST_F(Commands, ThatAreNotAreAnsweredInWordsAndChangeNothing) {
  const json wrong[] = {
      nullptr, 5, json::array(), json::object(), {{"do", 5}}, {{"do", "dance"}}, {{"do", "counters"}, {"x", 1}},
      {{"do", "wire"}, {"name", "acces"}}, {{"do", "wire"}, {"name", "access"}, {"los", 0.5}}, {{"do", "wire"}, {"name", "access"}, {"loss", -1}},
      {{"do", "wire"}, {"name", "access"}, {"cut", 1}}, {{"do", "reboot"}}, {{"do", "reboot"}, {"nat", "lan"}},
      {{"do", "behaviour"}, {"nat", "isp"}, {"maping", "x"}}, {{"do", "rule"}, {"nat", "home"}, {"protocol", "sctp"}, {"external", 1}, {"to", "10.0.0.1:1"}},
      {{"do", "rule"}, {"nat", "home"}, {"protocol", "udp"}, {"external", 70000}, {"to", "10.0.0.1:1"}},
      {{"do", "route"}, {"router", "backbone"}, {"to", "81.2.70.10"}, {"port", "nope"}},
      {{"do", "change-external"}, {"nat", "home"}, {"external", {"81.2.70.9"}}, {"router", "backbone"}, {"port", "nope"}},
  };
  for (const auto& command : wrong) {
    const auto answer = internet.perform(command);
    EXPECT_EQ(answer.at("ok"), false) << command;
    EXPECT_FALSE(answer.at("error").get<std::string>().empty()) << command;
  }
  EXPECT_TRUE(ok({{"do", "route"}, {"router", "backbone"}, {"to", "81.2.70.10"}, {"port", "home"}}));
}

}  // namespace
}  // namespace pshare::natlab
