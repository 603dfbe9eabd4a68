using System.Globalization;
using MirrorSync.Git.Objects;

namespace MirrorSync.Storage.Tests.Objects.Packing;

/// <summary>Pushes between random points of random histories.</summary>
public class RandomPushTests
{
    [Theory]
    [InlineData(1, ObjectFormat.Sha1, false)]
    [InlineData(2, ObjectFormat.Sha1, false)]
    [InlineData(3, ObjectFormat.Sha256, false)]
    [InlineData(4, ObjectFormat.Sha1, true)]
    [InlineData(5, ObjectFormat.Sha256, true)]
    public async Task Write_RandomTips_LacksNothingAndIsNoMoreThanGits(int seed, ObjectFormat format, bool skewed)
    {
        // Other histories: MIRRORSYNC_PACKING_SEED=N.
        if (int.TryParse(Environment.GetEnvironmentVariable("MIRRORSYNC_PACKING_SEED"), CultureInfo.InvariantCulture, out int offset))
        {
            seed += offset;
        }

        using PackingFixture fixture = await PackingFixture.CreateAsync(format);
        RandomHistory history = new(new RandomShape(seed, SkewedDates: skewed), format.HexLength());
        await fixture.ImportAsync(history.Script, loose: history.Next(2) == 0);
        for (int i = 0; i < 6; i++)
        {
            string[] include = history.Pick(1 + history.Next(2));
            string[] exclude = history.Pick(history.Next(5));
            try
            {
                await fixture.PushAsync(include, exclude, datesLie: skewed);
                if (i == 3)
                {
                    // Some in packs, some loose from here on.
                    await fixture.PackAsync(history.Pick(2));
                }
            }
            catch (Exception failure)
            {
                throw new InvalidOperationException($"seed {seed}: {string.Join(' ', include)} --not {string.Join(' ', exclude)}", failure);
            }
        }
    }
}
