#!/bin/sh
# web_terminal_test.sh NOVT: the web console's terminal, without a browser. Skipped without node.
here=$(cd "$(dirname "$0")/.." && pwd)
node=$(command -v node || command -v nodejs) || exit 77
exec "$node" "$here/web/terminal_test.mjs" "$here/../console/web"
