#!/bin/sh
# The README's section "Three hosts in five minutes", typed by a script: the rig and the Vagrantfile make their clusters
# with it, so that what the README says is what is proven.
#
#   provision.sh README                  lists its blocks: NUMBER set-up|use HOST…; set-up ends with the block that joins
#   provision.sh README NUMBER [JOIN]    runs one of them here, each line shown first
#
# Two lines get what only the machine knows: `weft join WEFT1-…` the string JOIN that `weft controller init` printed (or a
# file that holds it), and `weft controller init` --listen $WEFT_LISTEN where that is set: the default route may lead
# where no other machine is.
set -eu
readme=$1 number=${2:-} join=${3:-}

blocks() {
  awk -v wanted="$number" '
    /^## / { here = ($0 == "## Three hosts in five minutes"); next }
    !here { next }
    /^```sh / { inside = 1; count++; hosts = substr($0, 7); text = ""; next }
    /^```$/ && inside {
      inside = 0
      if (wanted == "") print count, (joined ? "use" : "set-up"), hosts
      else if (count == wanted) printf "%s", text
      if (text ~ /(^|\n)weft join /) joined = 1
      next
    }
    inside { text = text $0 "\n" }
  ' "$readme"
}

if [ -z "$number" ]; then
  blocks
  exit
fi
commands=$(blocks)
if [ -z "$commands" ]; then
  echo "provision.sh: $readme has no block $number" >&2
  exit 2
fi
case $commands in
*'weft join WEFT1-…'*)
  if [ -z "$join" ]; then
    echo "provision.sh: block $number joins, and wants the string that weft controller init printed" >&2
    exit 2
  fi
  ;;
esac
if [ -n "${WEFT_LISTEN:-}" ]; then listen=" --listen $WEFT_LISTEN"; fi
commands=$(printf '%s\n' "$commands" | sed -e "s|WEFT1-…|$join|" -e "s|^weft controller init\$|&${listen:-}|")
exec sh -euxc "$commands"
