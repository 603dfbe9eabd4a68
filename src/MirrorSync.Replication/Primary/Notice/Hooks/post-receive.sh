#!/bin/sh
# mirrorsync hook, version 1: a push ended. Written by "mirrorsync hook install"; changes to it are lost.
_mirrorsync_notify=@NOTIFY@
_mirrorsync_lines=$(cat; echo .)
_mirrorsync_lines=${_mirrorsync_lines%.}

# A shell of its own, whose failure is nobody's: the push has landed whether or not anyone can be told.
(
  umask 022
  read -r boot </proc/sys/kernel/random/boot_id
  read -r stat <"/proc/$PPID/stat"
  set -f
  set -- ${stat##*) }
  file=${20:-0}-$PPID-2-post-receive-$$
  {
    printf '%s\n' 'mirrorsync-notify 1' post-receive "$boot" "$PPID ${20:-0}" "$(pwd -P)" &&
      printf %s "$_mirrorsync_lines"
  } >"$_mirrorsync_notify/.$file" && mv -f "$_mirrorsync_notify/.$file" "$_mirrorsync_notify/$file" ||
    rm -f "$_mirrorsync_notify/.$file"
) >/dev/null 2>&1

# The hook that was here before runs second: it may take its time, and may fail.
if [ -x "$0.mirrorsync-kept" ]; then
  printf %s "$_mirrorsync_lines" 2>/dev/null | "$0.mirrorsync-kept" "$@"
  exit
fi
exit 0
