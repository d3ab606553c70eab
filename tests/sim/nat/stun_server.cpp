#include "nat/stun_server.hpp"

#include <algorithm>

namespace pshare::sim {

StunServer::StunServer(Machine& machine) {
  for (const auto& local : machine.addresses())
    if (addresses_.size() < 2) addresses_.push_back(local.address);
  for (const auto& address : addresses_)
    for (const auto port : {primary_port, alternate_port}) {
      const Endpoint here{address, port};
      auto& place = places_.emplace_back(Place{here, value_or_throw(machine.udp({.address = address, .port = port}))});
      place.socket.on_datagram([this, here](const Endpoint& from, const Endpoint&, ByteView datagram) { heard(here, from, datagram); });
    }
}

void StunServer::heard(const Endpoint& at, const Endpoint& from, ByteView datagram) {
  const auto asked = decode_stun(datagram);
  if (!asked || asked->message.kind != StunClass::request) return;
  StunMessage answer{.kind = StunClass::success, .id = asked->message.id};
  auto* place = other(at, understands_change_request ? asked->message.change_request.value_or(ChangeRequest{}) : ChangeRequest{});
  if (place == nullptr || (!is_heard_at_alternate_port && (at.port == alternate_port || place->at.port == alternate_port))) return;
  answer.xor_mapped_address = from;
  answer.response_origin = place->at;
  answer.other_address = Endpoint{addresses_.back() == at.address ? addresses_.front() : addresses_.back(),
                                  at.port == primary_port ? alternate_port : primary_port};
  const auto bytes = encode(answer);
  const auto port = understands_response_port ? asked->message.response_port.value_or(from.port) : from.port;
  if (bytes.size() <= datagram.size()) place->socket.send_to({from.address, port}, bytes);
}

StunServer::Place* StunServer::other(const Endpoint& at, const ChangeRequest& change) {
  const auto found = std::ranges::find_if(places_, [&](const Place& place) {
    return (place.at.address != at.address) == change.address && (place.at.port != at.port) == change.port;
  });
  return found == places_.end() ? nullptr : &*found;
}

}  // namespace pshare::sim
