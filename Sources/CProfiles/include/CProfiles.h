/* The device profiles that the tool carries, as the bytes of their JSON files. */
#ifndef CPROFILES_H
#define CPROFILES_H

#include <stddef.h>

struct kvplan_profile_bytes {
  const unsigned char *_Nonnull start;
  size_t count;
};

struct kvplan_profile_bytes kvplan_profile_a100(void);
struct kvplan_profile_bytes kvplan_profile_h100(void);
struct kvplan_profile_bytes kvplan_profile_b200(void);
struct kvplan_profile_bytes kvplan_profile_rtx_pro_6000(void);

#endif
