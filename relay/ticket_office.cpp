#include "relay/ticket_office.hpp"

#include "secure/ticket.hpp"

namespace pshare {

Result<ByteBuffer> TicketOffice::sign(const Question& question, const IpAddress& subscriber, UnixTime wall, TimePoint now) {
  if (question.asker == question.peer) return Unexpected{{.code = Errc::refused, .doing = "a relay joins two different identities, not one with itself"}};
  if (!of_keys_.allow(question.asker, now)) return Unexpected{{.code = Errc::limit, .doing = "too many relay tickets were asked for; wait a minute"}};
  if (!of_addresses_.allow(subscriber, now))
    return Unexpected{{.code = Errc::limit, .doing = "too many relay tickets were asked for from your address; wait a minute"}};
  const bool ours = question.relay == id();
  return sign_ticket(rendezvous_, {TicketId::random(random_), question.session, question.asker, question.peer, question.relay, wall + ticket_lifetime,
                                   ours ? quota_ : std::nullopt});
}

}  // namespace pshare
