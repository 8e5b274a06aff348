// Signals of faults (SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGQUIT) end the process with a line that says so.

// From now on each of these signals writes "BEGINNING what happened ENDING" to standard error, then where the threads stood
// (by the handler that was there before, Swift's backtracer, else as addresses of the stack), and ends the process with the
// status; after `seconds` even if that isn't done.
//
// Without this a signal that somebody sends doesn't end the process: Swift's handler prints where it stood, puts the default
// back and returns, counting on the faulty instruction to fault again. A sent signal has no such instruction.
void prefopt_end_on_faults(const char *_Nonnull beginning, const char *_Nonnull ending, int status, unsigned seconds);
