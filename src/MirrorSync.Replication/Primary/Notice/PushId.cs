namespace MirrorSync.Replication.Primary.Notice;

/// <summary>
/// One push: the process that runs both of its hooks (<c>git receive-pack</c>), told apart from every other process that
/// ever bore its number.
/// </summary>
/// <param name="BootId">The boot in which it ran, <c>/proc/sys/kernel/random/boot_id</c>; empty where the hook had no /proc.</param>
/// <param name="ProcessId">The process's number as its hooks see it, which is the daemon's only without a container between.</param>
/// <param name="ProcessStart">
/// The process's start in clock ticks since that boot, field 22 of <c>/proc/PID/stat</c> (proc(5)); 0 where the hook
/// could not see it.
/// </param>
public readonly record struct PushId(string BootId, int ProcessId, long ProcessStart);
