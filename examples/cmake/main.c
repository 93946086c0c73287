/* Runs the first signature of a model once, whatever its sizes, through the
 * generic functions: named sizes are 2, inputs 0.5. */
#include "net.h"

#include <stdio.h>
#include <stdlib.h>

int main(void) {
  const ingot_module *m = net_module();
  const ingot_signature *s = &m->signatures[0];
  ingot_tensor in[8] = {0}, out[8] = {0};
  ingot_context *context = NULL;
  uint32_t i;
  int d;
  if (ingot_context_create(m, NULL, &context))
    return fprintf(stderr, "%s\n", net_message()), 1;
  for (i = 0; i < s->num_inputs; ++i) {
    size_t n = 1, k;
    in[i].dtype = s->inputs[i].dtype;
    in[i].rank = s->inputs[i].rank;
    for (d = 0; d < in[i].rank; ++d) {
      int64_t size = s->inputs[i].dims[d];
      in[i].shape[d] = size < 0 ? 2 : size;
      n *= (size_t)in[i].shape[d];
    }
    in[i].capacity = n * ingot_dtype_size(in[i].dtype);
    in[i].data = calloc(1, in[i].capacity);
    for (k = 0; in[i].dtype == INGOT_F32 && k < n; ++k)
      ((float *)in[i].data)[k] = 0.5f;
  }
  if (ingot_output_shapes(m, context, 0, in, out))
    return fprintf(stderr, "%s\n", net_message()), 1;
  for (i = 0; i < s->num_outputs; ++i)
    out[i].data = malloc(out[i].capacity);
  if (ingot_run(m, context, 0, in, out))
    return fprintf(stderr, "%s\n", net_message()), 1;
  printf("%s:", s->outputs[0].name);
  for (d = 0; d < out[0].rank; ++d)
    printf(" %lld", (long long)out[0].shape[d]);
  if (out[0].dtype == INGOT_F32)
    printf(" first %.6g", ((float *)out[0].data)[0]);
  printf("\n");
  for (i = 0; i < s->num_inputs; ++i)
    free(in[i].data);
  for (i = 0; i < s->num_outputs; ++i)
    free(out[i].data);
  ingot_context_destroy(m, context);
  return 0;
}
