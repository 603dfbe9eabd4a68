using System.Diagnostics;
using System.Text;

namespace MirrorSync.Serving.Tests.Support;

/// <summary>The git processes that work on one repository, found by its folder in their command line.</summary>
public static class GitProcesses
{
    /// <summary>Ids of the processes that name the folder, and of their children.</summary>
    public static IReadOnlyList<int> Of(string repositoryPath)
    {
        List<int> found = [];
        foreach (string folder in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(folder), out int id) && Names(folder, repositoryPath))
            {
                found.Add(id);
                string children = Read(Path.Combine(folder, "task", $"{id}", "children"));
                found.AddRange(children.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse));
            }
        }

        return found;
    }

    /// <summary>Waits until there is one, and returns all there are.</summary>
    public static async Task<IReadOnlyList<int>> StartedAsync(string repositoryPath)
    {
        using CancellationTokenSource deadline = new(GitClient.Deadline);
        while (true)
        {
            IReadOnlyList<int> found = Of(repositoryPath);
            if (found.Count > 0)
            {
                return found;
            }

            deadline.Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }

    /// <summary>Waits until all of them have ended.</summary>
    public static async Task EndedAsync(IEnumerable<int> ids)
    {
        using CancellationTokenSource deadline = new(GitClient.Deadline);
        foreach (int id in ids)
        {
            try
            {
                using Process process = Process.GetProcessById(id);
                await process.WaitForExitAsync(deadline.Token);
            }
            catch (ArgumentException)
            {
                // It has ended already.
            }
        }
    }

    private static bool Names(string folder, string repositoryPath)
    {
        string[] words = Read(Path.Combine(folder, "cmdline")).Split('\0');
        return words.Contains("upload-pack") && words.Contains(repositoryPath);
    }

    private static string Read(string file)
    {
        try
        {
            return File.ReadAllText(file, Encoding.Latin1);
        }
        catch (IOException)
        {
            return string.Empty;
        }
    }
}
