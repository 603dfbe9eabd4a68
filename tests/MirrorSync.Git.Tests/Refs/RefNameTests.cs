using System.Diagnostics;
using System.Text;
using MirrorSync.Git.Refs;

namespace MirrorSync.Git.Tests.Refs;

public class RefNameTests
{
    private static readonly byte[][] Pieces =
    [
        .. "a b . .. / // .lock @ { @{ ~ ^ : ? * [ ] \\ ' \" $ - -x HEAD .lock/ a.lock/b lock }".Split(' ').Select(Encoding.UTF8.GetBytes),
        [0x20], [0x7f], [0x01], [0x80], [0xff], [0xc3, 0xa4], [0x09], [0x0a],
    ];

    [Fact]
    public async Task IsValid_EveryByteAtEveryPlace_AgreesWithGit()
    {
        List<byte[]> names = [];
        for (int value = 1; value < 256; value++)
        {
            names.Add([.. "refs/heads/a"u8, (byte)value, .. "b"u8]);
            names.Add([.. "refs/heads/"u8, (byte)value]);
        }

        await AssertAgreesWithGitAsync(names);
    }

    [Fact]
    public async Task IsValid_RandomNames_AgreesWithGit()
    {
        Random random = new(20231120);
        List<byte[]> names = [];
        for (int i = 0; i < 500; i++)
        {
            byte[] name = [.. "refs/"u8];
            for (int pieces = random.Next(1, 5); pieces > 0; pieces--)
            {
                name = [.. name, .. Pieces[random.Next(Pieces.Length)]];
            }

            names.Add(name);
        }

        await AssertAgreesWithGitAsync(names);
    }

    [Theory]
    [InlineData("HEAD")]
    [InlineData("")]
    [InlineData("refs")]
    [InlineData("refs/")]
    [InlineData("heads/main")]
    [InlineData("Refs/heads/main")]
    [InlineData("refs/heads/a\0b")]
    [InlineData("refs/../../etc/passwd")]
    [InlineData("/refs/heads/main")]
    public void IsValid_NoNameBelowRefs_IsRefused(string name) =>
        Assert.False(RefName.IsValid(Encoding.UTF8.GetBytes(name)));

    [Fact]
    public void IsValid_LengthAtTheLimit_IsTheLast()
    {
        byte[] name = Encoding.ASCII.GetBytes("refs/" + new string('a', RefName.MaxLength));
        Assert.True(RefName.IsValid(name.AsSpan(0, RefName.MaxLength)));
        Assert.False(RefName.IsValid(name.AsSpan(0, RefName.MaxLength + 1)));
    }

    [Fact]
    public void CompareTo_BytesAbove127_AreUnsigned()
    {
        RefName ascii = RefName.FromString("refs/heads/z");
        RefName high = RefName.FromBytes([.. "refs/heads/"u8, 0xff]);
        Assert.True(ascii < high);
        Assert.NotEqual(ascii, high);
        Assert.Equal(high, RefName.FromBytes(high.Bytes));
        Assert.Equal(high.GetHashCode(), RefName.FromBytes(high.Bytes).GetHashCode());
        Assert.NotEqual(RefName.FromString("refs/heads/A"), RefName.FromString("refs/heads/a"));
    }

    [Fact]
    public void Default_ThatNamesNoRef_IsEmpty()
    {
        Assert.True(default(RefName).IsEmpty);
        Assert.Equal(default, RefName.FromString(string.Empty));
        Assert.Equal(default(RefName).GetHashCode(), RefName.FromString(string.Empty).GetHashCode());
    }

    private static async Task AssertAgreesWithGitAsync(List<byte[]> names)
    {
        bool[] verdicts = await AskGitAsync(names);
        Assert.Contains(true, verdicts);
        Assert.Contains(false, verdicts);
        for (int i = 0; i < names.Count; i++)
        {
            string shown = Encoding.Latin1.GetString(names[i]);
            Assert.True(verdicts[i] == RefName.IsValid(names[i]), $"git says {verdicts[i]} of '{shown}' ({Convert.ToHexString(names[i])})");
        }
    }

    /// <summary>A shell hands the bytes to git: an argument from .NET would be made UTF-8.</summary>
    private static async Task<bool[]> AskGitAsync(List<byte[]> names)
    {
        const string script = """
            while read -r octal; do
              name=$(printf '%b.' "$octal")
              if git check-ref-format "${name%.}"; then echo good; else echo bad; fi
            done
            """;
        using Process shell = Process.Start(new ProcessStartInfo("sh", ["-c", script])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            Environment = { ["LC_ALL"] = "C" },
        })!;
        Task<string> verdicts = shell.StandardOutput.ReadToEndAsync();
        foreach (byte[] name in names)
        {
            string octal = string.Concat(name.Select(static b => "\\0" + Convert.ToString(b, 8).PadLeft(3, '0')));
            await shell.StandardInput.WriteAsync(octal + "\n");
        }

        shell.StandardInput.Close();
        string[] lines = (await verdicts).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        await shell.WaitForExitAsync();
        Assert.Equal(names.Count, lines.Length);
        return [.. lines.Select(static line => line == "good")];
    }
}
