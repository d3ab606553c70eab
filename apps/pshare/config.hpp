// pshare config. Apart from the other verbs: it makes no home and no identity, and works where pshare.toml is wrong.
#pragma once

#include "apps/pshare/options.hpp"
#include "apps/pshare/report.hpp"
#include "io/outlet.hpp"

namespace pshare {

/// Throws Failure: usage for a file that is wrong, local_io for one that cannot be read.
void config(const CommonOptions& common, const ConfigOptions& options, const Environment& environment, Report& report);

}  // namespace pshare
