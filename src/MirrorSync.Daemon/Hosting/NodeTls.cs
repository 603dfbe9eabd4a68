using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using MirrorSync.Daemon.Configuration;

namespace MirrorSync.Daemon.Hosting;

/// <summary>
/// Mutual TLS between nodes: this node's certificate, and the one authority that the other side's must come from. The
/// machine's own trust store plays no part. Certificates are not asked about at a revocation service: a node that is to
/// be shut out gets a new authority.
/// </summary>
internal sealed class NodeTls : IDisposable
{
    private static readonly Oid ServerUsage = new("1.3.6.1.5.5.7.3.1");
    private static readonly Oid ClientUsage = new("1.3.6.1.5.5.7.3.2");

    private readonly X509Certificate2 certificate;
    private readonly X509Certificate2Collection intermediates;
    private readonly X509Certificate2Collection authority;
    private readonly SslStreamCertificateContext context;

    private NodeTls(X509Certificate2 certificate, X509Certificate2Collection intermediates, X509Certificate2Collection authority)
    {
        this.certificate = certificate;
        this.intermediates = intermediates;
        this.authority = authority;
        context = SslStreamCertificateContext.Create(certificate, intermediates, offline: true);
    }

    /// <summary>Loads the three PEM files, or says of each, by its key, why it does not do.</summary>
    public static NodeTls? TryLoad(TlsConfig config, out IReadOnlyList<string> errors)
    {
        var found = new List<string>();
        X509Certificate2Collection? chain = LoadCertificates("Tls:Certificate", config.Certificate, found);
        X509Certificate2Collection? authority = LoadCertificates("Tls:Authority", config.Authority, found);
        X509Certificate2? own = LoadWithKey(config, chain is not null, found);
        errors = found;
        if (chain is null || authority is null || own is null)
        {
            Dispose(chain);
            Dispose(authority);
            own?.Dispose();
            return null;
        }

        // The first certificate of the file is the node's own, now held with its key.
        chain[0].Dispose();
        chain.RemoveAt(0);
        return new NodeTls(own, chain, authority);
    }

    /// <summary>What a listener demands of those who connect: a certificate of the authority, good for a client.</summary>
    public SslServerAuthenticationOptions ServerOptions() => new()
    {
        ServerCertificateContext = context,
        ClientCertificateRequired = true,
        CertificateChainPolicy = Policy(ClientUsage),
    };

    /// <summary>What a client demands of the node it calls: a certificate of the authority, for the host name of the URL.</summary>
    public SslClientAuthenticationOptions ClientOptions() => new()
    {
        ClientCertificateContext = context,
        CertificateChainPolicy = Policy(ServerUsage),
    };

    /// <inheritdoc/>
    public void Dispose()
    {
        certificate.Dispose();
        Dispose(intermediates);
        Dispose(authority);
    }

    private static void Dispose(X509Certificate2Collection? certificates)
    {
        foreach (X509Certificate2 certificate in certificates ?? [])
        {
            certificate.Dispose();
        }
    }

    private static X509Certificate2Collection? LoadCertificates(string key, string path, List<string> errors)
    {
        var certificates = new X509Certificate2Collection();
        string? problem = Try(() => certificates.ImportFromPem(File.ReadAllText(path)));
        if (problem is null && certificates.Count == 0)
        {
            problem = "holds no PEM certificate";
        }

        if (problem is not null)
        {
            errors.Add($"{key}: '{path}' {problem}");
        }

        return problem is null ? certificates : null;
    }

    private static X509Certificate2? LoadWithKey(TlsConfig config, bool certificateIsGood, List<string> errors)
    {
        X509Certificate2? own = null;
        string pem = string.Empty;
        string? problem = Try(() => pem = File.ReadAllText(config.Key));
        if (problem is null && !pem.Contains("PRIVATE KEY-----", StringComparison.Ordinal))
        {
            problem = "holds no PEM private key";
        }
        else if (problem is null && certificateIsGood)
        {
            problem = Try(() => own = X509Certificate2.CreateFromPem(File.ReadAllText(config.Certificate), pem)) is null
                ? null : "is not the key of Tls:Certificate, or is encrypted";
        }

        if (problem is not null)
        {
            errors.Add($"Tls:Key: '{config.Key}' {problem}");
        }

        return own;
    }

    private static string? Try(Action load)
    {
        try
        {
            load();
            return null;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return "does not exist";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "cannot be read";
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            return "is no good PEM file";
        }
    }

    private X509ChainPolicy Policy(Oid usage)
    {
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
            DisableCertificateDownloads = true,
        };
        policy.CustomTrustStore.AddRange(authority);
        policy.ApplicationPolicy.Add(usage);
        return policy;
    }
}
