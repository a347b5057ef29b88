// The subcommands of `hawser kube`.
#pragma once

#include "hawser/base/result.h"

namespace hawser::kube {
int nodeMain(int argc, char** argv);
int ctlMain(int argc, char** argv);
int complain(const Error& error);  // one line on standard error; returns 1
}  // namespace hawser::kube
