// The files of the embedded example, as bytes inside the program.
#include <stddef.h>

typedef struct {
    const char *_Nonnull name;
    const unsigned char *_Nonnull bytes;
    size_t count;
} prefopt_example;

enum { prefopt_example_count = 8 };

prefopt_example prefopt_example_file(int number);
