using Microsoft.Win32.SafeHandles;
using MirrorSync.Storage.Files;
using MirrorSync.Testing;

namespace MirrorSync.Storage.Tests.Files;

public class FoldersTests
{
    [Fact]
    public void Exchange_TwoFolders_ChangePlaces()
    {
        using TempFolder folder = new();
        Directory.CreateDirectory(folder["a/in-a"]);
        Directory.CreateDirectory(folder["b/in-b"]);
        Folders.Exchange(folder["a"], folder["b"]);
        Assert.True(Directory.Exists(folder["a/in-b"]));
        Assert.True(Directory.Exists(folder["b/in-a"]));
    }

    [Fact]
    public void Exchange_OneMissing_ThrowsBothNames()
    {
        using TempFolder folder = new();
        Directory.CreateDirectory(folder["a"]);
        IOException failure = Assert.Throws<FileNotFoundException>(() => Folders.Exchange(folder["a"], folder["b"]));
        Assert.Contains(folder["a"], failure.Message, StringComparison.Ordinal);
        Assert.Contains(folder["b"], failure.Message, StringComparison.Ordinal);
        Assert.Contains("No such file", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void SyncFileSystem_Folder_IsDoneOrSaidWhyNot()
    {
        using TempFolder folder = new();
        Folders.SyncFileSystem(folder.Path);
        Assert.Throws<FileNotFoundException>(() => Folders.SyncFileSystem(folder["missing"]));
    }

    [Fact]
    public void NativeFile_NamesOutOfUtf8_AreListedReadAndRemoved()
    {
        using TempFolder folder = new();
        byte[] name = [.. "x"u8, 0xff, 0xfe];
        using (SafeFileHandle handle = NativeFile.OpenFolder(folder.Path))
        {
            Assert.Equal(Errno.None, NativeFile.CreateNew(handle, name, out SafeFileHandle file));
            NativeFile.Write(file, "content"u8, "x");
            file.Dispose();
            Assert.Equal(Errno.Exists, NativeFile.CreateNew(handle, name, out _));
            Assert.Equal(Errno.None, NativeFile.MakeFolder(handle, [0xfe]));

            List<FolderEntry> entries = Entries(handle);
            Assert.Equal(2, entries.Count);
            Assert.Contains(entries, e => e.Name.AsSpan().SequenceEqual(name) && e.Kind == FileKind.File);
            Assert.Contains(entries, static e => e.Name is [0xfe] && e.Kind == FileKind.Folder);

            Assert.Equal(Errno.None, NativeFile.OpenRead(handle, name, out SafeFileHandle read));
            byte[] content = new byte[20];
            Assert.Equal(Errno.None, NativeFile.ReadFully(read, content, out int length));
            Assert.Equal("content"u8.ToArray(), content[..length]);
            Assert.Equal(7, NativeFile.Stat(read).Length);
            read.Dispose();
            Assert.Equal(Errno.None, NativeFile.Rename(handle, name, [0xfe, (byte)'/', 0xfd]));
            Assert.Equal(Errno.NotEmpty, NativeFile.RemoveFolder(handle, [0xfe]));
            Assert.Equal(Errno.None, NativeFile.Unlink(handle, [0xfe, (byte)'/', 0xfd]));
            Assert.Equal(Errno.None, NativeFile.RemoveFolder(handle, [0xfe]));
        }

        Assert.Empty(Directory.EnumerateFileSystemEntries(folder.Path));
    }

    [Fact]
    public void NativeFile_ManyNames_AreAllListed()
    {
        using TempFolder folder = new();
        for (int i = 0; i < 3000; i++)
        {
            File.WriteAllBytes(folder[$"a-name-of-some-length-{i:d5}"], []);
        }

        using SafeFileHandle handle = NativeFile.OpenFolder(folder.Path);
        Assert.Equal(3000, Entries(handle).Select(static e => Convert.ToHexString(e.Name)).Distinct().Count());
    }

    [Fact]
    public void NativeFile_PathTooLongOrWithZeroByte_IsRefused()
    {
        using TempFolder folder = new();
        using SafeFileHandle handle = NativeFile.OpenFolder(folder.Path);
        Assert.Throws<PathTooLongException>(() => NativeFile.Unlink(handle, new byte[NativeFile.MaxPath]));
        Assert.Throws<PathTooLongException>(() => NativeFile.Unlink(handle, "a\0b"u8));
    }

    [Fact]
    public void IsSettledAt_ChangeWithinTheSecond_IsNot()
    {
        DateTimeOffset now = DateTimeOffset.UnixEpoch.AddSeconds(1000);
        const long second = 1_000_000_000;
        Assert.True(Stamp(998 * second, 998 * second).IsSettledAt(now));
        Assert.False(Stamp((999 * second) + 1, 0).IsSettledAt(now));
        Assert.False(Stamp(0, (999 * second) + 1).IsSettledAt(now));
        Assert.False(Stamp(2000 * second, 0).IsSettledAt(now));

        static FileStamp Stamp(long modified, long changed) => new(FileKind.File, 1, 2, 41, modified, changed);
    }

    private static List<FolderEntry> Entries(SafeFileHandle handle)
    {
        List<FolderEntry> entries = [];
        Assert.Equal(Errno.None, NativeFile.List(handle, entries));
        return entries;
    }
}
