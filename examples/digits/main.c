/* The digits model from C: classifies held-out digits, shows some of them.
 * Usage: digits FILE, where each row of FILE is 64 pixels (0..16) and a label.
 */
#include "digits.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static int best(const float *logits) {
  int k = 0;
  for (int i = 1; i < 10; ++i)
    k = logits[i] > logits[k] ? i : k;
  return k;
}

int main(int argc, char **argv) {
  static unsigned char rows[4096][65];
  static float image[4096][64], logits[4096][10];
  FILE *f = argc == 2 ? fopen(argv[1], "rb") : NULL;
  if (!f)
    return fprintf(stderr, "usage: digits FILE\n"), 2;
  int64_t n = (int64_t)fread(rows, 65, 4096, f);
  for (int64_t i = 0; i < n; ++i)
    for (int p = 0; p < 64; ++p)
      image[i][p] = rows[i][p];
  if (digits_serving_default(n, image[0], logits[0])) /* any batch size */
    return fprintf(stderr, "%s\n", digits_message()), 1;
  int right = 0;
  for (int64_t i = 0; i < n; ++i)
    right += best(logits[i]) == rows[i][64];
  for (int line = 0; line < 8; ++line, puts(""))
    for (int i = 0; i < 6; ++i, printf("   "))
      for (int p = 0; p < 8; ++p)
        printf("%c", " .:-=+*%@"[rows[i][line * 8 + p] / 2]),
            printf("%c", " .:-=+*%@"[rows[i][line * 8 + p] / 2]);
  for (int i = 0; i < 6; ++i)
    printf("is %d, found %d      ", rows[i][64], best(logits[i]));
  printf("\naccuracy on %lld digits never seen in training: %.1f %%\n", (long long)n,
         100.0 * right / (double)n);
  clock_t start = clock();
  for (int i = 0; i < 10000; ++i)
    digits_serving_default(1, image[i % n], logits[0]);
  printf("latency of one digit: %.2f us\n", (double)(clock() - start) / CLOCKS_PER_SEC * 100);
  return 0;
}
