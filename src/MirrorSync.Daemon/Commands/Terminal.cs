using System.Globalization;
using Spectre.Console;

namespace MirrorSync.Daemon.Commands;

/// <summary>Plain tables for terminals and pipes alike.</summary>
internal static class Terminal
{
    /// <summary>A text without control characters: names come from elsewhere and must not steer a terminal.</summary>
    public static string Clean(string text) =>
        text.Any(char.IsControl) ? string.Concat(text.Select(static c => char.IsControl(c) ? '?' : c)) : text;

    /// <summary>Seconds for a person; <c>never</c> for null.</summary>
    public static string Seconds(double? seconds) => seconds is double known
        ? string.Create(CultureInfo.InvariantCulture, $"{known:0.0} s") : "never";

    /// <summary>Milliseconds for a person; <c>-</c> for null.</summary>
    public static string Milliseconds(double? milliseconds) => milliseconds is double known
        ? string.Create(CultureInfo.InvariantCulture, $"{known:0} ms") : "-";

    /// <summary>Starts a table.</summary>
    public static Table Table(params string[] columns)
    {
        var table = new Table { Border = TableBorder.Simple };
        foreach (string column in columns)
        {
            table.AddColumn(new TableColumn(new Text(column)));
        }

        return table;
    }

    /// <summary>Adds a row of plain texts.</summary>
    public static void Add(this Table table, params string[] cells) =>
        table.AddRow(cells.Select(static c => new Text(Clean(c))));

    /// <summary>Prints a table without colours.</summary>
    public static void Print(CommandContext context, Table table)
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = AnsiSupport.No,
            ColorSystem = ColorSystemSupport.NoColors,
            Interactive = InteractionSupport.No,
            Out = new AnsiConsoleOutput(context.Output),
        });
        console.Profile.Width = context.Width;
        console.Write(table);
    }
}
