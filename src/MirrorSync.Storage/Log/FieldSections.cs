using System.Diagnostics.CodeAnalysis;
using MirrorSync.Git.Objects;
using MirrorSync.Git.Refs;
using MirrorSync.Storage.Repositories;

namespace MirrorSync.Storage.Log;

/// <summary>The sections of a record's fields: what <see cref="LogRecordBodyCodec"/> puts behind the length.</summary>
internal static class FieldSections
{
    /// <summary>Persisted: append only, and only together with a new version of the record.</summary>
    private enum Section : byte
    {
        /// <summary>{u16 length, name, old value, new value}...; a value is u8 kind, then the raw id or u16 length and target.</summary>
        Updates = 1,

        /// <summary>{u16 length, name}...</summary>
        Alternates = 2,

        /// <summary>The bytes of the description file.</summary>
        Description = 3,

        /// <summary>UTF-8.</summary>
        Owner = 4,

        /// <summary>{u16 length, key, u32 length, value}..., UTF-8.</summary>
        Config = 5,

        /// <summary>A repository's name.</summary>
        NewName = 6,

        /// <summary>UTF-8.</summary>
        Node = 7,
    }

    public static byte[] Write(LogRecordBody body, ObjectFormat? format, int limit)
    {
        ByteWriter writer = new(limit);
        int fields = writer.BeginLength();
        if (body.Updates.Count > 0)
        {
            int section = Begin(writer, Section.Updates);
            WriteUpdates(writer, body.Updates, format);
            writer.EndLength(section);
        }

        if (body.Alternates is { } alternates)
        {
            int section = Begin(writer, Section.Alternates);
            foreach (RepositoryName name in alternates)
            {
                writer.Short(NameBytes(name), "a repository name");
            }

            writer.EndLength(section);
        }

        if (body.Description is { } description)
        {
            WriteSection(writer, Section.Description, description.Span);
        }

        if (body.Owner is { } owner)
        {
            WriteSection(writer, Section.Owner, ByteWriter.Utf8(owner));
        }

        if (body.Config is { } config)
        {
            int section = Begin(writer, Section.Config);
            foreach (ConfigEntry entry in config)
            {
                writer.Short(ByteWriter.Utf8(entry.Key), "a config key");
                byte[] value = ByteWriter.Utf8(entry.Value);
                writer.U32(value.Length);
                writer.Bytes(value);
            }

            writer.EndLength(section);
        }

        if (body.NewName is { } newName)
        {
            WriteSection(writer, Section.NewName, NameBytes(newName));
        }

        if (body.Node is { } node)
        {
            WriteSection(writer, Section.Node, ByteWriter.Utf8(node));
        }

        writer.EndLength(fields);
        return writer.ToArray();
    }

    public static bool TryRead(
        ReadOnlyMemory<byte> fields, int offset, ObjectFormat? format, [NotNullWhen(true)] out LogRecordBody? body, out string? error)
    {
        LogRecordBody read = new();
        ByteReader reader = new(fields.Span, offset);
        Section last = 0;
        while (reader.Error is null && !reader.AtEnd)
        {
            if (!reader.TryU8("a section", out byte type) || !reader.TryU8("a section", out byte flags)
                || !reader.TryU16("a section", out ushort reserved))
            {
                break;
            }

            if (flags != 0 || reserved != 0 || (Section)type <= last)
            {
                reader.Fail($"section {type} behind section {(byte)last}, flags {flags}, reserved {reserved}");
                break;
            }

            last = (Section)type;
            int start = reader.Offset + sizeof(uint);
            if (!reader.TryLong($"section {type}", out ReadOnlySpan<byte> content))
            {
                break;
            }

            ByteReader section = new(content, start);
            LogRecordBody? next = ReadSection(ref section, last, fields.Slice(start - offset, content.Length), format, read);
            if (next is null)
            {
                body = null;
                error = section.Error;
                return false;
            }

            read = next;
        }

        error = reader.Error;
        body = error is null ? read : null;
        return body is not null;
    }

    private static LogRecordBody? ReadSection(
        ref ByteReader reader, Section type, ReadOnlyMemory<byte> content, ObjectFormat? format, LogRecordBody read)
    {
        string? text;
        RepositoryName name;
        switch (type)
        {
            case Section.Updates:
                return ReadUpdates(ref reader, format) is { } updates ? read with { Updates = updates } : null;
            case Section.Alternates:
                return ReadAlternates(ref reader) is { } alternates ? read with { Alternates = alternates } : null;
            case Section.Description:
                return read with { Description = content };
            case Section.Owner:
                return reader.TryText(content.Span, "the owner", out text) ? read with { Owner = text } : null;
            case Section.Config:
                return ReadConfig(ref reader) is { } config ? read with { Config = config } : null;
            case Section.NewName:
                return TryName(ref reader, content.Span, out name) ? read with { NewName = name } : null;
            case Section.Node:
                return reader.TryText(content.Span, "the node", out text) ? read with { Node = text } : null;
            default:
                reader.Fail($"section {(byte)type} is not known");
                return null;
        }
    }

    private static int Begin(ByteWriter writer, Section type)
    {
        writer.U8((byte)type);
        writer.U8(0);
        writer.U16(0);
        return writer.BeginLength();
    }

    private static void WriteSection(ByteWriter writer, Section type, ReadOnlySpan<byte> content)
    {
        int section = Begin(writer, type);
        writer.Bytes(content);
        writer.EndLength(section);
    }

    private static byte[] NameBytes(RepositoryName name) => name.Value.Length > 0
        ? ByteWriter.Utf8(name.Value) : throw new ArgumentException("the default value names no repository");

    private static void WriteUpdates(ByteWriter writer, IReadOnlyList<RefUpdate> updates, ObjectFormat? format)
    {
        ObjectFormat known = format ?? throw new ArgumentException("ref updates need an object format");
        HashSet<RefName> seen = new(updates.Count);
        foreach (RefUpdate update in updates)
        {
            if (!IsName(update.Name.Bytes) || !seen.Add(update.Name) || !(update.Old.Exists || update.New.Exists))
            {
                throw new ArgumentException($"the update of '{update.Name}' has a bad name, comes twice or updates nothing");
            }

            writer.Short(update.Name.Bytes, "a ref name");
            WriteValue(writer, update.Old, known);
            WriteValue(writer, update.New, known);
        }
    }

    private static void WriteValue(ByteWriter writer, RefValue value, ObjectFormat format)
    {
        writer.U8((byte)value.Kind);
        if (value.Kind == RefValueKind.Direct)
        {
            ObjectId id = value.Id;
            ReadOnlySpan<byte> padding = id.AsSpan(ObjectFormat.Sha256)[format.RawLength()..];
            if (id.IsZero || padding.ContainsAnyExcept((byte)0))
            {
                throw new ArgumentException($"{id} is no id of format {format.GitName()}");
            }

            writer.Bytes(id.AsSpan(format));
        }
        else if (value.Kind == RefValueKind.Symbolic)
        {
            if (!IsName(value.Target.Bytes))
            {
                throw new ArgumentException($"'{value.Target}' is no target of a symbolic ref");
            }

            writer.Short(value.Target.Bytes, "a symbolic ref's target");
        }
    }

    private static List<RefUpdate>? ReadUpdates(ref ByteReader reader, ObjectFormat? format)
    {
        if (format is not { } known)
        {
            reader.Fail("ref updates in a record without object format");
            return null;
        }

        List<RefUpdate> updates = [];
        HashSet<RefName> seen = [];
        while (!reader.AtEnd)
        {
            if (!reader.TryShort("a ref name", out ReadOnlySpan<byte> bytes))
            {
                return null;
            }

            RefName name = RefName.FromBytes(bytes);
            if (!IsName(bytes) || !seen.Add(name))
            {
                reader.Fail($"a ref name of {bytes.Length} bytes is not valid or comes twice");
                return null;
            }

            if (!TryValue(ref reader, known, out RefValue old) || !TryValue(ref reader, known, out RefValue next))
            {
                return null;
            }

            if (!old.Exists && !next.Exists)
            {
                reader.Fail("an update from nothing to nothing");
                return null;
            }

            updates.Add(new RefUpdate(name, old, next));
        }

        return updates;
    }

    private static bool TryValue(ref ByteReader reader, ObjectFormat format, out RefValue value)
    {
        value = RefValue.None;
        if (!reader.TryU8("a ref value", out byte kind))
        {
            return false;
        }

        switch ((RefValueKind)kind)
        {
            case RefValueKind.None:
                return true;
            case RefValueKind.Direct when reader.TryBytes(format.RawLength(), "an object id", out ReadOnlySpan<byte> raw):
                value = RefValue.Direct(ObjectId.FromRaw(raw));
                return !value.Id.IsZero || reader.Fail("a ref with the id of all zeros");
            case RefValueKind.Symbolic when reader.TryShort("a symbolic ref's target", out ReadOnlySpan<byte> target):
                value = RefValue.Symbolic(RefName.FromBytes(target));
                return IsName(target) || reader.Fail("a symbolic ref's target is not valid");
            default:
                return reader.Fail($"a ref value of kind {kind}");
        }
    }

    private static List<RepositoryName>? ReadAlternates(ref ByteReader reader)
    {
        List<RepositoryName> names = [];
        while (!reader.AtEnd)
        {
            if (!reader.TryShort("a repository name", out ReadOnlySpan<byte> utf8) || !TryName(ref reader, utf8, out RepositoryName name))
            {
                return null;
            }

            names.Add(name);
        }

        return names;
    }

    private static List<ConfigEntry>? ReadConfig(ref ByteReader reader)
    {
        List<ConfigEntry> entries = [];
        while (!reader.AtEnd)
        {
            if (!reader.TryShort("a config key", out ReadOnlySpan<byte> rawKey) || !reader.TryText(rawKey, "a config key", out string? key)
                || !reader.TryLong("a config value", out ReadOnlySpan<byte> rawValue) || !reader.TryText(rawValue, "a config value", out string? value))
            {
                return null;
            }

            entries.Add(new ConfigEntry(key, value));
        }

        return entries;
    }

    private static bool TryName(ref ByteReader reader, ReadOnlySpan<byte> utf8, out RepositoryName name)
    {
        name = default;
        return reader.TryText(utf8, "a repository name", out string? text)
            && (RepositoryName.TryParse(text, out name) || reader.Fail("a repository name is not valid"));
    }

    private static bool IsName(ReadOnlySpan<byte> name) => RefName.IsValid(name) || name.SequenceEqual("HEAD"u8);
}
