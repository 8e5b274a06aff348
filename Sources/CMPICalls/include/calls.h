// How far this rank is in the calls in which ranks wait for each other. Kept by calls.c, read by any thread.
#include <stddef.h>

// Calls begun and calls that have returned. While the first is larger the rank is inside one.
unsigned long prefopt_mpi_calls_begun(void);
unsigned long prefopt_mpi_calls_done(void);

// Around a wait for other ranks that isn't one call of MPI: turning over memory shared with them, or testing a request.
void prefopt_mpi_wait_begins(void);
void prefopt_mpi_wait_ends(void);

// Leaves a process behind that ends this host's part of the launcher if it is still there after some seconds: it may wait for
// a host that no longer answers. Nothing for other launchers.
void prefopt_end_launcher_after(unsigned seconds);

// The version of the Open MPI library that was found at run time, as it gives itself.
void prefopt_mpi_library_version(char *_Nonnull text, size_t room);
