#!/bin/sh
# Prints a Python 3.11 or 3.12 that runs, else one clear line: find_python.sh [PYTHON] [VENV]
# The one asked for; else that of an environment which is there already (so that it is kept); else the first on PATH.
check='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))'
if [ -n "${1:-}" ]; then
    if ! "$1" -c 'pass' >/dev/null 2>&1; then
        echo "aat: PYTHON=$1 does not run; give a Python 3.11 or 3.12, such as: make install PYTHON=python3.11" >&2
        exit 2
    fi
    if ! "$1" -c "$check" >/dev/null 2>&1; then
        found=$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        echo "aat: PYTHON=$1 is Python $found; give a Python 3.11 or 3.12, such as: make install PYTHON=python3.11" >&2
        exit 2
    fi
    echo "$1"
    exit 0
fi
for candidate in "${2:-.}/bin/python" python3.11 python3.12 python3 python; do
    if "$candidate" -c "$check" >/dev/null 2>&1; then
        echo "$candidate"
        exit 0
    fi
done
echo "aat: no Python 3.11 or 3.12 found on PATH; install one, or name it: make install PYTHON=/path/to/python3.11" >&2
exit 2
