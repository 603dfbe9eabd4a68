using System.Globalization;
using System.Text;
using MirrorSync.Storage.Processes;

namespace MirrorSync.Replication.Primary.Notice;

/// <summary>
/// Puts the hooks into repositories that tell of pushes, and takes them out. A hook that was there is kept beside ours
/// and run by it.
/// </summary>
/// <remarks>
/// At no moment is a repository without the hook that it had: the old one is linked to its new name, then ours replaces
/// it by rename. A push that runs meanwhile sees one or the other.
/// </remarks>
#pragma warning disable CA1416 // File modes: the hooks are for Linux, as all of this is.
public static class HookInstaller
{
    private const string KeptSuffix = ".mirrorsync-kept";
    private const string Mark = "\n# mirrorsync hook, version ";
    private const int HeadLength = 256;
    private const UnixFileMode ScriptMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
        | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;

    private static readonly string[] Names = ["pre-receive", "post-receive"];

    /// <summary>
    /// Installs both hooks, or brings those of another version or for another folder up to date. What stands in the way
    /// is reported, never thrown.
    /// </summary>
    /// <param name="repositoryPath">A bare repository's absolute folder.</param>
    /// <param name="notifyFolder">The absolute folder into which the hooks will write.</param>
    public static HookReport Install(string repositoryPath, string notifyFolder) => Report(repositoryPath, () =>
    {
        string hooks = HooksFolder(repositoryPath);
        Directory.CreateDirectory(hooks);
        HookOutcome outcome = HookOutcome.Unchanged;
        foreach (string name in Names)
        {
            HookOutcome one = InstallOne(Path.Combine(hooks, name), Script(name, notifyFolder));
            outcome = outcome == HookOutcome.Unchanged ? one : outcome;
        }

        return outcome;
    });

    /// <summary>Removes both hooks and puts those that were kept back into their places.</summary>
    /// <param name="repositoryPath">A bare repository's absolute folder.</param>
    public static HookReport Remove(string repositoryPath) => Report(repositoryPath, () =>
    {
        // The configuration may have been changed since they were installed.
        string standard = Path.Combine(repositoryPath, "hooks");
        bool any = false;
        foreach (string hooks in new[] { standard, HooksFolder(repositoryPath) }.Distinct(StringComparer.Ordinal))
        {
            foreach (string name in Names)
            {
                any |= RemoveOne(Path.Combine(hooks, name));
            }
        }

        return any ? HookOutcome.Removed : HookOutcome.Unchanged;
    });

    private static HookReport Report(string repositoryPath, Func<HookOutcome> work)
    {
        try
        {
            return new HookReport(repositoryPath, work(), null);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return new HookReport(repositoryPath, HookOutcome.Refused, failure.Message);
        }
    }

    private static HookOutcome InstallOne(string hook, string script)
    {
        string kept = hook + KeptSuffix;
        HookOutcome outcome = HookOutcome.Installed;
        if (IsOurs(hook))
        {
            if (File.ReadAllText(hook) == script && File.GetUnixFileMode(hook) == ScriptMode)
            {
                return HookOutcome.Unchanged;
            }

            outcome = HookOutcome.Upgraded;
        }
        else if (Exists(hook))
        {
            if (Exists(kept))
            {
                throw new IOException($"{hook} is not ours, yet {kept} exists: remove the one that is not wanted");
            }

            Keep(hook, kept);
        }

        string written = hook + ".mirrorsync-new";
        File.Delete(written);
        File.WriteAllText(written, script);
        File.SetUnixFileMode(written, ScriptMode);
        File.Move(written, hook, overwrite: true);
        return outcome;
    }

    private static bool RemoveOne(string hook)
    {
        string kept = hook + KeptSuffix;
        if (!IsOurs(hook))
        {
            return Exists(kept) && Exists(hook)
                ? throw new IOException($"{hook} is not ours, yet {kept} exists: remove the one that is not wanted")
                : Restore(kept, hook);
        }

        if (!Restore(kept, hook))
        {
            File.Delete(hook);
        }

        return true;
    }

    private static bool Restore(string kept, string hook)
    {
        if (!Exists(kept))
        {
            return false;
        }

        File.Move(kept, hook, overwrite: true);
        return true;
    }

    /// <summary>Gives a hook its second name, without taking the first away where the file system can do that.</summary>
    private static void Keep(string hook, string kept)
    {
        if (Libc.Link(BytePath.Of(hook), BytePath.Of(kept)) != 0)
        {
            File.Move(hook, kept);
        }
    }

    /// <summary>Where git looks for this repository's hooks.</summary>
    /// <exception cref="IOException">That is not inside the repository, or cannot be told.</exception>
    private static string HooksFolder(string repositoryPath)
    {
        string hooks = Path.Combine(repositoryPath, "hooks");
        using MemoryStream output = new();
        GitExit exit = GitProcess.RunAsync(
            repositoryPath, ["config", "--local", "--includes", "--type=path", "--get", "core.hooksPath"], default, output, CancellationToken.None)
            .GetAwaiter().GetResult();
        if (exit.Good)
        {
            // A relative path counts from where the hooks run, the repository's own folder (git-config(1)).
            string configured = Encoding.UTF8.GetString(output.ToArray()).TrimEnd('\n');
            hooks = Path.TrimEndingDirectorySeparator(Path.GetFullPath(configured, repositoryPath));
        }
        else if (exit.Code != 1)
        {
            throw new IOException(string.Create(CultureInfo.InvariantCulture, $"git config in {repositoryPath} exited {exit.Code}: {exit.Error}"));
        }

        string? repository = BytePath.Physical(repositoryPath);
        string? physical = BytePath.Physical(hooks);
        bool inside = physical is not null
            ? physical.StartsWith($"{repository}/", StringComparison.Ordinal)
            : hooks.StartsWith($"{repositoryPath}/", StringComparison.Ordinal) && !Exists(hooks);
        return inside
            ? hooks
            : throw new IOException($"{repositoryPath} takes its hooks from {hooks}, outside of it, where other repositories may share them: nothing is installed there");
    }

    private static bool IsOurs(string hook)
    {
        if (!File.Exists(hook))
        {
            return false;
        }

        using FileStream file = File.OpenRead(hook);
        byte[] head = new byte[HeadLength];
        int length = file.ReadAtLeast(head, HeadLength, throwOnEndOfStream: false);
        return Encoding.Latin1.GetString(head, 0, length).StartsWith($"#!/bin/sh{Mark}", StringComparison.Ordinal);
    }

    /// <summary>True for anything of that name, a dangling symbolic link too.</summary>
    private static bool Exists(string path) => Path.Exists(path) || new FileInfo(path).LinkTarget is not null;

    private static string Script(string name, string notifyFolder)
    {
        using Stream resource = typeof(HookInstaller).Assembly.GetManifestResourceStream($"hooks/{name}.sh")
            ?? throw new InvalidOperationException($"the script of {name} is not in the assembly");
        using StreamReader reader = new(resource);
        string quoted = $"'{notifyFolder.Replace("'", @"'\''", StringComparison.Ordinal)}'";
        return reader.ReadToEnd().Replace("@NOTIFY@", quoted, StringComparison.Ordinal);
    }
}
