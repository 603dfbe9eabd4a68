using System.Reflection;
using System.Runtime.CompilerServices;
using System.Xml.Linq;

namespace MirrorSync.Daemon.Tests.Architecture;

/// <summary>Which project may reference which: Git &lt;- Storage &lt;- {Replication | Serving} &lt;- Daemon.</summary>
public sealed class FloorsTests
{
    private const string WebPrefix = "Microsoft.AspNetCore.";

    /// <summary>Each project with the projects that it may reference.</summary>
    public static TheoryData<string, string[]> Floors => new()
    {
        { "MirrorSync.Git", [] },
        { "MirrorSync.Storage", ["MirrorSync.Git"] },
        { "MirrorSync.Replication", ["MirrorSync.Storage", "MirrorSync.Git"] },
        { "MirrorSync.Serving", ["MirrorSync.Storage", "MirrorSync.Git"] },
        { "MirrorSync.Daemon", ["MirrorSync.Replication", "MirrorSync.Serving", "MirrorSync.Storage", "MirrorSync.Git"] },
    };

    [Theory]
    [MemberData(nameof(Floors))]
    public void Assembly_References_OnlyLowerFloors(string project, string[] allowed)
    {
        IEnumerable<string> ours = ReferencesOf(project)
            .Where(static n => n.StartsWith("MirrorSync.", StringComparison.Ordinal) || n == "mirrorsync");
        Assert.Empty(ours.Except(allowed));
    }

    [Theory]
    [MemberData(nameof(Floors))]
    public void ProjectFile_References_OnlyLowerFloors(string project, string[] allowed)
    {
        IEnumerable<string> ours = ProjectFile(project).Descendants("ProjectReference")
            .Select(static r => Path.GetFileNameWithoutExtension(Include(r)));
        Assert.Empty(ours.Except(allowed));
    }

    [Theory]
    [MemberData(nameof(Floors))]
    public void LogAndGitLibraries_AreReferenced_ByStorageOnly(string project, string[] allowed)
    {
        string[] libraries = ["FASTER.core", "LibGit2Sharp"];
        bool mayUse = project == "MirrorSync.Storage";
        Assert.Equal(mayUse ? libraries : [], ReferencesOf(project).Intersect(libraries).Order(StringComparer.Ordinal));

        IEnumerable<string> named = ProjectFile(project).Descendants()
            .Where(static e => e.Name.LocalName is "Reference" or "PackageReference" or "PackageDownload")
            .Select(Include)
            .Where(static n => n.Contains("FASTER", StringComparison.OrdinalIgnoreCase) || n.StartsWith("LibGit2Sharp", StringComparison.Ordinal));
        Assert.Equal(mayUse, named.Any());
        Assert.DoesNotContain(project, allowed);
    }

    [Theory]
    [MemberData(nameof(Floors))]
    public void WebFramework_IsReferenced_ByTheDaemonOnly(string project, string[] allowed)
    {
        // The shared framework is named by lower floors too, for logging and options; none of its web assemblies may be used.
        bool usesWeb = ReferencesOf(project).Any(static n => n.StartsWith(WebPrefix, StringComparison.Ordinal));
        Assert.Equal(project == "MirrorSync.Daemon", usesWeb);
        Assert.DoesNotContain(project, allowed);
    }

    [Fact]
    public void Git_References_NothingButTheRuntime() => Assert.All(
        ReferencesOf("MirrorSync.Git"), static name => Assert.StartsWith("System.", name, StringComparison.Ordinal));

    [Fact]
    public void Floors_Folders_AreAllNamedHere()
    {
        IEnumerable<string?> folders = Directory.GetDirectories(Path.Combine(SourceRoot(), "src")).Select(Path.GetFileName);
        Assert.Equal(Floors.Select(static f => (string?)f[0]).Order(), folders.Order());
    }

    private static IEnumerable<string> ReferencesOf(string project)
    {
        string name = project == "MirrorSync.Daemon" ? "mirrorsync" : project;
        return Assembly.Load(name).GetReferencedAssemblies().Select(static a => a.Name!);
    }

    private static XDocument ProjectFile(string project) =>
        XDocument.Load(Path.Combine(SourceRoot(), "src", project, project + ".csproj"));

    private static string Include(XElement item) => item.Attribute("Include")!.Value;

    // Deterministic builds map the path of this file away, so it is looked for upwards from the test's own folder.
    private static string SourceRoot([CallerFilePath] string here = "")
    {
        DirectoryInfo? folder = new(File.Exists(here) ? Path.GetDirectoryName(here)! : AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "MirrorSync.sln")))
        {
            folder = folder.Parent;
        }

        return folder?.FullName ?? throw new DirectoryNotFoundException("the folder of MirrorSync.sln");
    }
}
