// MPI lets a program stand between itself and the library: what it calls MPI_X is also there as PMPI_X. Each call that may
// wait for another rank is counted here when it begins and when it returns, so that a thread that watches the program can
// tell "waits for others" from "others wait for it", whatever the call is.
#include "calls.h"
#include <mpi.h>
#include <stdatomic.h>
#include <string.h>

static atomic_ulong begun, done;

unsigned long prefopt_mpi_calls_begun(void) { return atomic_load_explicit(&begun, memory_order_relaxed); }
unsigned long prefopt_mpi_calls_done(void) { return atomic_load_explicit(&done, memory_order_relaxed); }

void prefopt_mpi_wait_begins(void) { atomic_fetch_add_explicit(&begun, 1, memory_order_relaxed); }
void prefopt_mpi_wait_ends(void) { atomic_fetch_add_explicit(&done, 1, memory_order_relaxed); }

void prefopt_mpi_library_version(char *text, size_t room) {
    char full[MPI_MAX_LIBRARY_VERSION_STRING] = "";
    int length = 0;
    MPI_Get_library_version(full, &length);
    strncpy(text, full, room - 1);
    text[room - 1] = 0;
}

#define COUNTED(name, parameters, arguments)                              \
    int MPI_##name parameters {                                           \
        atomic_fetch_add_explicit(&begun, 1, memory_order_relaxed);       \
        int result = PMPI_##name arguments;                               \
        atomic_fetch_add_explicit(&done, 1, memory_order_relaxed);        \
        return result;                                                    \
    }

COUNTED(Allreduce, (const void *a, void *b, int n, MPI_Datatype t, MPI_Op o, MPI_Comm c), (a, b, n, t, o, c))
COUNTED(Reduce, (const void *a, void *b, int n, MPI_Datatype t, MPI_Op o, int r, MPI_Comm c), (a, b, n, t, o, r, c))
COUNTED(Reduce_scatter_block, (const void *a, void *b, int n, MPI_Datatype t, MPI_Op o, MPI_Comm c), (a, b, n, t, o, c))
COUNTED(Reduce_scatter, (const void *a, void *b, const int n[], MPI_Datatype t, MPI_Op o, MPI_Comm c), (a, b, n, t, o, c))
COUNTED(Bcast, (void *b, int n, MPI_Datatype t, int r, MPI_Comm c), (b, n, t, r, c))
COUNTED(Barrier, (MPI_Comm c), (c))
COUNTED(Allgather, (const void *a, int n, MPI_Datatype t, void *b, int m, MPI_Datatype u, MPI_Comm c),
    (a, n, t, b, m, u, c))
COUNTED(Allgatherv,
    (const void *a, int n, MPI_Datatype t, void *b, const int m[], const int d[], MPI_Datatype u, MPI_Comm c),
    (a, n, t, b, m, d, u, c))
COUNTED(Gather, (const void *a, int n, MPI_Datatype t, void *b, int m, MPI_Datatype u, int r, MPI_Comm c),
    (a, n, t, b, m, u, r, c))
COUNTED(Scatter, (const void *a, int n, MPI_Datatype t, void *b, int m, MPI_Datatype u, int r, MPI_Comm c),
    (a, n, t, b, m, u, r, c))
COUNTED(Send, (const void *b, int n, MPI_Datatype t, int to, int tag, MPI_Comm c), (b, n, t, to, tag, c))
COUNTED(Recv, (void *b, int n, MPI_Datatype t, int from, int tag, MPI_Comm c, MPI_Status *s), (b, n, t, from, tag, c, s))
COUNTED(Sendrecv,
    (const void *a, int n, MPI_Datatype t, int to, int tag, void *b, int m, MPI_Datatype u, int from, int other,
        MPI_Comm c, MPI_Status *s),
    (a, n, t, to, tag, b, m, u, from, other, c, s))
COUNTED(Wait, (MPI_Request *r, MPI_Status *s), (r, s))
COUNTED(Waitall, (int n, MPI_Request r[], MPI_Status s[]), (n, r, s))
COUNTED(Win_fence, (int a, MPI_Win w), (a, w))
COUNTED(Win_allocate_shared, (MPI_Aint n, int u, MPI_Info i, MPI_Comm c, void *b, MPI_Win *w), (n, u, i, c, b, w))
COUNTED(Win_free, (MPI_Win *w), (w))
COUNTED(Comm_split, (MPI_Comm c, int colour, int key, MPI_Comm *new), (c, colour, key, new))
COUNTED(Comm_split_type, (MPI_Comm c, int type, int key, MPI_Info i, MPI_Comm *new), (c, type, key, i, new))
COUNTED(Comm_dup, (MPI_Comm c, MPI_Comm *new), (c, new))
COUNTED(Comm_free, (MPI_Comm *c), (c))
