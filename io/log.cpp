#include "io/log.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "io/printable.hpp"

namespace pshare {

namespace {

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::trace: return spdlog::level::trace;
    case LogLevel::debug: return spdlog::level::debug;
    case LogLevel::info: return spdlog::level::info;
    case LogLevel::warn: return spdlog::level::warn;
    case LogLevel::error: return spdlog::level::err;
    case LogLevel::off: return spdlog::level::off;
  }
  return spdlog::level::off;
}

/// Made at the first use, for the whole process: there is one standard error.
spdlog::logger& logger() {
  static const auto instance = [] {
    auto made = std::make_shared<spdlog::logger>("pshare", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%Y-%m-%dT%H:%M:%S.%e %l %v");
    made->set_level(spdlog::level::warn);
    made->flush_on(spdlog::level::trace);
    return made;
  }();
  return *instance;
}

bool wants_quotes(std::string_view value) { return value.empty() || value.find_first_of(" \"=") != std::string_view::npos; }

}  // namespace

LogFact::LogFact(std::string_view name, Duration duration)
    : key(name), value(std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count()) + "ms") {}

void set_log_level(LogLevel level) { logger().set_level(to_spdlog(level)); }

bool logs(LogLevel level) { return logger().should_log(to_spdlog(level)); }

void log(LogLevel level, std::string_view event, std::initializer_list<LogFact> facts) {
  if (!logs(level)) return;
  logger().log(to_spdlog(level), spdlog::string_view_t{log_line(event, facts)});
}

std::string log_line(std::string_view event, std::initializer_list<LogFact> facts) {
  std::string line{event};
  for (const auto& fact : facts) {
    line += ' ';
    line += fact.key;
    line += '=';
    const auto value = printable(fact.value);
    if (!wants_quotes(value)) {
      line += value;
      continue;
    }
    line += '"';
    for (const char character : value) {
      if (character == '"') line += '\\';
      line += character;
    }
    line += '"';
  }
  return line;
}

}  // namespace pshare
