using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace MirrorSync.Testing.Nodes;

/// <summary>A certificate authority of a network's own, and its nodes' certificates as PEM files.</summary>
public sealed class TestAuthority : IDisposable
{
    private readonly string folder;
    private readonly ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly X509Certificate2 certificate;
    private int issued;

    /// <param name="folder">Takes the files; made if need be.</param>
    public TestAuthority(string folder)
    {
        this.folder = Directory.CreateDirectory(folder).FullName;
        CertificateRequest request = new("CN=test authority", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        certificate = request.CreateSelfSigned(Now.AddDays(-1), Now.AddDays(30));
        File.WriteAllText(AuthorityFile, certificate.ExportCertificatePem());
    }

    private string AuthorityFile => Path.Combine(folder, "authority.pem");

    private static DateTimeOffset Now => TimeProvider.System.GetUtcNow();

    /// <summary>Makes a certificate that is good for 127.0.0.1 and localhost, as server and as client.</summary>
    /// <param name="name">The node's name.</param>
    /// <returns>The <c>Tls</c> keys of the node's configuration.</returns>
    public IReadOnlyDictionary<string, string> Issue(string name)
    {
        using ECDsa own = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new($"CN={name}", own, HashAlgorithmName.SHA256);
        SubjectAlternativeNameBuilder names = new();
        names.AddIpAddress(IPAddress.Loopback);
        names.AddDnsName("localhost");
        request.CertificateExtensions.Add(names.Build());
        OidCollection serverAndClient = [new Oid("1.3.6.1.5.5.7.3.1"), new Oid("1.3.6.1.5.5.7.3.2")];
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension(serverAndClient, false));
        using X509Certificate2 made = request.Create(
            certificate, Now.AddHours(-1), Now.AddDays(7), BitConverter.GetBytes(Interlocked.Increment(ref issued)));
        string certificateFile = Path.Combine(folder, $"{name}.pem");
        string keyFile = Path.Combine(folder, $"{name}.key");
        File.WriteAllText(certificateFile, made.ExportCertificatePem());
        File.WriteAllText(keyFile, own.ExportPkcs8PrivateKeyPem());
        return new Dictionary<string, string>
        {
            ["Tls:Certificate"] = certificateFile,
            ["Tls:Key"] = keyFile,
            ["Tls:Authority"] = AuthorityFile,
        };
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        certificate.Dispose();
        key.Dispose();
    }
}
