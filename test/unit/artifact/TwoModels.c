/* Two models in one program: each header, its own constants and variables. */
#include "first.h"
#include "second.h"

#include <stdio.h>

int main(void) {
  float x[8] = {1, 1, 1, 1, 2, 2, 2, 2}, y[8], z[8];
  int64_t step = 5, now = 0, other = 0, indices[8], shape[1];
  if (first_scale(2, x, y) || second_scale(2, x, z))
    return printf("%s / %s\n", first_message(), second_message()), 1;
  if (first_count(&step, &now) || first_count(&step, &now) || second_count(&step, &other))
    return 2;
  if (first_positive(8, x, indices, 8, shape))
    return 3;
  printf("%g %g %lld %lld %lld\n", y[7], z[7], (long long)now, (long long)other,
         (long long)shape[0]);
  if (first_scale(2, 0, y) != INGOT_INVALID_ARGUMENT)
    return 4;
  printf("%s\n", first_message());
  return 0;
}
