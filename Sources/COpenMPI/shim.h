// Open MPI spells its constants as casts of the addresses of globals, which Swift can't import: a function for each.
#include <mpi.h>

static inline MPI_Comm prefopt_comm_world(void) { return MPI_COMM_WORLD; }
static inline MPI_Comm prefopt_comm_null(void) { return MPI_COMM_NULL; }
static inline MPI_Errhandler prefopt_errors_return(void) { return MPI_ERRORS_RETURN; }
static inline MPI_Info prefopt_info_null(void) { return MPI_INFO_NULL; }
static inline MPI_Request prefopt_request_null(void) { return MPI_REQUEST_NULL; }
static inline MPI_Status *prefopt_status_ignore(void) { return MPI_STATUS_IGNORE; }
static inline MPI_Datatype prefopt_float(void) { return MPI_FLOAT; }
static inline MPI_Datatype prefopt_double(void) { return MPI_DOUBLE; }
static inline MPI_Datatype prefopt_int64(void) { return MPI_INT64_T; }
static inline MPI_Datatype prefopt_int32(void) { return MPI_INT32_T; }
static inline MPI_Datatype prefopt_byte(void) { return MPI_BYTE; }
static inline MPI_Op prefopt_sum(void) { return MPI_SUM; }
static inline MPI_Op prefopt_max(void) { return MPI_MAX; }
static inline MPI_Op prefopt_min(void) { return MPI_MIN; }
static inline void *prefopt_in_place(void) { return MPI_IN_PLACE; }
