// XML of gateways: as miniupnpd writes it, as others do, and as nobody should.
#include "traversal/io/igd_xml.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "story.hpp"

namespace pshare {
namespace {

using namespace testing;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const HttpLocation description{at("192.168.1.1:5000"), "/rootDesc.xml"};

std::string service(std::string_view type, std::string_view control) {
  return "<service><serviceType>" + std::string{type} + "</serviceType><serviceId>x</serviceId><controlURL>" + std::string{control} +
         "</controlURL><eventSubURL>/evt</eventSubURL><SCPDURL>/s.xml</SCPDURL></service>";
}
std::string device(std::string_view services, std::string_view base = "") {
  return "<?xml version=\"1.0\"?><root xmlns=\"urn:schemas-upnp-org:device-1-0\">" + std::string{base} +
         "<device><deviceType>urn:schemas-upnp-org:device:InternetGatewayDevice:1</deviceType><deviceList><device>"
         "<deviceType>urn:schemas-upnp-org:device:WANDevice:1</deviceType><deviceList><device>"
         "<deviceType>urn:schemas-upnp-org:device:WANConnectionDevice:1</deviceType><serviceList>" +
         std::string{services} + "</serviceList></device></deviceList></device></deviceList></device></root>";
}
constexpr std::string_view ip_connection = "urn:schemas-upnp-org:service:WANIPConnection:1", ppp_connection = "urn:schemas-upnp-org:service:WANPPPConnection:1";

TEST(IgdXml, NamesTheServiceThatMapsPorts) {
  EXPECT_THAT(services_in(description, device(service(ip_connection, "/ctl/IPConn"))),
              ElementsAre(IgdService{{at("192.168.1.1:5000"), "/ctl/IPConn"}, std::string{ip_connection}}));
}

TEST(IgdXml, NamesBothServicesOfARouterThatHasTwo) {
  const auto services = services_in(description, device(service(ip_connection, "/ip") + service(ppp_connection, "/ppp")));
  ASSERT_EQ(services.size(), 2u);
  EXPECT_NE(services[0].type, services[1].type);
}

TEST(IgdXml, HeedsABaseOnTheSameHostAndNoOther) {
  const auto with = [](std::string_view base) {
    return services_in(description, device(service(ip_connection, "/c"), "<URLBase>" + std::string{base} + "</URLBase>"));
  };
  EXPECT_EQ(with("http://192.168.1.1:8080/").at(0).control.server, at("192.168.1.1:8080"));
  EXPECT_EQ(with("http://81.2.69.10:80/").at(0).control.server, at("192.168.1.1:5000"));
}

TEST(IgdXml, FindsNoServiceWhereThereIsNone) {
  EXPECT_THAT(services_in(description, device("")), IsEmpty());
  EXPECT_THAT(services_in(description, device(service(ip_connection, "http://81.2.69.10/steal"))), IsEmpty());
  EXPECT_THAT(services_in(description, ""), IsEmpty());
  EXPECT_THAT(services_in(description, "<<<<>>>>"), IsEmpty());
  EXPECT_THAT(services_in(description, "<root><device><serviceList><service><controlURL>" + std::string(5000, 'x')), IsEmpty());
}

TEST(IgdXml, NamesTheFirewallBesideTheServicesThatMapPorts) {
  constexpr std::string_view firewall = "urn:schemas-upnp-org:service:WANIPv6FirewallControl:1";
  const auto both = device(service(firewall, "/ctl/IP6FCtl") + service(ip_connection, "/ctl/IPConn"));
  EXPECT_EQ(firewall_in(description, both), (IgdService{{at("192.168.1.1:5000"), "/ctl/IP6FCtl"}, std::string{firewall}}));
  EXPECT_EQ(services_in(description, both).size(), 1u);
  const HttpLocation over_ipv6{at("[2001:db8:70::1]:5000"), "/rootDesc.xml"};
  EXPECT_EQ(firewall_in(over_ipv6, both).value().control, (HttpLocation{at("[2001:db8:70::1]:5000"), "/ctl/IP6FCtl"}));
  EXPECT_EQ(firewall_in(description, device(service(ip_connection, "/c"))), std::nullopt);
  EXPECT_EQ(firewall_in(description, device(service(firewall, "http://[2001:db8:66::6]/steal"))), std::nullopt);
  EXPECT_EQ(firewall_in(description, ""), std::nullopt);
}

TEST(IgdXml, ReadsTheFirewallsStatus) {
  const auto answer = [](std::string_view enabled, std::string_view allowed) {
    return "<s:Envelope><s:Body><u:GetFirewallStatusResponse><FirewallEnabled>" + std::string{enabled} + "</FirewallEnabled><InboundPinholeAllowed>" +
           std::string{allowed} + "</InboundPinholeAllowed></u:GetFirewallStatusResponse></s:Body></s:Envelope>";
  };
  EXPECT_EQ(firewall_status_in(answer("1", "1")), (FirewallStatus{true, true}));
  EXPECT_EQ(firewall_status_in(answer("0", "1")), (FirewallStatus{false, true}));
  EXPECT_EQ(firewall_status_in(answer("true", "no")), (FirewallStatus{true, false}));
  EXPECT_EQ(firewall_status_in(answer("yes", "false")), (FirewallStatus{true, false}));
  EXPECT_EQ(firewall_status_in(answer("2", "1")), std::nullopt);
  EXPECT_EQ(firewall_status_in(answer("1", "")), std::nullopt);
  EXPECT_EQ(firewall_status_in(""), std::nullopt);
}

TEST(IgdXml, ReadsThePinholesNumber) {
  const auto answer = [](std::string_view id) {
    return "<s:Envelope><s:Body><u:AddPinholeResponse><UniqueID>" + std::string{id} + "</UniqueID></u:AddPinholeResponse></s:Body></s:Envelope>";
  };
  EXPECT_EQ(pinhole_id_in(answer("0")), PinholeId{0});
  EXPECT_EQ(pinhole_id_in(answer("65535")), PinholeId{65535});
  for (const std::string_view none : {"", "65536", "-1", "7 ", "seven"}) EXPECT_EQ(pinhole_id_in(answer(none)), std::nullopt) << none;
  EXPECT_EQ(pinhole_id_in(""), std::nullopt);
}

TEST(IgdXml, ReadsTheAddressOutside) {
  const auto answer = [](std::string_view address) {
    return "<?xml version=\"1.0\"?><s:Envelope><s:Body><u:GetExternalIPAddressResponse><NewExternalIPAddress>" + std::string{address} +
           "</NewExternalIPAddress></u:GetExternalIPAddressResponse></s:Body></s:Envelope>";
  };
  EXPECT_EQ(external_address_in(answer("81.2.70.2")), ip("81.2.70.2"));
  EXPECT_EQ(external_address_in(answer("10.0.0.2")), ip("10.0.0.2"));
  for (const std::string_view none : {"", "0.0.0.0", "not an address", "2001:db8::1"}) EXPECT_EQ(external_address_in(answer(none)), std::nullopt) << none;
  EXPECT_EQ(external_address_in(""), std::nullopt);
}

TEST(IgdXml, ReadsAnErrorAndMakesItsWordsPrintable) {
  const auto error = soap_error_in(
      "<s:Envelope><s:Body><s:Fault><faultcode>s:Client</faultcode><faultstring>UPnPError</faultstring><detail><UPnPError>"
      "<errorCode>718</errorCode><errorDescription>Conflict\x1b[2JInMappingEntry</errorDescription></UPnPError></detail></s:Fault></s:Body></s:Envelope>");
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, 718);
  EXPECT_EQ(error->words, "Conflict\\x1b[2JInMappingEntry");
  EXPECT_FALSE(soap_error_in("<s:Envelope><errorCode>seven</errorCode></s:Envelope>"));
  EXPECT_FALSE(soap_error_in(""));
}

}  // namespace
}  // namespace pshare
