using System.Globalization;
using System.Text;

namespace MirrorSync.Bench.IndexPack.Making;

/// <summary>Writes text that looks, and above all compresses, like C sources: about four to one.</summary>
/// <param name="dice">What decides.</param>
/// <param name="words">The file's identifiers.</param>
/// <param name="text">Where it is written; one byte a character.</param>
internal sealed class SourceWriter(Dice dice, SourceVocabulary words, StringBuilder text)
{
    private const int DeepestIndent = 4;

    /// <summary>A whole file of at least so many bytes.</summary>
    public void File(int length, string author)
    {
        text.Append("// SPDX-License-Identifier: GPL-2.0\n/*\n * ");
        Sentence(4, 9);
        text.Append(CultureInfo.InvariantCulture, $"\n *\n * Copyright (C) {dice.Between(1996, 2024)} {author}\n */\n\n");
        for (int i = dice.Between(3, 12); i > 0; i--)
        {
            text.Append(CultureInfo.InvariantCulture, $"#include <linux/{dice.Favoured(Words.Code)}.h>\n");
        }

        text.Append('\n');
        while (text.Length < length)
        {
            switch (dice.Below(12))
            {
                case 0: Struct(); break;
                case 1: Macros(); break;
                case 2: Table(); break;
                default: Function(); break;
            }
        }
    }

    /// <summary>Some statements at an indentation, as an edit inserts them.</summary>
    public void Statements(int count, int indent)
    {
        for (int i = 0; i < count; i++)
        {
            Statement(indent);
        }
    }

    /// <summary>Some words, without a full stop.</summary>
    public void Sentence(int least, int most)
    {
        for (int i = dice.Between(least, most); i > 0; i--)
        {
            text.Append(dice.Favoured(Words.Prose, 1.6)).Append(i == 1 ? "" : " ");
        }
    }

    private void Function()
    {
        if (dice.Chance(0.3))
        {
            text.Append("/*\n");
            for (int i = dice.Between(1, 4); i > 0; i--)
            {
                text.Append(" * ");
                Sentence(6, 12);
                text.Append('\n');
            }

            text.Append(" */\n");
        }

        text.Append(CultureInfo.InvariantCulture, $"static {dice.Favoured(Words.Types, 3)} {dice.Of(words.Functions)}(struct {Struct(dice)} *{Name()}");
        for (int i = dice.Below(3); i > 0; i--)
        {
            text.Append(CultureInfo.InvariantCulture, $", {dice.Favoured(Words.Types)} {Name()}");
        }

        text.Append(")\n{\n");
        for (int i = dice.Between(1, 3); i > 0; i--)
        {
            text.Append(CultureInfo.InvariantCulture, $"\tstruct {Struct(dice)} *{Name()} = {Value()};\n");
        }

        text.Append("\tint ret;\n\n");
        Statements(dice.Between(4, 22), 1);
        text.Append(dice.Chance(0.6) ? "\n\treturn ret;\n}\n\n" : "\n\treturn 0;\n}\n\n");
    }

    private void Struct()
    {
        text.Append(CultureInfo.InvariantCulture, $"struct {Struct(dice)} {{\n");
        for (int i = dice.Between(4, 20); i > 0; i--)
        {
            text.Append(CultureInfo.InvariantCulture, $"\t{dice.Favoured(Words.Types)} {Field()};\n");
        }

        text.Append("};\n\n");
    }

    private void Macros()
    {
        for (int i = dice.Between(3, 16); i > 0; i--)
        {
            string value = dice.Chance(0.3) ? $"BIT({dice.Below(32)})" : $"0x{dice.Below(0x800) * 4:x4}";
            text.Append(CultureInfo.InvariantCulture, $"#define {Constant()}\t\t{value}\n");
        }

        text.Append('\n');
    }

    private void Table()
    {
        text.Append(CultureInfo.InvariantCulture, $"static const struct {Struct(dice)} {Name()}_table[] = {{\n");
        for (int i = dice.Between(4, 24); i > 0; i--)
        {
            text.Append(CultureInfo.InvariantCulture, $"\t{{ {Constant()}, 0x{dice.Below(65536):x4}, {dice.Below(100)} }},\n");
        }

        text.Append("};\n\n");
    }

    private void Statement(int indent)
    {
        int kind = dice.Below(indent < DeepestIndent ? 14 : 10);
        text.Append('\t', indent);
        switch (kind)
        {
            case 0:
                text.Append("/* ");
                Sentence(4, 10);
                text.Append(" */\n");
                break;
            case 1 or 2:
                text.Append(CultureInfo.InvariantCulture, $"ret = {Call()};\n");
                text.Append('\t', indent).Append("if (ret)\n");
                text.Append('\t', indent + 1).Append(dice.Chance(0.5) ? "return ret;\n" : "goto err;\n");
                break;
            case 3 or 4:
                text.Append(CultureInfo.InvariantCulture, $"{Call()};\n");
                break;
            case 5:
                text.Append(CultureInfo.InvariantCulture, $"dev_{(dice.Chance(0.5) ? "err" : "dbg")}({Value()}, \"");
                Sentence(3, 7);
                text.Append(CultureInfo.InvariantCulture, $" %d\\n\", {Name()});\n");
                break;
            case 6:
                text.Append(CultureInfo.InvariantCulture, $"{Value()} |= {Constant()} | {Constant()};\n");
                break;
            case 7 or 8 or 9:
                text.Append(CultureInfo.InvariantCulture, $"{Value()} = {Value()};\n");
                break;
            case 10:
                Braces($"for (i = 0; i < {Value()}; i++)", indent);
                break;
            case 11:
                Braces($"if ({Value()} == {Constant()})", indent);
                break;
            default:
                Braces(dice.Chance(0.5) ? $"if (!{Value()})" : $"if ({Value()} < {Value()})", indent);
                break;
        }
    }

    private void Braces(string head, int indent)
    {
        text.Append(head).Append(" {\n");
        Statements(dice.Between(1, 3), indent + 1);
        text.Append('\t', indent).Append("}\n");
    }

    private string Call() => dice.Below(3) switch
    {
        0 => $"{dice.Favoured(words.Functions)}({Value()})",
        1 => $"{dice.Favoured(words.Functions)}({Name()}, {Value()})",
        _ => $"{dice.Favoured(words.Functions)}({Name()}, {Value()}, {Constant()})",
    };

    private string Value() => dice.Below(4) switch
    {
        0 => Name(),
        1 => $"{Name()}->{Field()}",
        2 => $"{Name()}->{Field()}.{Field()}",
        _ => $"{Name()}->{Field()}",
    };

    private string Name() => dice.Favoured(words.Names);

    private string Field() => dice.Favoured(words.Fields);

    private string Constant() => dice.Favoured(words.Constants);

    private string Struct(Dice from) => from.Favoured(words.Structs);
}
