// The log: one line for each event and its facts, on standard error. Drivers log, cores report. The only way to spdlog.
//
//   2026-01-31T12:00:00.123 debug lane.accepted remote=192.0.2.1:4700 session=0f3a...
//
// error: the user must act. warn: something degraded. info: a handful of lines for each transfer. debug: each attempt and decision
// with its reason. trace: each packet. Peers' addresses and file names from debug on; secrets and plaintext never.
#pragma once

#include <concepts>
#include <initializer_list>
#include <string>
#include <string_view>

#include "wire/address.hpp"
#include "wire/time.hpp"

namespace pshare {

enum class LogLevel { trace, debug, info, warn, error, off };

/// One fact of an event. Texts may hold anything: the line shows them printable, quoted where they contain spaces or quotes.
struct LogFact {
  LogFact(std::string_view name, std::string_view text) : key(name), value(text) {}
  LogFact(std::string_view name, const char* text) : key(name), value(text) {}
  LogFact(std::string_view name, const std::string& text) : key(name), value(text) {}
  LogFact(std::string_view name, std::integral auto number) : key(name), value(std::to_string(number)) {}
  LogFact(std::string_view name, const Endpoint& endpoint) : key(name), value(endpoint.text()) {}
  LogFact(std::string_view name, Duration duration);

  std::string_view key;
  std::string value;
};

/// Lines below this level are not written. warn, until it is set. Of the whole process, as standard error is.
void set_log_level(LogLevel level);
bool logs(LogLevel level);

/// `event` names what happened and where: "lane.accepted".
void log(LogLevel level, std::string_view event, std::initializer_list<LogFact> facts = {});

/// The line's own part, "event key=value ...", for tests.
std::string log_line(std::string_view event, std::initializer_list<LogFact> facts);

}  // namespace pshare
