#include "version.h"

const char *prefopt_commit(void) { return PREFOPT_COMMIT; }
