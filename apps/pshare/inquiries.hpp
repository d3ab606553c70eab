// Answering contacts who ask by `pshare doctor --with` what kind of network we are in: kinds alone, no addresses. Strangers get no answer, not even that.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "apps/pshare/correspondence.hpp"
#include "apps/pshare/program.hpp"
#include "traversal/io/standpoint.hpp"
#include "wire/findings.hpp"

namespace pshare {

/// What can be said without looking closer, in a program that does something else.
NetworkFindings network_of(const Standpoint& standpoint);

class Inquiries {
 public:
  /// `network` gives nothing as long as we do not know: whoever asks is answered later, by answer_the_waiting(). All references live longer.
  Inquiries(Program& program, Correspondence& letters, std::function<std::optional<NetworkFindings>()> network);
  Inquiries(const Inquiries&) = delete;
  ~Inquiries();

  void answer_the_waiting();
  /// Somebody has asked and was not answered yet.
  bool somebody_waits() const { return !waiting_.empty(); }

 private:
  void take(Letter letter);
  bool answer(const Letter& letter);

  Program& program_;
  Correspondence& letters_;
  std::function<std::optional<NetworkFindings>()> network_;
  std::vector<Letter> waiting_;
};

}  // namespace pshare
