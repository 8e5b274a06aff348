// The commit that the program was built from, "unknown" unless launch/setup.sh built it: see Package.swift.
const char *_Nonnull prefopt_commit(void);
