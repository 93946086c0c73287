#!/bin/sh
# Runs an artifact on the C library of Debian 11 (glibc 2.31), older than that
# of every supported build machine. The program around it is linked against the
# same old library. Ends with 77 (skipped) where the packages cannot be had.
#   old-glibc.sh COMPILER WORK_FOLDER CC
set -eu
compiler=$1 work=$2 cc=$3
mkdir -p "$work/state/lists/partial" "$work/cache/archives/partial"
cd "$work"

if [ ! -e root/lib/x86_64-linux-gnu/libc.so.6 ]; then
  echo "deb http://deb.debian.org/debian bullseye main" > sources.list
  touch status
  apt="apt-get -q -o Dir::Etc::SourceList=$work/sources.list -o Dir::Etc::SourceParts=/dev/null
    -o Dir::State=$work/state -o Dir::State::status=$work/status -o Dir::Cache=$work/cache
    -o APT::Sandbox::User= -o Acquire::http::Timeout=20 -o Acquire::Retries=1"
  $apt update > apt.log 2>&1 && $apt download libc6 libc6-dev >> apt.log 2>&1 || {
    echo "skipped: no packages of Debian 11"
    exit 77
  }
  for deb in libc6_*.deb libc6-dev_*.deb; do dpkg-deb -x "$deb" root; done
fi

"$compiler" compile any -o "$work/net.so" --header "$work/net.h"
cat > app.c <<'END'
#include "net.h"
#include <stdio.h>
#include <gnu/libc-version.h>
int main(void) {
  float x[400], y[400];
  int64_t step = 5, now = 0;
  ingot_context *c = 0;
  ingot_context_options o = {sizeof o, 3, 0, 0, 0};
  for (int i = 0; i < 400; ++i)
    x[i] = 1;
  if (ingot_context_create(net_module(), &o, &c) || net_scale_in(c, 100, x, y) ||
      net_count(&step, &now) || net_scale(1, 0, y) != INGOT_INVALID_ARGUMENT)
    return 1;
  ingot_context_destroy(net_module(), c);
  printf("glibc %s: %g %lld %s\n", gnu_get_libc_version(), y[399],
         (long long)now, net_message());
  return 0;
}
END
lib=$work/root/lib/x86_64-linux-gnu dev=$work/root/usr/lib/x86_64-linux-gnu
"$cc" -O1 -c app.c -o app.o
"$cc" -nostdlib -no-pie -fuse-ld=lld -o app "$dev/crt1.o" "$dev/crti.o" app.o net.so \
  "$lib/libc.so.6" "$dev/libc_nonshared.a" "$dev/crtn.o" -Wl,--allow-shlib-undefined
out=$("$lib/ld-linux-x86-64.so.2" --library-path "$lib:$work" ./app 2>&1) || {
  echo "failed: $out"
  exit 1
}
echo "$out"
[ "$out" = "glibc 2.31: 4 105 net: input 'x' of 'scale': data is null" ]
