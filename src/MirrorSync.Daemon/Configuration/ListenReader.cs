using System.Net;

namespace MirrorSync.Daemon.Configuration;

/// <summary>Reads <c>Listen:*</c> and keeps its rule: replication beyond loopback only with TLS.</summary>
internal static class ListenReader
{
    /// <summary>The key of the public listener.</summary>
    public const string PublicKey = "Listen:Public";

    /// <summary>The key of the replication listener.</summary>
    public const string ReplicationKey = "Listen:Replication";

    /// <summary>The key of the admin listener.</summary>
    public const string AdminKey = "Listen:Admin";

    /// <summary>The key of the git:// listener.</summary>
    public const string GitKey = "Listen:Git";

    private const string DefaultAdmin = "http://127.0.0.1:8462";

    /// <summary>Reads the listeners; null after an error.</summary>
    /// <param name="reader">Where errors go.</param>
    /// <param name="wantsTls">True when any of the Tls keys is given.</param>
    public static ListenConfig? Read(ConfigReader reader, bool wantsTls)
    {
        ListenAddress? replication = ReadAddress(reader, ReplicationKey, reader.Required(ReplicationKey));
        ListenAddress? open = ReadPlain(reader, PublicKey, reader.Required(PublicKey));
        ListenAddress? admin = ReadPlain(reader, AdminKey, reader.Optional(AdminKey) ?? DefaultAdmin);
        IPEndPoint? git = ReadGit(reader);

        string? wrong = replication is null ? null : (replication.IsHttps, wantsTls) switch
        {
            (true, false) => $"'{replication}': https needs Tls:Certificate, Tls:Key and Tls:Authority",
            (false, true) => $"'{replication}': must be https, because Tls is set",
            (false, false) when !replication.IsLoopback =>
                $"'{replication}': replication beyond loopback is only allowed with TLS; set Tls:Certificate, Tls:Key and Tls:Authority, or listen on 127.0.0.1",
            _ => null,
        };
        if (wrong is not null)
        {
            reader.Fail(ReplicationKey, wrong);
        }

        RefuseSame(reader, [(PublicKey, open?.EndPoint), (ReplicationKey, replication?.EndPoint), (AdminKey, admin?.EndPoint), (GitKey, git)]);
        return open is null || replication is null || admin is null ? null : new ListenConfig(open, replication, admin, git);
    }

    private static ListenAddress? ReadAddress(ConfigReader reader, string key, string? text)
    {
        if (text is null)
        {
            return null;
        }

        if (!ListenAddress.TryParse(text, out ListenAddress? address, out string problem))
        {
            reader.Fail(key, problem);
        }

        return address;
    }

    private static ListenAddress? ReadPlain(ConfigReader reader, string key, string? text)
    {
        ListenAddress? address = ReadAddress(reader, key, text);
        if (address is { IsHttps: true })
        {
            reader.Fail(key, $"'{address}': only http is spoken here; put a TLS proxy in front");
            return null;
        }

        return address;
    }

    private static IPEndPoint? ReadGit(ConfigReader reader)
    {
        if (reader.Optional(GitKey) is not string text)
        {
            return null;
        }

        if (!ListenAddress.TryParseHostAndPort(text, out IPEndPoint? endPoint))
        {
            reader.Fail(GitKey, $"'{text}' is not host:port such as 0.0.0.0:9418");
        }

        return endPoint;
    }

    private static void RefuseSame(ConfigReader reader, (string Key, IPEndPoint? EndPoint)[] listeners)
    {
        for (int i = 1; i < listeners.Length; i++)
        {
            (string key, IPEndPoint? endPoint) = listeners[i];
            string? first = listeners.Take(i).FirstOrDefault(l => endPoint is { Port: not 0 } && endPoint.Equals(l.EndPoint)).Key;
            if (first is not null)
            {
                reader.Fail(key, $"{endPoint} is {first}'s already; each listener needs an address of its own");
            }
        }
    }
}
