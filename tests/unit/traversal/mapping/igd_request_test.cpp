// What is sent to UPnP gateways.
#include "traversal/mapping/igd_request.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "story.hpp"

namespace pshare {
namespace {

using namespace std::chrono_literals;
using namespace testing;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const HttpLocation description{at("192.168.1.1:5000"), "/rootDesc.xml"};
constexpr std::string_view type = "urn:schemas-upnp-org:service:WANIPConnection:1";
const IgdService service{{at("192.168.1.1:5000"), "/ctl/IPConn"}, std::string{type}};

TEST(IgdRequest, NamesTheActionAndItsArgumentsInTheDocumentsOrder) {
  const auto request = add_mapping_request(
      service, {.transport = Transport::tcp, .internal = Port{4700}, .external = Port{4711}, .lifetime = 3600s}, ip("192.168.1.10"), "a <b> & \"c\"");
  EXPECT_THAT(request, StartsWith("POST /ctl/IPConn HTTP/1.1\r\nHost: 192.168.1.1:5000\r\n"));
  EXPECT_THAT(request, HasSubstr("\r\nSOAPAction: \"urn:schemas-upnp-org:service:WANIPConnection:1#AddPortMapping\"\r\n"));
  EXPECT_THAT(request, HasSubstr("<NewRemoteHost></NewRemoteHost><NewExternalPort>4711</NewExternalPort><NewProtocol>TCP</NewProtocol>"
                                 "<NewInternalPort>4700</NewInternalPort><NewInternalClient>192.168.1.10</NewInternalClient><NewEnabled>1</NewEnabled>"
                                 "<NewPortMappingDescription>a &lt;b&gt; &amp; &quot;c&quot;</NewPortMappingDescription>"
                                 "<NewLeaseDuration>3600</NewLeaseDuration></u:AddPortMapping>"));
}

TEST(IgdRequest, SaysHowLongItsBodyIs) {
  const auto request = delete_mapping_request(service, {Transport::udp, Port{4711}});
  const auto body = request.substr(request.find("\r\n\r\n") + 4);
  EXPECT_THAT(request, HasSubstr("\r\nContent-Length: " + std::to_string(body.size()) + "\r\n"));
  EXPECT_THAT(body, HasSubstr("<NewExternalPort>4711</NewExternalPort><NewProtocol>UDP</NewProtocol></u:DeletePortMapping>"));
}

TEST(IgdRequest, AsksForPinholesFromAnybodyToOurselves) {
  const IgdService firewall{{at("[2001:db8:70::1]:5000"), "/ctl/IP6FCtl"}, "urn:schemas-upnp-org:service:WANIPv6FirewallControl:1"};
  const auto add = add_pinhole_request(firewall, {Transport::udp, Port{4700}, 1200s}, ip("2001:db8:70::10"));
  EXPECT_THAT(add, StartsWith("POST /ctl/IP6FCtl HTTP/1.1\r\nHost: [2001:db8:70::1]:5000\r\n"));
  EXPECT_THAT(add, HasSubstr("\r\nSOAPAction: \"urn:schemas-upnp-org:service:WANIPv6FirewallControl:1#AddPinhole\"\r\n"));
  EXPECT_THAT(add, HasSubstr("<RemoteHost></RemoteHost><RemotePort>0</RemotePort><InternalClient>2001:db8:70::10</InternalClient>"
                             "<InternalPort>4700</InternalPort><Protocol>17</Protocol><LeaseTime>1200</LeaseTime></u:AddPinhole>"));
  EXPECT_THAT(add_pinhole_request(firewall, {Transport::tcp, Port{4700}, 1200s}, ip("2001:db8:70::10")), HasSubstr("<Protocol>6</Protocol>"));
  EXPECT_THAT(update_pinhole_request(firewall, {Transport::udp, {65535}, 1200s}),
              HasSubstr("<UniqueID>65535</UniqueID><NewLeaseTime>1200</NewLeaseTime></u:UpdatePinhole>"));
  EXPECT_THAT(delete_pinhole_request(firewall, {Transport::udp, {7}}), HasSubstr("\"><UniqueID>7</UniqueID></u:DeletePinhole>"));
  EXPECT_THAT(firewall_status_request(firewall), HasSubstr("#GetFirewallStatus\"\r\n"));
}

TEST(IgdService, IsOnTheServerOfItsDescription) {
  EXPECT_EQ(value_or_throw(service_from(description, "/ctl/IPConn", type)), service);
  EXPECT_EQ(value_or_throw(service_from(description, "ctl/IPConn", type)), service);
  EXPECT_EQ(value_or_throw(service_from(description, "http://192.168.1.1:5001/x", type)).control, (HttpLocation{at("192.168.1.1:5001"), "/x"}));
  EXPECT_FALSE(service_from(description, "http://81.2.69.10/x", type));
  EXPECT_FALSE(service_from(description, "http://[2001:db8::1]/x", type));
  const HttpLocation over_ipv6{at("[fe80::1]:5000"), "/rootDesc.xml"};
  EXPECT_EQ(value_or_throw(service_from(over_ipv6, "/ctl", type)).control, (HttpLocation{at("[fe80::1]:5000"), "/ctl"}));
  EXPECT_FALSE(service_from(description, "", type));
  EXPECT_FALSE(service_from(description, "/a\r\nHost: b", type));
  EXPECT_FALSE(service_from(description, "/a", "urn:x\"\r\nX-Injected: 1"));
  EXPECT_FALSE(service_from(description, "/a", ""));
}

}  // namespace
}  // namespace pshare
