#!/usr/bin/env bash
# WMT14 English–French, base or big, from nothing to the figure of Table 2; --help lists the options. Read wmt14.sh.
exec "$(dirname "$0")/wmt14.sh" wmt14_en_fr "$@"
