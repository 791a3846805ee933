#!/bin/sh
# The wheel, installed in a bare virtual environment, lists environments and does a tiny run.
# Not a test of pytest's: tests never install packages.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$BIN/python" -m build --wheel --no-isolation --outdir "$work/dist" . >"$work/build.log" || {
  cat "$work/build.log"
  exit 1
}
"$PYTHON" -m venv "$work/venv"
# torch is what .venv has: its files are linked, for copying it would cost a gigabyte.
site=$("$work/venv/bin/python" -c "import sysconfig; print(sysconfig.get_path('purelib'))")
from=$("$BIN/python" -c "import os, torch; print(os.path.dirname(os.path.dirname(torch.__file__)))")
for part in torch torchgen functorch; do
  [ -e "$from/$part" ] && ln -s "$from/$part" "$site/$part"
done
ln -s "$from"/torch-*.dist-info "$site/"
"$work/venv/bin/pip" install --quiet --require-hashes -r requirements.lock
"$work/venv/bin/pip" install --quiet --no-deps "$work"/dist/rewardsmith-*.whl
cd "$work"
venv/bin/rewardsmith envs list >envs.txt
grep -q HalfCheetah-v5 envs.txt
venv/bin/rewardsmith run "balance the pole" --env CartPole-v1 --timesteps 256 -n 1 -i 1 \
  --set train.n_envs=2 --set train.episodes=2 --set search.report_seeds=1 --set search.final_seeds=1 --quiet >run.txt
grep -q "best reward" run.txt
venv/bin/rewardsmith report last --html page.html
grep -q "<svg" page.html
venv/bin/rewardsmith run "swing up" --env Pendulum-v1 --task upright --show-prompt | grep -q compute_reward
venv/bin/python -c "from rewardsmith.web.app import STATIC; assert (STATIC / 'htmx.min.js').is_file()"
echo "the wheel works in a bare environment"
