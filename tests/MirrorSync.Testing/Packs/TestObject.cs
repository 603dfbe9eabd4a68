using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace MirrorSync.Testing.Packs;

/// <summary>An object made by hand.</summary>
/// <param name="Type">Its number in packs: 1 commit, 2 tree, 3 blob, 4 tag.</param>
/// <param name="Content">Its bytes without header.</param>
/// <param name="Id">Its raw id.</param>
public sealed record TestObject(int Type, byte[] Content, byte[] Id)
{
    private static readonly string[] Names = ["", "commit", "tree", "blob", "tag"];

    /// <summary>git's name of the type.</summary>
    public string TypeName => Names[Type];

    /// <summary>The id in hex.</summary>
    public string Hex => Convert.ToHexStringLower(Id);

    /// <summary>Any content under any type.</summary>
    public static TestObject Of(int type, byte[] content, bool sha256 = false)
    {
        byte[] message = [.. Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{Names[type]} {content.Length}\0")), .. content];
#pragma warning disable CA5350 // git's own names of objects, not a secret
        return new TestObject(type, content, sha256 ? SHA256.HashData(message) : SHA1.HashData(message));
#pragma warning restore CA5350
    }

    /// <summary>A blob of a text.</summary>
    public static TestObject Blob(string text, bool sha256 = false) => Of(3, Encoding.UTF8.GetBytes(text), sha256);

    /// <summary>A tree of such entries, in the given order.</summary>
    public static TestObject Tree(bool sha256, params (string Mode, string Name, byte[] Id)[] entries) =>
        Of(2, [.. entries.SelectMany(static e => (byte[])[.. Encoding.UTF8.GetBytes($"{e.Mode} {e.Name}\0"), .. e.Id])], sha256);

    /// <summary>A commit.</summary>
    public static TestObject Commit(bool sha256, byte[] tree, string message, params byte[][] parents)
    {
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"tree {Convert.ToHexStringLower(tree)}\n");
        foreach (byte[] parent in parents)
        {
            text.Append(CultureInfo.InvariantCulture, $"parent {Convert.ToHexStringLower(parent)}\n");
        }

        const string Who = "A U Thor <author@example.org> 1700000000 +0000";
        text.Append(CultureInfo.InvariantCulture, $"author {Who}\ncommitter {Who}\n\n{message}\n");
        return Of(1, Encoding.UTF8.GetBytes(text.ToString()), sha256);
    }

    /// <summary>An annotated tag.</summary>
    public static TestObject Tag(bool sha256, TestObject target, string name, string? typeName = null) => Of(
        4,
        Encoding.UTF8.GetBytes(
            $"object {target.Hex}\ntype {typeName ?? target.TypeName}\ntag {name}\ntagger A U Thor <author@example.org> 1700000000 +0000\n\n{name}\n"),
        sha256);
}
