using System.Globalization;
using System.Text;

namespace MirrorSync.Bench.IndexPack.Making;

/// <summary>
/// A long history of small changes to a large tree. Only the tip's files are in memory; the same numbers make the same
/// objects, whatever git packs them.
/// </summary>
internal sealed class HistoryGenerator
{
    private const string Main = "refs/heads/main";
    private const int Topics = 3;
    private const int TagEvery = 2500;
    private readonly Dice dice;
    private readonly People people;
    private readonly SourceTree tree;
    private readonly FastImportWriter writer;
    private readonly List<Topic> topics = [];
    private long seconds = 1_120_000_000;
    private long tip;

    public HistoryGenerator(ulong seed, int files, Stream into)
    {
        dice = new Dice(seed);
        people = new People(dice);
        tree = new SourceTree(dice, files, people);
        writer = new FastImportWriter(into);
    }

    /// <summary>Writes the whole stream: so many commits, merges included.</summary>
    public void Write(int commits)
    {
        Import();
        for (int done = 1; done < commits; done++)
        {
            seconds += dice.Between(60, 4000);
            Topic? ended = topics.Find(static t => t.CommitsLeft == 0);
            if (ended is not null)
            {
                Merge(ended);
            }
            else
            {
                Change(NextTopic());
            }

            if ((done + 1) % TagEvery == 0)
            {
                Person tagger = people.PickMaintainer(dice);
                writer.Tag($"v0.{(done + 1) / TagEvery}", tip, tagger, seconds, $"Release 0.{(done + 1) / TagEvery}\n\n{Paragraph(60)}\n");
            }
        }

        writer.Done();
    }

    private void Import()
    {
        foreach (SourceFile file in tree.Files)
        {
            file.Mark = writer.Blob(file.Content);
        }

        Person first = people.PickMaintainer(dice);
        tip = writer.Commit(Main, first, first, seconds, "Import the sources as they are\n");
        foreach (SourceFile file in tree.Files)
        {
            writer.Modify(file.Path, file.Mark);
        }

        writer.End();
    }

    private Topic? NextTopic()
    {
        if (topics.Count < Topics && dice.Chance(0.05))
        {
            int number = Enumerable.Range(0, Topics).First(n => topics.TrueForAll(t => t.Number != n));
            topics.Add(new Topic(number, dice.Between(2, 9)));
        }

        return topics.Count > 0 && dice.Chance(0.35) ? dice.Of(topics) : null;
    }

    /// <summary>A commit of one to four changed files, on a topic or, without one, on the main branch.</summary>
    private void Change(Topic? topic)
    {
        List<SourceFile> changed = [];
        List<SourceFolder> where = [tree.PickFolder()];
        foreach (double chance in new[] { 0.28, 0.25 })
        {
            if (dice.Chance(chance))
            {
                where.Add(tree.PickNear(where[0]));
            }
        }

        for (int i = Math.Max(where.Count, dice.Favoured([1, 2, 3, 4], 1.4)); i > 0; i--)
        {
            if (where[i % where.Count].Pick(dice, topic) is { } file && !changed.Contains(file))
            {
                file.Edit(dice);
                changed.Add(file);
            }
        }

        Person author = people.Pick(dice);
        if (changed.Count == 0 || dice.Chance(0.04))
        {
            SourceFile made = SourceFile.Make(where[0], where[0].NewName(dice), dice, author.Name);
            where[0].Files.Add(made);
            changed.Add(made);
        }

        foreach (SourceFile file in changed)
        {
            file.Mark = writer.Blob(file.Content);
        }

        if (topic is { Tip: 0 })
        {
            writer.Reset(topic.Branch, tip);
        }

        Person committer = dice.Chance(0.3) ? author : people.PickMaintainer(dice);
        long mark = writer.Commit(topic?.Branch ?? Main, author, committer, seconds, Message(where[0], author, committer));
        foreach (SourceFile file in changed)
        {
            writer.Modify(file.Path, file.Mark);
        }

        if (topic is null)
        {
            tip = mark;
            Tidy(where[0]);
        }
        else
        {
            topic.Tip = mark;
            topic.CommitsLeft--;
            topic.Changed.UnionWith(changed);
            changed.ForEach(f => f.Owner = topic);
        }

        writer.End();
    }

    /// <summary>Now and then a file is renamed or goes.</summary>
    private void Tidy(SourceFolder folder)
    {
        if (!dice.Chance(0.02) || folder.Pick(dice, topic: null) is not { } file)
        {
            return;
        }

        if (dice.Chance(0.6))
        {
            string old = file.Path;
            file.Name = folder.NewName(dice);
            writer.Rename(old, file.Path);
        }
        else if (folder.Files.Count > 2)
        {
            folder.Files.Remove(file);
            writer.Delete(file.Path);
        }
    }

    private void Merge(Topic topic)
    {
        topics.Remove(topic);
        Person maintainer = people.PickMaintainer(dice);
        string message = $"Merge branch 'topic/{topic.Number}' of {maintainer.Name.Split(' ')[1]}\n\n{Paragraph(dice.Between(10, 60))}\n";
        tip = writer.Commit(Main, maintainer, maintainer, seconds, message, topic.Tip);

        // fast-import takes the first parent's tree: what the topic changed has to be said again.
        foreach (SourceFile file in topic.Changed)
        {
            writer.Modify(file.Path, file.Mark);
            file.Owner = null;
        }

        writer.End();
    }

    private string Message(SourceFolder folder, Person author, Person committer)
    {
        StringBuilder text = new();
        string area = folder.Path[(folder.Path.IndexOf('/', StringComparison.Ordinal) + 1)..].Replace("/", ": ", StringComparison.Ordinal);
        text.Append(CultureInfo.InvariantCulture, $"{area}: {dice.Of(Words.Verbs)} {dice.Of(Words.Code)} {dice.Of(Words.Prose)} {dice.Of(Words.Code)}\n\n");
        text.Append(Paragraph(dice.Between(12, 90)));
        text.Append(CultureInfo.InvariantCulture, $"\n\nSigned-off-by: {author.Name} <{author.Email}>\n");
        if (author != committer)
        {
            text.Append(CultureInfo.InvariantCulture, $"Signed-off-by: {committer.Name} <{committer.Email}>\n");
        }

        return text.ToString();
    }

    private string Paragraph(int count)
    {
        StringBuilder text = new();
        int column = 0;
        for (int i = 0; i < count; i++)
        {
            string word = dice.Favoured(dice.Chance(0.75) ? Words.Prose : Words.Code, 1.6);
            bool wrap = column + word.Length > 70;
            text.Append(i == 0 ? "" : wrap ? "\n" : " ").Append(word);
            column = wrap ? word.Length : column + word.Length + 1;
        }

        return text.ToString();
    }
}
