// A gateway as UPnP knows it (Internet Gateway Device), at the level of SOAP actions: those of WANIPConnection:1 and :2 that have to do
// with port mappings, under the names that those documents give them, with the errors that they list. There is no SSDP, HTTP or SOAP
// here: nothing of ours reads any of it. miniupnpc does, and what it says to a real router's code (miniupnpd) the kernel laboratory shows.
// What is left to test with this is who asks for what when, and what comes of each answer.
//
// A call is an action's request; the callback gets its response, later, unless the gateway reboots before that.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <variant>

#include "network/mapping_service.hpp"

namespace pshare::sim {

/// UPnP Device Architecture section 3.2.2, WANIPConnection:1 sections 2.4.14 to 2.4.18, and the same of :2. Those without a comment are
/// answered where the documents want them; the others only as Settings::refuses_additions_with.
enum class UpnpError : std::uint16_t {
  invalid_action = 401,
  invalid_args = 402,
  action_failed = 501,
  not_authorized = 606,                          // :2; in :1 it is conflict_in_mapping_entry, as miniupnpd does it
  specified_array_index_invalid = 713,
  no_such_entry_in_array = 714,
  wildcard_not_permitted_in_src_ip = 715,        // it wants to know who the remote host is
  wildcard_not_permitted_in_ext_port = 716,
  conflict_in_mapping_entry = 718,
  same_port_values_required = 724,
  only_permanent_leases_supported = 725,
  remote_host_only_supports_wildcard = 726,
  external_port_only_supports_wildcard = 727,    // it maps all ports or none
  no_port_maps_available = 728,                  // :2; in :1 it is action_failed
  conflict_with_other_mechanisms = 729,          // :2
  wildcard_not_permitted_in_int_port = 732,      // :2; in :1 it is invalid_args
};

class InternetGatewayDevice {
 public:
  enum class Version { one = 1, two = 2 };
  struct Settings {
    Version version = Version::one;
    Duration answers_after = std::chrono::milliseconds{5};  // as miniupnpd in the kernel laboratory
    std::uint32_t longest_lease = 604'800;  // seconds; others become this, and nobody is told. A week: WANIPConnection:2 section 2.3.16
    // Of :1.
    bool only_permanent_leases = false;  // 725 for others
    bool only_same_ports = false;        // 724 for others
    std::optional<UpnpError> refuses_additions_with{};  // all of them
  };
  /// What the actions call NewRemoteHost, NewExternalPort, and so on.
  struct Entry {
    std::string remote_host{};      // empty: anybody
    Port external_port;
    std::string protocol{};         // "UDP", "TCP"
    Port internal_port;
    std::string internal_client{};  // an address
    bool enabled = true;
    std::string description{};
    std::uint32_t lease_duration = 0;  // seconds; 0: for ever, in :2 the longest
    friend bool operator==(const Entry&, const Entry&) = default;
  };
  struct Done { friend bool operator==(Done, Done) = default; };
  template <typename T>
  using Response = std::variant<T, UpnpError>;
  template <typename T>
  using OnResponse = std::function<void(const Response<T>&)>;

  /// The service lives longer. It may speak neither PCP nor NAT-PMP; its table is also ours.
  InternetGatewayDevice(MappingService& service, Settings settings) : service_(service), settings_(settings) {}
  InternetGatewayDevice(const InternetGatewayDevice&) = delete;

  // `control_point` is the address of who asks.

  /// "Connected", "Disconnected".
  void get_status_info(const IpAddress& control_point, OnResponse<std::string> call);
  /// Empty: it has none, or none that it likes.
  void get_external_ip_address(const IpAddress& control_point, OnResponse<std::string> call);
  void add_port_mapping(const IpAddress& control_point, Entry entry, OnResponse<Done> call);
  /// Gives the external port, which may be another. Of :2.
  void add_any_port_mapping(const IpAddress& control_point, Entry entry, OnResponse<Port> call);
  void delete_port_mapping(const IpAddress& control_point, const std::string& remote_host, Port external, const std::string& protocol,
                           OnResponse<Done> call);
  void get_specific_port_mapping_entry(const IpAddress& control_point, const std::string& remote_host, Port external,
                                       const std::string& protocol, OnResponse<Entry> call);
  void get_generic_port_mapping_entry(const IpAddress& control_point, std::uint16_t index, OnResponse<Entry> call);

 private:
  enum class Choice { this_port, any_port };

  template <typename T, typename Act>
  void respond(OnResponse<T> call, Act act);
  std::string external_ip_address(const IpAddress& control_point);
  Response<Port> add(const IpAddress& control_point, const Entry& entry, Choice choice);
  std::optional<UpnpError> error_in(const Entry& entry, Choice choice) const;
  Response<PortMapping> find(const std::string& remote_host, Port external, const std::string& protocol);
  Entry entry_of(const PortMapping& mapping) const;
  UpnpError error_for(MappingTable::Refusal refusal) const;
  std::optional<Duration> lifetime_of(const Entry& entry) const;
  bool is_two() const { return settings_.version == Version::two; }

  MappingService& service_;
  Settings settings_;
};

}  // namespace pshare::sim
