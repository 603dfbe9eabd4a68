namespace MirrorSync.Bench.IndexPack;

/// <summary>The pack within a bundle (gitformat-bundle(5)): all that follows the first empty line.</summary>
internal static class BundlePack
{
    /// <summary>Writes the pack to a file of its own.</summary>
    /// <exception cref="BenchFailedException">It is no bundle, or one whose pack is not whole.</exception>
    public static async Task CutAsync(string bundle, string pack)
    {
        await using FileStream from = File.OpenRead(bundle);
        byte[] head = new byte[1 << 20];
        int read = await from.ReadAtLeastAsync(head, head.Length, throwOnEndOfStream: false);
        int end = head.AsSpan(0, read).IndexOf("\n\n"u8);
        if (!head.AsSpan(0, read).StartsWith("# v"u8) || end < 0)
        {
            throw new BenchFailedException($"{bundle} is no bundle, or has too many refs");
        }

        if (head.AsSpan(0, end).IndexOf("\n-"u8) >= 0)
        {
            throw new BenchFailedException($"{bundle} asks for objects that it does not hold");
        }

        from.Position = end + 2;
        await using FileStream to = File.Create(pack);
        await from.CopyToAsync(to);
    }
}
