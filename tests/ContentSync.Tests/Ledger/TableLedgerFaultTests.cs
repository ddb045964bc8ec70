using System.Net;
using System.Net.Sockets;
using System.Text;
using Azure.Core.Pipeline;
using Azure.Data.Tables;
using ContentSync.Ledger;

namespace ContentSync.Tests.Ledger;

/// <summary>Faults of the service, simulated without one.</summary>
public sealed class TableLedgerFaultTests
{
    private readonly TestSubmissions _submissions = new();

    [Theory]
    [InlineData(
        403,
        "AuthorizationPermissionMismatch",
        "The table syncrecords refused access (AuthorizationPermissionMismatch); the app's identity needs the role "
        + "Storage Table Data Contributor, and the account's network rules must admit it.")]
    [InlineData(503, "ServerBusy", "The table syncrecords is throttled (ServerBusy); try again later.")]
    [InlineData(500, "InternalError", "The table syncrecords returned status 500 (InternalError); try again later.")]
    [InlineData(400, "InvalidInput", "The table syncrecords returned status 400 (InvalidInput); try again later.")]
    public async Task Describes_a_failed_response_in_one_sentence(int status, string code, string sentence)
    {
        var ledger = Ledger(_ => Response(status, code));

        var faults = new[]
        {
            await Assert.ThrowsAsync<LedgerUnavailableException>(async () => await ledger.FindAsync("item", default)),
            await Assert.ThrowsAsync<LedgerUnavailableException>(async () => await ledger.LeaseAsync("item", TimeSpan.FromMinutes(1), default)),
            await Assert.ThrowsAsync<LedgerUnavailableException>(async () => await ledger.ListAsync(new SyncRecordFilter(), default).AnyAsync()),
            await Assert.ThrowsAsync<LedgerUnavailableException>(() => ledger.CreateIfNotExistsAsync(default)),
        };

        Assert.All(faults, f => Assert.Equal(sentence, f.Message));
    }

    [Fact]
    public async Task Says_that_the_service_cannot_be_reached()
    {
        var ledger = Ledger(_ => throw new HttpRequestException("refused", new SocketException((int)SocketError.ConnectionRefused)));

        var fault = await Assert.ThrowsAsync<LedgerUnavailableException>(async () => await ledger.FindAsync("item", default));

        Assert.Equal(
            "The table syncrecords at account.table.core.windows.net cannot be reached (ConnectionRefused); check the address and the account's "
            + "network rules.",
            fault.Message);
    }

    [Fact]
    public async Task Treats_a_timeout_of_the_client_as_an_unavailable_store_and_not_as_a_cancellation()
    {
        var ledger = Ledger(_ => throw new TaskCanceledException("The operation was cancelled because it exceeded the configured timeout."));

        var fault = await Assert.ThrowsAsync<LedgerUnavailableException>(async () => await ledger.FindAsync("item", default));

        Assert.Contains("did not respond in time", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Reports_a_cancellation_as_a_cancellation()
    {
        using var cancellation = new CancellationTokenSource();
        var ledger = Ledger(_ =>
        {
            cancellation.Cancel();
            throw new HttpRequestException("Connection reset.");
        });

        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            async () => await ledger.AcceptAsync([_submissions.Of("1", "A", 1), _submissions.Of("2", "A", 1)], cancellation.Token));
    }

    [Fact]
    public async Task Reports_the_fault_of_one_item_of_a_batch_and_not_the_cancellation_of_the_others()
    {
        var ledger = Ledger(request => request.RequestUri!.AbsoluteUri.Contains("item-7", StringComparison.Ordinal)
            ? Response(403, "AuthorizationFailure")
            : Response(404, "ResourceNotFound", delay: true));

        var submissions = Enumerable.Range(0, 10).Select(i => _submissions.Of($"item-{i}", "A", 1)).ToArray();

        await Assert.ThrowsAsync<LedgerUnavailableException>(async () => await ledger.AcceptAsync(submissions, default));
    }

    [Fact]
    public async Task Fails_after_twenty_conflicts_on_a_record()
    {
        var writes = 0;
        var ledger = Ledger(request =>
        {
            if (request.Method == HttpMethod.Get) return Response(404, "ResourceNotFound");
            writes++;
            return Response(409, "EntityAlreadyExists");
        });

        var fault = await Assert.ThrowsAsync<LedgerUnavailableException>(
            async () => await ledger.AcceptAsync([_submissions.Of("item", "A", 1)], default));

        Assert.Equal("Writing a record to the table syncrecords failed 20 times because other writers changed it; try again.", fault.Message);
        Assert.Equal((20, 1), (writes, _submissions.Prepared));
    }

    private static TableLedger Ledger(Func<HttpRequestMessage, Task<HttpResponseMessage>> respond)
    {
        var options = new TableClientOptions
        {
            Transport = new HttpClientTransport(new FakeService(respond)),
            Retry = { MaxRetries = 1, Delay = TimeSpan.FromMilliseconds(1) },
        };
        var credential = new TableSharedKeyCredential("account", Convert.ToBase64String(new byte[32]));
        var table = new TableClient(new Uri("https://account.table.core.windows.net"), "syncrecords", credential, options);
        return new TableLedger(table, new NoWaits(), indexStep: LedgerIndexStep.Write);
    }

    private static async Task<HttpResponseMessage> Response(int status, string code, bool delay = false)
    {
        if (delay) await Task.Yield();
        return new HttpResponseMessage((HttpStatusCode)status)
        {
            Content = new StringContent(
                $$$"""{"odata.error":{"code":"{{{code}}}","message":{"lang":"en-US","value":"No."} } }""", Encoding.UTF8, "application/json"),
        };
    }

    private sealed class FakeService(Func<HttpRequestMessage, Task<HttpResponseMessage>> respond) : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) => respond(request);
    }

    private sealed class NoWaits : TimeProvider
    {
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            base.CreateTimer(callback, state, TimeSpan.Zero, period);
    }
}
