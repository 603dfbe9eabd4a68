using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;

namespace MirrorSync.Replication.Primary.Notice;

/// <summary>
/// The folder into which the hooks write. A file leaves it only when its push is over and handled: a daemon that is
/// started again in the middle of a push finds the push still open, and whatever was delivered but not handled comes
/// once more, which is harmless, since handling compares the disk with the log.
/// </summary>
/// <remarks><see cref="Forget"/> may be called by any thread, the rest by the watch's own.</remarks>
internal sealed class NotifyFolder(string path, TimeProvider time, ILogger logger)
{
    /// <summary>A file that a hook never finished is cleared away after this time; no hook takes as long.</summary>
    private static readonly TimeSpan UnfinishedLimit = TimeSpan.FromHours(1);

    private readonly Lock gate = new();
    private readonly HashSet<string> known = new(StringComparer.Ordinal);
    private readonly Dictionary<(string Repository, PushId Push), List<string>> files = [];

    /// <summary>The folder.</summary>
    public string Path => path;

    /// <summary>Makes the folder if it is missing.</summary>
    public void Make()
    {
        try
        {
            Directory.CreateDirectory(path);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            NoticeLog.NotifyFolderFailed(logger, path, failure.Message);
        }
    }

    /// <summary>The files not seen before, in the order in which the hooks wrote them: by time, then by name.</summary>
    public IReadOnlyList<string> ListNew()
    {
        List<(DateTime Written, string Name)> found = [];
        try
        {
            foreach (FileInfo file in new DirectoryInfo(path).EnumerateFiles())
            {
                if (!file.Name.StartsWith('.'))
                {
                    found.Add((file.LastWriteTimeUtc, file.Name));
                }
                else if (time.GetUtcNow() - file.LastWriteTimeUtc > UnfinishedLimit)
                {
                    file.Delete();
                }
            }
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            NoticeLog.NotifyFolderFailed(logger, path, failure.Message);
        }

        found.Sort();
        lock (gate)
        {
            return [.. found.Where(f => !known.Contains(f.Name)).Select(static f => f.Name)];
        }
    }

    /// <summary>
    /// Reads a file that was not read before. Null when there is nothing to say: seen already, or gone again.
    /// </summary>
    /// <param name="name">The file's name.</param>
    /// <param name="age">How long ago the hook wrote it, by the file's own time; never negative.</param>
    public NotifyFileResult? Take(string name, out TimeSpan age)
    {
        age = TimeSpan.Zero;
        lock (gate)
        {
            if (!known.Add(name))
            {
                return null;
            }
        }

        NotifyFileResult? result = Read(name, ref age);
        if (result is not { File: not null })
        {
            // Nothing further will come of this file: the caller has its error, and no notice refers to it.
            Remove(name);
        }

        return result;
    }

    /// <summary>Ties a file to the push that it is about, until the push is forgotten.</summary>
    public void Keep(string name, string repository, PushId push)
    {
        lock (gate)
        {
            if (!files.TryGetValue((repository, push), out List<string>? names))
            {
                files.Add((repository, push), names = []);
            }

            names.Add(name);
        }
    }

    /// <summary>Removes the files of a push that is over and handled.</summary>
    public void Forget(string repository, PushId push)
    {
        List<string>? names;
        lock (gate)
        {
            files.Remove((repository, push), out names);
        }

        foreach (string name in names ?? [])
        {
            Remove(name);
        }
    }

    /// <summary>Removes a file that no notice refers to.</summary>
    public void Remove(string name)
    {
        try
        {
            File.Delete(System.IO.Path.Combine(path, name));
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // It stays known, so that it is not read again before the next start.
            NoticeLog.NotifyFileStays(logger, name, failure.Message);
            return;
        }

        lock (gate)
        {
            known.Remove(name);
        }
    }

    private NotifyFileResult? Read(string name, ref TimeSpan age)
    {
        using SafeFileHandle handle = Libc.OpenToRead(BytePath.Of(System.IO.Path.Combine(path, name)));
        if (handle.IsInvalid)
        {
            int error = Marshal.GetLastPInvokeError();
            return error == Libc.NoEntry ? null : new NotifyFileResult(null, null, $"cannot be opened (errno {error})", 0);
        }

        try
        {
            TimeSpan since = time.GetUtcNow() - File.GetLastWriteTimeUtc(handle);
            age = since > TimeSpan.Zero ? since : TimeSpan.Zero;
            long length = RandomAccess.GetLength(handle);
            byte[] bytes = new byte[Math.Min(length, NotifyFile.MaxLength)];
            int read = 0;
            int count;
            while (read < bytes.Length && (count = RandomAccess.Read(handle, bytes.AsSpan(read), read)) > 0)
            {
                read += count;
            }

            NotifyFileResult result = NotifyFile.Parse(bytes.AsSpan(0, read));
            return length <= NotifyFile.MaxLength ? result : result with { File = null, Problem = "too large", Offset = read };
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            return new NotifyFileResult(null, null, failure.Message, 0);
        }
    }
}
