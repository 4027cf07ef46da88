#!/usr/bin/env bash
# The gallery's pictures, from the graphs of examples/. Each is drawn at 512 x 512, four points a pixel; the graphs that
# are shown in passing, at 128 x 128.
# usage: make.sh path/to/sinter [NAME ...]   (without names: all)
set -euo pipefail
sinter=$1
shift
here=$(cd "$(dirname "$0")" && pwd)
log=$(mktemp)
trap 'rm -f "$log"' EXIT

full="art_deco brass_plaque brushed_metal caustics circuit_board clouds contour_map cracked_earth fire hammered_copper
  hexagon_tiles julia kaleidoscope lava nebula neon_sign paper_cut planet ring_sculpture soap_bubble stained_glass
  stone_wall_normal terrain wicker"
small="brick_wall camouflage honeycomb islands leather marble mossy_stone rusty_metal sdf_logo stone_wall tartan terrazzo
  truchet wood"

draw() { # side name ...
  local side=$1 name
  shift
  for name in "$@"; do
    "$sinter" render "$here/../../examples/$name.json" -o "$here/$name.png" -w "$side" -h "$side" --samples 4 \
      >/dev/null 2>"$log" || { cat "$log" >&2; exit 1; }
  done
}

if [ $# -gt 0 ]; then
  for name in "$@"; do
    case " $(echo $small) " in *" $name "*) draw 128 "$name" ;; *) draw 512 "$name" ;; esac
  done
else
  draw 512 $full
  draw 128 $small
fi
