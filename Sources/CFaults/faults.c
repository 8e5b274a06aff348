#define _GNU_SOURCE
#include "faults.h"

#include <execinfo.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

// Written before a handler can run, read by handlers only.
static char beginning_text[512], ending_text[512];
static int final_status;
static unsigned time_limit;
static struct sigaction before[NSIG];

static atomic_flag is_ending = ATOMIC_FLAG_INIT;

typedef struct {
    int number;
    const char *name;
    // What it says where nobody sent it.
    const char *meaning;
} fault;

static const fault faults[] = {
    {SIGSEGV, "SIGSEGV", ", an access to memory that it doesn't have"},
    {SIGBUS, "SIGBUS",
     ", memory that can't be had: a mapped file (of the model, of a cache) became shorter or can't be read, or shared memory "
     "(/dev/shm) is full"},
    {SIGILL, "SIGILL", ", a check inside the program that failed, or an instruction that this CPU lacks"},
    {SIGFPE, "SIGFPE", ", an impossible division"},
    {SIGABRT, "SIGABRT", ", a library gave up"},
    {SIGTRAP, "SIGTRAP", ", a check inside the program that failed"},
    {SIGQUIT, "SIGQUIT", ""},
};
static const size_t fault_count = sizeof faults / sizeof *faults;

// Decimal digits; printf isn't for signal handlers.
static char *digits(long number, char *end) {
    do *--end = '0' + number % 10; while (number /= 10);
    return end;
}

static struct iovec piece(const char *text) {
    struct iovec piece = {(char *)text, strlen(text)};
    return piece;
}

static void say(int number, const siginfo_t *information) {
    char room[24] = {0};
    const fault *which = faults;
    while (which->number != number) ++which;
    struct iovec line[8];
    int count = 0;
    line[count++] = piece(beginning_text);
    // SI_TKILL is abort(), which a process sends to itself.
    if (information->si_code == SI_USER && information->si_pid != getpid()) {
        line[count++] = piece("the signal ");
        line[count++] = piece(which->name);
        line[count++] = piece(", sent by process ");
        line[count++] = piece(digits(information->si_pid, room + sizeof room - 1));
    } else {
        line[count++] = piece(which->name);
        line[count++] = piece(which->meaning);
    }
    line[count++] = piece(ending_text);
    // One call, so that the lines of several ranks stay whole.
    ssize_t written = writev(STDERR_FILENO, line, count);
    (void)written;
}

static void end_now(int number) {
    (void)number;
    _exit(final_status);
}

static void limit_time(void) {
    struct sigaction action = {.sa_handler = end_now};
    sigaction(SIGALRM, &action, NULL);
    // A worker thread has every signal blocked, and the others are about to be stopped.
    sigset_t alarms;
    sigemptyset(&alarms);
    sigaddset(&alarms, SIGALRM);
    pthread_sigmask(SIG_UNBLOCK, &alarms, NULL);
    alarm(time_limit);
}

static void handle(int number, siginfo_t *information, void *registers) {
    // The first thread to fault ends the process.
    if (atomic_flag_test_and_set(&is_ending)) for (;;) pause();
    say(number, information);
    limit_time();
    const struct sigaction *earlier = &before[number];
    if (earlier->sa_flags & SA_SIGINFO) {
        earlier->sa_sigaction(number, information, registers);
    } else if (earlier->sa_handler != SIG_DFL && earlier->sa_handler != SIG_IGN) {
        earlier->sa_handler(number);
    } else {
        void *stack[64];
        backtrace_symbols_fd(stack, backtrace(stack, 64), STDERR_FILENO);
    }
    _exit(final_status);
}

void prefopt_end_on_faults(const char *beginning, const char *ending, int status, unsigned seconds) {
    snprintf(beginning_text, sizeof beginning_text, "%s", beginning);
    snprintf(ending_text, sizeof ending_text, "%s\n", ending);
    final_status = status;
    time_limit = seconds;
    // Loads what it needs the first time, which a handler must not.
    void *stack[1];
    backtrace(stack, 1);

    struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    // Swift's backtracer itself reads what may not be there, in a thread that inherits what is blocked. Others that fault
    // meanwhile wait in the handler.
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < fault_count; ++i) sigaction(faults[i].number, &action, &before[faults[i].number]);
}
