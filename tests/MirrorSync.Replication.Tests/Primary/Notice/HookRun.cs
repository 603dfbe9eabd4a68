using System.Diagnostics;
using System.Text;
using MirrorSync.Testing.Repositories;

namespace MirrorSync.Replication.Tests.Primary.Notice;

/// <summary>Writes hooks, and runs them as git would.</summary>
internal static class HookRun
{
    /// <summary>A line as git gives it to a hook.</summary>
    public static string Line(string name) => $"{new string('0', 40)} {new string('1', 40)} {name}\n";

    public static string PathOf(BareRepository repository, string name) => Path.Combine(repository.Path, "hooks", name);

    /// <summary>Writes an executable hook.</summary>
    public static void Write(BareRepository repository, string name, string script)
    {
        string path = PathOf(repository, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, $"#!/bin/sh\n{script}\n");
        MakeExecutable(path);
    }

    public static void MakeExecutable(string path)
    {
        using Process process = Process.Start("chmod", ["755", path]);
        process.WaitForExit();
    }

    /// <summary>Runs an installed hook in its repository.</summary>
    public static async Task<GitResult> RunAsync(BareRepository repository, string name, string input, params string[] arguments)
    {
        ProcessStartInfo start = new(Path.Combine("hooks", name), arguments)
        {
            WorkingDirectory = repository.Path,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.FileName = PathOf(repository, name);
        using Process process = Process.Start(start)!;
        using MemoryStream output = new();
        Task copy = process.StandardOutput.BaseStream.CopyToAsync(output);
        Task<string> error = process.StandardError.ReadToEndAsync();
        await process.StandardInput.BaseStream.WriteAsync(Encoding.Latin1.GetBytes(input));
        process.StandardInput.Close();
        await copy;
        string words = await error;
        await process.WaitForExitAsync();
        return new GitResult(process.ExitCode, output.ToArray(), words);
    }
}
