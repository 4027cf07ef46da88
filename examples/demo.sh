#!/usr/bin/env bash
# The main job on real input: every graph of examples/ through a fresh server with curl, into PICTURES and SOUNDS.
# usage: demo.sh path/to/sinter OUT-DIRECTORY
set -euo pipefail
sinter=$1 out=$2 here=$(dirname "$0")
mkdir -p "$out"
store=$(mktemp -d)
server=
stop() {
  [ -z "$server" ] || { kill -TERM "$server" 2>/dev/null; wait "$server" 2>/dev/null || true; server=; }
}
trap 'stop; rm -rf "$store"' EXIT

start() { # sets $url
  : >"$store/stdout"
  "$sinter" serve --listen 127.0.0.1:0 --store "$store/data" >"$store/stdout" 2>"$store/log" &
  server=$!
  for _ in $(seq 100); do
    url=$(sed -n 's/^listening on //p' "$store/stdout")
    [ -z "$url" ] || return 0
    kill -0 "$server" 2>/dev/null || break
    sleep 0.1
  done
  echo "the server did not start:" >&2
  cat "$store/log" >&2
  exit 1
}

header() { sed -n "s/^$1: *\(.*\)\r\$/\1/Ip" "$store/headers"; }

# One request; leaves the body in $3. Prints "engine exec-ms".
ask() { # route data-or-@file output [content-type]
  local code
  code=$(curl -sS -o "$3" -D "$store/headers" -w '%{http_code}' -H "Content-Type: ${4:-application/json}" --data-binary "$2" "$url$1")
  [ "$code" = 200 ] || { echo "$1 answered $code:" >&2; cat "$3" >&2; exit 1; }
  printf '%s %s' "$(header sinter-engine)" "$(header server-timing | sed -n 's/.*exec;dur=\([0-9.]*\).*/\1/p')"
}

one() { # graph-file -> sets $answer
  local name graph kind inputs
  name=$(basename "$1" .json)
  graph=$(cat "$1")
  curl -sS -o "$store/graph" -H 'Content-Type: application/json' --data-binary "$graph" "$url/graphs"
  kind=$(grep -o '"kind": *"[a-z]*"' "$store/graph" | cut -d'"' -f4)
  id=$(grep -o '"id": *"[0-9a-f]*"' "$store/graph" | cut -d'"' -f4)
  inputs=$(grep -o '"inputs": *[0-9]*' "$store/graph" | grep -o '[0-9]*$')
  if [ "$kind" = field ]; then
    file="$out/$name.png"
    answer=$(ask /render "{\"graph\": $graph, \"width\": 512, \"height\": 512, \"format\": \"png\"}" "$file")
  elif [ "$inputs" = 0 ]; then
    file="$out/$name.wav"
    answer=$(ask /process "{\"graph\": $graph, \"rate\": 48000, \"channels\": 1, \"seconds\": 8}" "$file")
  else
    file="$out/$name.wav"
    answer=$(ask "/process?graph=$id$(field_of "$name")" "@$out/$(source_of "$name").wav" "$file" audio/wav)
  fi
}

source_of() { # what an effect works on: a generator's sound
  case $1 in
  stereo_widener) echo ambient_pad ;;
  guitar_amp) echo karplus ;;
  mastering | dub_delay | crossover) echo drum_machine ;;
  robot_voice | de_esser | loudness_normalise) echo talker ;;
  ducking) echo radio_show ;;
  vinyl) echo choir_pad ;;
  *) echo synth_voice ;;
  esac
}

field_of() { [ "$1" != loudness_normalise ] || echo '&normalize=-16'; }

# Generators first, then the effects that work on them.
generators="synth_voice karplus ambient_pad drum_machine talker radio_show choir_pad"
order="$generators $(cd "$here" && ls *.json | sed 's/\.json$//' | grep -vxE "${generators// /|}")"
declare -A first second
start
for name in $order; do
  one "$here/$name.json"
  first[$name]=$answer
done
# Kernels are compiled beside the answers, a few at a time: each graph gets up to 10 s for its own.
for name in $order; do
  for _ in $(seq 50); do
    one "$here/$name.json"
    case $answer in jit*) break ;; esac
    sleep 0.2
  done
  second[$name]=$answer
done
stop
start
printf '%-18s %-22s %-22s %-22s %s\n' graph "first answer" "second answer" "after restart" file
for name in $order; do
  one "$here/$name.json"
  printf '%-18s %-22s %-22s %-22s %s\n' "$name" "${first[$name]} ms" "${second[$name]} ms" "$answer ms" "$file"
done
echo
echo "a batch of 500 pictures and 200 sounds, as one job:"
"$here/batch.sh" "$url" "$out/batch"
stop
