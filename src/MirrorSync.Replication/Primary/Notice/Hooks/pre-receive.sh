#!/bin/sh
# mirrorsync hook, version 1: a push begins. Written by "mirrorsync hook install"; changes to it are lost.
_mirrorsync_notify=@NOTIFY@
_mirrorsync_lines=$(cat; echo .)
_mirrorsync_lines=${_mirrorsync_lines%.}

# The hook that was here before decides first: a push that it refuses never began.
if [ -x "$0.mirrorsync-kept" ]; then
  printf %s "$_mirrorsync_lines" 2>/dev/null | "$0.mirrorsync-kept" "$@" || exit
fi

# A shell of its own, whose failure is nobody's: the push goes on whether or not anyone can be told.
(
  umask 022
  read -r boot </proc/sys/kernel/random/boot_id
  read -r stat <"/proc/$PPID/stat"
  set -f
  set -- ${stat##*) }
  file=${20:-0}-$PPID-1-pre-receive-$$
  {
    printf '%s\n' 'mirrorsync-notify 1' pre-receive "$boot" "$PPID ${20:-0} $(readlink /proc/self/ns/pid)" "$(pwd -P)" &&
      printf %s "$_mirrorsync_lines"
  } >"$_mirrorsync_notify/.$file" && mv -f "$_mirrorsync_notify/.$file" "$_mirrorsync_notify/$file" ||
    rm -f "$_mirrorsync_notify/.$file"
) >/dev/null 2>&1
exit 0
