/*
 * main.c: the novt command's entry. The only place that ends the process normally.
 */
#include "console/command.h"

#ifdef NOVT_ASAN
/* The sanitizers look for their options here: the signals of guest code are ours, not reports. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) {
    return "handle_segv=0:handle_sigbus=0:handle_sigfpe=0:handle_sigill=0:handle_sigtrap=0:handle_abort=0:"
           "allow_user_segv_handler=1:use_sigaltstack=0:detect_stack_use_after_return=0";
}
const char *__ubsan_default_options(void);
const char *__ubsan_default_options(void) { return "print_stacktrace=1"; }
/* libedit keeps the names of functions added to it (EL_ADDFN). */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) { return "leak:wcsdup"; }
#endif

int main(int argc, char **argv) { return con_main(argc, argv); }
