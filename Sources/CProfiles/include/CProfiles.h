/* What the tool carries: device profiles as the bytes of their JSON files, and the errors of served latency (TSV). */
#ifndef CPROFILES_H
#define CPROFILES_H

#include <stddef.h>

struct kvplan_profile_bytes {
  const unsigned char *_Nullable start;
  size_t count;
};

/* The profile in `profiles/NAME.json`; no bytes where there is none. */
struct kvplan_profile_bytes kvplan_profile(const char *_Nonnull name);
struct kvplan_profile_bytes kvplan_profile_served_errors(void);

#endif
