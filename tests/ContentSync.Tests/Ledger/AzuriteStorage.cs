using System.Security.Cryptography;
using Azure.Core.Pipeline;
using Azure.Data.Tables;
using Azure.Storage;
using Azure.Storage.Blobs;
using ContentSync.WorkerHost;

namespace ContentSync.Tests.Ledger;

/// <summary>
/// <see cref="Azurite"/> for the tests of this collection, stopped at the end. If it is unavailable, the tests are skipped with the
/// reason. With CI=true in the environment, only a missing Node.js skips them; anything else fails.
/// </summary>
public sealed class AzuriteStorage : IAsyncLifetime
{
    private const string Account = "ledgertests";

    private readonly string _key = Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));
    private Azurite? _azurite;
    private string? _skipReason;

    /// <summary>Returns a client of a table that does not exist yet and that no other test uses.</summary>
    /// <exception cref="SkipException">Azurite is unavailable; a <c>[SkippableFact]</c> is reported as skipped.</exception>
    internal TableClient Table(HttpPipelinePolicy? policy = null)
    {
        Skip.If(_skipReason is not null, _skipReason);
        var options = new TableClientOptions();
        options.Retry.Delay = TimeSpan.FromMilliseconds(10);
        if (policy is not null) options.AddPolicy(policy, Azure.Core.HttpPipelinePosition.PerRetry);
        var name = "t" + RandomNumberGenerator.GetHexString(16, lowercase: true);
        return new TableClient(new Uri(_azurite!.Tables, $"/{Account}"), name, new TableSharedKeyCredential(Account, _key), options);
    }

    /// <summary>Returns a client of a container that does not exist yet and that no other test uses.</summary>
    /// <exception cref="SkipException">Azurite is unavailable; a <c>[SkippableFact]</c> is reported as skipped.</exception>
    internal BlobContainerClient Container(HttpPipelinePolicy? policy = null)
    {
        Skip.If(_skipReason is not null, _skipReason);
        var options = new BlobClientOptions();
        options.Retry.Delay = TimeSpan.FromMilliseconds(10);
        if (policy is not null) options.AddPolicy(policy, Azure.Core.HttpPipelinePosition.PerRetry);
        var name = "c" + RandomNumberGenerator.GetHexString(16, lowercase: true);
        return new BlobContainerClient(new Uri(_azurite!.Blobs, $"/{Account}/{name}"), new StorageSharedKeyCredential(Account, _key), options);
    }

    /// <summary>Addresses of the developer's account, for the settings of a host: its tables, and a container that no other test uses.</summary>
    /// <exception cref="SkipException">There is no Azurite; a <c>[SkippableFact]</c> is reported as skipped.</exception>
    internal (Uri Tables, Uri Container) Developer()
    {
        Skip.If(_skipReason is not null, _skipReason);
        return (_azurite!.Tables, new Uri($"{_azurite.Blobs}/c{RandomNumberGenerator.GetHexString(16, lowercase: true)}"));
    }

    /// <summary>Address and key of the account of <see cref="Table"/>, for other processes.</summary>
    /// <exception cref="SkipException">There is no Azurite; a <c>[SkippableFact]</c> is reported as skipped.</exception>
    internal (Uri Tables, string Account, string Key) Shared()
    {
        Skip.If(_skipReason is not null, _skipReason);
        return (new Uri(_azurite!.Tables, $"/{Account}"), Account, _key);
    }

    public async Task InitializeAsync()
    {
        try
        {
            _azurite = await Azurite.StartAsync($"{Account}:{_key}");
        }
        catch (AzuriteUnavailableException fault) when (fault.IsNodeMissing || Environment.GetEnvironmentVariable("CI") is not ("true" or "1"))
        {
            _skipReason = fault.Message;
        }
    }

    public async Task DisposeAsync()
    {
        if (_azurite is not null) await _azurite.DisposeAsync();
    }
}

/// <summary>The tests that share one Azurite.</summary>
[CollectionDefinition(Name)]
public sealed class AzuriteTests : ICollectionFixture<AzuriteStorage>
{
    public const string Name = "Azurite";
}
