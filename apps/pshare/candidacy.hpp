// What a supernode tells the server of itself, and when again (Volunteer in wire/control.hpp). A core: it is told through which port we can be
// reached, whether the server is there and whether there is room; out comes what to say, one thing at a time. The server looks again each time, so
// this is also how we come to know that others reach us, or that they do not any more.
#pragma once

#include <optional>
#include <string_view>
#include <variant>

#include "wire/address.hpp"
#include "wire/control.hpp"
#include "wire/core.hpp"
#include "wire/error.hpp"

namespace pshare {

/// Listed, we are looked at again this often: a router that forgot a forward is noticed, and costs peers no more than that long.
inline constexpr Duration between_candidacies = std::chrono::minutes{5};
/// Not reached, or refused: somebody may be changing their router at this moment. Doubles up to between_candidacies.
inline constexpr Duration first_candidacy_pause = std::chrono::seconds{20};
/// After something was said, so much time passes before we say that there is room again: what comes and goes all the time would have the server
/// dial us all the time (relay/rendezvous.hpp, dial_backs_of_a_connection). That we are full, or no more there, is said at once.
inline constexpr Duration least_candidacy_pause = std::chrono::seconds{10};

class Candidacy {
 public:
  /// Say this to the server, and tell what it answered. Port 0: we are no more a supernode.
  struct Say {
    Port port = {};
    bool full = false;
    friend bool operator==(const Say&, const Say&) = default;
  };
  using Action = Say;

  struct NotAsked   {};                                          // no server yet, or no port, or no answer
  struct Listed     { Endpoint at; };                            // others are told to come there
  struct Full       {};                                          // known to the server, and not shown to anybody
  struct Unreached  { Port port; DialBackOutcome outcome; };     // nobody can come
  struct TurnedDown { Error why; };
  struct Withdrawn  {};
  using Standing = std::variant<NotAsked, Listed, Full, Unreached, TurnedDown, Withdrawn>;

  /// From where others could come; nothing as long as we do not know.
  void reached_through(std::optional<Port> port, TimePoint now);
  void server_is_there(TimePoint now);
  /// Of what it knew of us, nothing is left.
  void server_lost();
  void room(bool there_is, TimePoint now);
  /// For good.
  void withdraw(TimePoint now);

  void answered(const Volunteered& answer, TimePoint now);
  /// It said no, or nothing.
  void failed(const Error& why, TimePoint now);

  void expire(TimePoint now);
  std::optional<TimePoint> deadline() const;
  std::optional<Action> take();

  const Standing& standing() const { return standing_; }
  /// The server knows of our withdrawal, or cannot be told.
  bool is_withdrawn() const { return std::holds_alternative<Withdrawn>(standing_); }

 private:
  Say wanted() const;
  bool may_say() const;
  void consider(TimePoint now);
  void again_after(Duration pause, TimePoint now);

  std::optional<Port> port_;
  bool there_ = false, full_ = false, withdrawing_ = false;
  std::optional<Say> asking_;            // said, and not answered
  std::optional<Say> said_;              // the last thing said on this connection, and answered, if only by a no
  std::optional<Say> out_;               // to be taken
  std::optional<TimePoint> said_at_, again_at_;
  Duration pause_ = first_candidacy_pause;
  Standing standing_;
};
static_assert(Core<Candidacy>);

}  // namespace pshare
