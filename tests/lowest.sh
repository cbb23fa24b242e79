#!/bin/sh
# Tests the worker side with the lowest dependencies that it claims to support, in a virtual environment of its own.
# A first run installs for a minute or two. Arguments go to pytest.
set -eu
cd "$(dirname "$0")/.."
venv=.venv-lowest
python=${PYTHON:-python3}
wanted=$(cat pyproject.toml tests/lowest.txt)
if [ "$wanted" != "$(cat $venv/installed 2>/dev/null)" ]; then
    "$python" -m venv $venv
    $venv/bin/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
    $venv/bin/python -m pip install --quiet --disable-pip-version-check \
        --constraint tests/lowest.txt --editable '.[dashboard,demo]' --group dev
    printf '%s\n' "$wanted" > $venv/installed
fi
# The older SDK's sandbox warns of modules that pydantic imports late.
exec $venv/bin/python -m pytest -W "ignore:Module:UserWarning" "${@:-tests/instrumentation}"
