#include "network/mapping_igd.hpp"

#include <algorithm>
#include <utility>

namespace pshare::sim {

namespace {

using Refusal = MappingTable::Refusal;

std::optional<Protocol> protocol_from(const std::string& word) {
  if (word == "UDP") return Protocol::udp;
  if (word == "TCP") return Protocol::tcp;
  return std::nullopt;
}

}  // namespace

template <typename T, typename Act>
void InternetGatewayDevice::respond(OnResponse<T> call, Act act) {
  service_.soon(settings_.answers_after, [call = std::move(call), act = std::move(act)] { call(act()); });
}

void InternetGatewayDevice::get_status_info(const IpAddress& control_point, OnResponse<std::string> call) {
  respond(std::move(call), [this, control_point]() -> Response<std::string> {
    return std::string{external_ip_address(control_point).empty() ? "Disconnected" : "Connected"};
  });
}

void InternetGatewayDevice::get_external_ip_address(const IpAddress& control_point, OnResponse<std::string> call) {
  respond(std::move(call), [this, control_point]() -> Response<std::string> { return external_ip_address(control_point); });
}

void InternetGatewayDevice::add_port_mapping(const IpAddress& control_point, Entry entry, OnResponse<Done> call) {
  respond(std::move(call), [this, control_point, entry = std::move(entry)]() -> Response<Done> {
    const auto added = add(control_point, entry, Choice::this_port);
    if (const auto* const error = std::get_if<UpnpError>(&added)) return *error;
    return Done{};
  });
}

void InternetGatewayDevice::add_any_port_mapping(const IpAddress& control_point, Entry entry, OnResponse<Port> call) {
  respond(std::move(call), [this, control_point, entry = std::move(entry)]() -> Response<Port> {
    return is_two() ? add(control_point, entry, Choice::any_port) : Response<Port>{UpnpError::invalid_action};
  });
}

void InternetGatewayDevice::delete_port_mapping(const IpAddress& control_point, const std::string& remote_host, Port external,
                                                const std::string& protocol, OnResponse<Done> call) {
  respond(std::move(call), [=, this]() -> Response<Done> {
    const auto found = find(remote_host, external, protocol);
    if (const auto* const error = std::get_if<UpnpError>(&found)) return *error;
    const auto& mapping = std::get<PortMapping>(found);
    if (service_.table().habits().for_requester_only && mapping.internal.address != control_point)
      return is_two() ? UpnpError::not_authorized : UpnpError::no_such_entry_in_array;
    service_.table().remove(mapping.protocol, mapping.external);
    return Done{};
  });
}

void InternetGatewayDevice::get_specific_port_mapping_entry(const IpAddress&, const std::string& remote_host, Port external,
                                                            const std::string& protocol, OnResponse<Entry> call) {
  respond(std::move(call), [=, this]() -> Response<Entry> {
    const auto found = find(remote_host, external, protocol);
    if (const auto* const error = std::get_if<UpnpError>(&found)) return *error;
    return entry_of(std::get<PortMapping>(found));
  });
}

void InternetGatewayDevice::get_generic_port_mapping_entry(const IpAddress&, std::uint16_t index, OnResponse<Entry> call) {
  respond(std::move(call), [this, index]() -> Response<Entry> {
    const auto& all = service_.table().all(service_.now());
    if (index >= all.size()) return UpnpError::specified_array_index_invalid;
    return entry_of(all[index]);
  });
}

std::string InternetGatewayDevice::external_ip_address(const IpAddress& control_point) {
  const auto told = service_.table().told_address(control_point);
  return told && service_.table().is_suitable(*told) ? told->text() : std::string{};
}

InternetGatewayDevice::Response<Port> InternetGatewayDevice::add(const IpAddress& control_point, const Entry& entry, Choice choice) {
  if (const auto error = error_in(entry, choice)) return *error;
  const auto client = IpAddress::parse(entry.internal_client);
  if (!client) return UpnpError::invalid_args;
  const auto outcome = service_.table().put({.protocol = *protocol_from(entry.protocol),
                                             .internal = {*client, entry.internal_port},
                                             .requester = control_point,
                                             .external = entry.external_port,
                                             .only_this_port = choice == Choice::this_port,
                                             .lifetime = lifetime_of(entry),
                                             .description = entry.description,
                                             .enabled = entry.enabled},
                                            service_.now());
  if (const auto* const refusal = std::get_if<Refusal>(&outcome)) return error_for(*refusal);
  return std::get<PortMapping>(outcome).external;
}

std::optional<UpnpError> InternetGatewayDevice::error_in(const Entry& entry, Choice choice) const {
  if (!protocol_from(entry.protocol)) return UpnpError::invalid_args;
  if (settings_.refuses_additions_with) return settings_.refuses_additions_with;
  if (!entry.remote_host.empty()) return UpnpError::remote_host_only_supports_wildcard;
  if (entry.external_port == Port{} && choice == Choice::this_port) return UpnpError::wildcard_not_permitted_in_ext_port;
  if (entry.internal_port == Port{}) return is_two() ? UpnpError::wildcard_not_permitted_in_int_port : UpnpError::invalid_args;
  if (is_two()) return std::nullopt;
  if (settings_.only_same_ports && entry.internal_port != entry.external_port) return UpnpError::same_port_values_required;
  if (settings_.only_permanent_leases && entry.lease_duration != 0) return UpnpError::only_permanent_leases_supported;
  return std::nullopt;
}

std::optional<Duration> InternetGatewayDevice::lifetime_of(const Entry& entry) const {
  if (entry.lease_duration == 0 && !is_two()) return std::nullopt;
  const auto seconds = entry.lease_duration == 0 ? settings_.longest_lease : std::min(entry.lease_duration, settings_.longest_lease);
  return std::chrono::seconds{seconds};
}

UpnpError InternetGatewayDevice::error_for(Refusal refusal) const {
  switch (refusal) {
    case Refusal::not_allowed: return is_two() ? UpnpError::not_authorized : UpnpError::conflict_in_mapping_entry;
    case Refusal::port_taken: return UpnpError::conflict_in_mapping_entry;
    case Refusal::full: return is_two() ? UpnpError::no_port_maps_available : UpnpError::action_failed;
    case Refusal::other_nonce:
    case Refusal::no_address:
    case Refusal::reserved_address: break;
  }
  return UpnpError::action_failed;
}

InternetGatewayDevice::Response<PortMapping> InternetGatewayDevice::find(const std::string& remote_host, Port external, const std::string& protocol) {
  const auto known_protocol = protocol_from(protocol);
  if (!known_protocol || external == Port{}) return UpnpError::invalid_args;
  const auto mapping = service_.table().by_external(*known_protocol, external, service_.now());
  if (!mapping || !remote_host.empty()) return UpnpError::no_such_entry_in_array;
  return *mapping;
}

InternetGatewayDevice::Entry InternetGatewayDevice::entry_of(const PortMapping& mapping) const {
  const auto lease = mapping.ends_at ? service_.table().lifetime_of(mapping, service_.now()) : std::chrono::seconds{0};
  return {.external_port = mapping.external,
          .protocol = mapping.protocol == Protocol::udp ? "UDP" : "TCP",
          .internal_port = mapping.internal.port,
          .internal_client = mapping.internal.address.text(),
          .enabled = mapping.enabled,
          .description = mapping.description,
          // Less than a second left is not for ever.
          .lease_duration = mapping.ends_at ? static_cast<std::uint32_t>(std::max<std::chrono::seconds::rep>(lease.count(), 1)) : 0};
}

}  // namespace pshare::sim
