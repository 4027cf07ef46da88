#!/usr/bin/env bash
# A batch with curl alone: pictures of the examples with other seeds, and sounds that are stored as blobs and then sent
# through effects, in one job. Shows progress on a terminal; unpacks the results while the job still runs.
# usage: batch.sh URL OUT-DIRECTORY [PICTURES=500 [SOUNDS=200]]
#        batch.sh http://127.0.0.1:8080 out/batch
set -euo pipefail
url=${1:?usage: batch.sh URL OUT-DIRECTORY [PICTURES [SOUNDS]]} out=${2:?} pictures=${3:-500} sounds=${4:-200}
here=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out"
fields="marble clouds wood terrazzo caustics julia planet stained_glass"
effects="tape_echo gentle_eq guitar_amp"

fail() { echo "$*" >&2; exit 1; }

# A key of a server that asks for one: SINTER_KEY=... batch.sh
ask() { curl -sS --retry 5 --retry-connrefused ${SINTER_KEY:+-H "Authorization: Bearer $SINTER_KEY"} "$@"; }

member() { sed -n "s/.*\"$1\":\"\\{0,1\\}\\([^\",}]*\\).*/\\1/p" | head -n 1; }

stored() { # name of an example -> its graph's id
  ask --fail-with-body -H 'Content-Type: application/json' --data-binary "@$here/$1.json" "$url/graphs" | member id
}

# Sends a job. The key makes it safe to send it again when the answer was lost: it stays one job.
send() { # file of items, one a line -> /jobs/ID
  ask -o "$work/answer" -D "$work/head" -H 'Content-Type: application/x-ndjson' \
    -H "Idempotency-Key: $(sha256sum <"$1" | cut -c1-32)-$$" --data-binary "@$1" "$url/jobs"
  grep -q '^HTTP/1.1 202' "$work/head" || fail "the job was not taken: $(cat "$work/answer")"
  sed -n 's/^[Ll]ocation: *\(.*\)\r$/\1/p' "$work/head"
}

bar() { # ended of-all failed
  local width=40 filled
  filled=$(($1 * width / $2))
  printf '\r[%-*s] %d of %d, %d failed' $width "$(printf '%*s' $filled '' | tr ' ' '#')" "$1" "$2" "$3" >&2
}

# Waits for its end; the answer comes as soon as something has changed.
watch() { # /jobs/ID
  local state=queued what=wait_for=progress
  [ -t 2 ] || what=wait_for=done
  until [ "$state" = done ] || [ "$state" = cancelled ]; do
    ask "$url$1?wait=30&$what" >"$work/state"
    state=$(member state <"$work/state")
    [ -n "$state" ] || fail "the job is gone: $(cat "$work/state")"
    [ ! -t 2 ] || bar $(($(member done <"$work/state") + $(member failed <"$work/state"))) \
      "$(member items <"$work/state")" "$(member failed <"$work/state")"
  done
  [ ! -t 2 ] || echo >&2
}

# The results as they come; the last file, job.json, says whether they are all.
unpack() { # /jobs/ID directory
  mkdir -p "$2"
  ask --no-buffer "$url$1/results?format=tar" | tar -x -C "$2"
  grep -q '"complete":true' "$2/job.json" || fail "results are missing; get the rest of $1 with after=$(member after <"$2/job.json")"
}

run() { # file of items, directory
  local job
  job=$(send "$1")
  unpack "$job" "$2" &
  watch "$job"
  wait $! || fail "the results of $job did not come whole"
}

# Sounds to work on: plucked tones, made by a job of their own.
if [ "$sounds" -gt 0 ]; then
  for ((i = 0; i < sounds; i++)); do
    echo "{\"kind\": \"process\", \"id\": \"tone$i\", \"rate\": 48000, \"seconds\": 0.5," \
      "\"expr\": \"0.4*sine($((110 + 7 * i)))*exp(-6*t)\"}"
  done >"$work/tones"
  run "$work/tones" "$work/sources"
  # All of them through one connection: a line of JSON each, with the path that it has from now on.
  for ((i = 0; i < sounds; i++)); do
    [ $i = 0 ] || echo next
    printf 'url = "%s/blobs"\nheader = "Content-Type: audio/wav"\n' "$url"
    [ -z "${SINTER_KEY:-}" ] || printf 'header = "Authorization: Bearer %s"\n' "$SINTER_KEY"
    printf 'data-binary = "@%s/sources/tone%d.wav"\n' "$work" $i
  done >"$work/uploads"
  curl -sS -K "$work/uploads" >"$work/blobs"
fi

ids=()
for name in $fields; do ids+=("$(stored "$name")"); done
for ((i = 0; i < pictures; i++)); do
  echo "{\"kind\": \"render\", \"id\": \"picture$i\", \"graph_id\": \"${ids[i % ${#ids[@]}]}\"," \
    "\"seed\": $i, \"width\": 128, \"height\": 128}"
done >"$work/items"
ids=()
for name in $effects; do ids+=("$(stored "$name")"); done
i=0
while [ "$sounds" -gt 0 ] && read -r line; do
  path=$(member path <<<"$line")
  echo "{\"kind\": \"process\", \"id\": \"sound$i\", \"graph_id\": \"${ids[i % ${#ids[@]}]}\", \"audio\": \"$path\"}"
  i=$((i + 1))
done <"$work/blobs" >>"$work/items"
[ $i = "$sounds" ] || fail "only $i of $sounds sounds could be stored: $(cat "$work/blobs")"

begun=$(date +%s%N)
run "$work/items" "$out"
took=$((($(date +%s%N) - begun) / 1000000))
failed=$(find "$out" -name '*.problem.json' | wc -l)
echo "$((pictures + sounds)) items in $((took / 1000)).$(printf %03d $((took % 1000))) s, $failed failed; the files are in $out"
[ "$failed" = 0 ] || fail "the first failure: $(cat "$(find "$out" -name '*.problem.json' | head -n 1)")"
