# build.sh PROGRAMS DATA SCRATCH: unpacks a source tree, compiles every file, links, and prints the checksum of the result.
set -e
box=$1/bin/busybox
compile="$1/lib/ld-linux.so.2 --library-path $1/lib $1/bin/tcc"
$box rm -rf "$3"
$box mkdir -p "$3"
cd "$3"
$box tar xf "$2/src.tar"
for f in src/*.c; do $compile -c "$f" -o "${f%.c}.o"; done
$compile -r -o all.o src/*.o
$box md5sum all.o
cd /
$box rm -rf "$3"
