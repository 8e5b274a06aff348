// libonig spells its encodings as addresses of globals and formats its messages with variable arguments, which Swift
// can't import: a function for each.
#include <oniguruma.h>

static inline int prefopt_onig_initialize(void) {
    OnigEncoding encodings[] = {ONIG_ENCODING_UTF8};
    return onig_initialize(encodings, 1);
}

static inline int prefopt_onig_new(OnigRegex *regex, const OnigUChar *start, const OnigUChar *end, OnigErrorInfo *info) {
    return onig_new(regex, start, end, ONIG_OPTION_NONE, ONIG_ENCODING_UTF8, OnigDefaultSyntax, info);
}

// Writes at most ONIG_MAX_ERROR_MESSAGE_LEN bytes and returns their number.
static inline int prefopt_onig_message(OnigUChar *message, int code, OnigErrorInfo *info) {
    return onig_error_code_to_str(message, code, info);
}
