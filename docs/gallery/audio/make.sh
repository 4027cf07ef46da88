#!/usr/bin/env bash
# The sounds of docs/gallery/audio.md and their spectrograms: generators first, then what works on them.
# usage: make.sh path/to/sinter [SOUNDS-DIRECTORY]   (without a directory, only the pictures stay)
set -euo pipefail
sinter=$1
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../../..
if [ $# -gt 1 ]; then
  sounds=$2
  mkdir -p "$sounds"
else
  sounds=$(mktemp -d)
  trap 'rm -rf "$sounds"' EXIT
fi

make() { # name [input] [option ...]
  local name=$1 input=${2:-}
  shift $(($# > 1 ? 2 : 1))
  if [ -z "$input" ]; then
    "$sinter" process "$root/examples/$name.json" -o "$sounds/$name.wav" --seconds 8 --rate 48000 "$@" 2>/dev/null
  else
    "$sinter" process "$root/examples/$name.json" "$sounds/$input.wav" -o "$sounds/$name.wav" "$@" 2>/dev/null
  fi
  /usr/bin/python3 "$root/tests/tools/spectrogram.py" "$sounds/$name.wav" "$here/$name.png"
}

make drum_machine
make chord_16
make choir_pad
make talker
make radio_show
make karplus
make mastering drum_machine
make dub_delay drum_machine
make crossover drum_machine
make guitar_amp karplus
make vinyl choir_pad
make robot_voice talker
make de_esser talker
make ducking radio_show
make loudness_normalise talker --normalize -16
