using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using MirrorSync.Daemon.Configuration;

namespace MirrorSync.Daemon.Tests.Support;

/// <summary>A certificate authority of the test's own, and node certificates from it as PEM files.</summary>
internal sealed class TestAuthority : IDisposable
{
    private readonly string folder;
    private readonly ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly X509Certificate2 certificate;
    private int serial;

    public TestAuthority(string folder)
    {
        this.folder = Directory.CreateDirectory(folder).FullName;
        var request = new CertificateRequest("CN=test authority", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        certificate = request.CreateSelfSigned(Now.AddDays(-1), Now.AddDays(30));
        File.WriteAllText(AuthorityFile, certificate.ExportCertificatePem());
    }

    public string AuthorityFile => Path.Combine(folder, "authority.pem");

    private static DateTimeOffset Now => TimeProvider.System.GetUtcNow();

    /// <summary>Writes a node's files. By default it is good for 127.0.0.1, as server and as client, today.</summary>
    public TlsConfig Issue(
        string name, string address = "127.0.0.1", bool expired = false, string usages = "1.3.6.1.5.5.7.3.1 1.3.6.1.5.5.7.3.2")
    {
        using var own = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", own, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Parse(address));
        request.CertificateExtensions.Add(names.Build());
        var oids = new OidCollection();
        foreach (string usage in usages.Split(' '))
        {
            oids.Add(new Oid(usage));
        }

        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension(oids, false));
        using X509Certificate2 issued = request.Create(
            certificate, Now.AddHours(-23), expired ? Now.AddHours(-1) : Now.AddDays(7), BitConverter.GetBytes(++serial));
        var config = new TlsConfig(Path.Combine(folder, $"{name}.pem"), Path.Combine(folder, $"{name}.key"), AuthorityFile);
        File.WriteAllText(config.Certificate, issued.ExportCertificatePem());
        File.WriteAllText(config.Key, own.ExportPkcs8PrivateKeyPem());
        return config;
    }

    public void Dispose()
    {
        certificate.Dispose();
        key.Dispose();
    }
}
