using System.Net;
using System.Text;
using Azure.Core.Pipeline;
using Azure.Data.Tables;
using ContentSync.Ledger;

namespace ContentSync.Tests.Ledger;

/// <summary>What becomes of a service that answers badly or not at all; no service is needed for it.</summary>
public sealed class TableLedgerFaultTests
{
    private readonly TestSubmissions _submissions = new();

    [Theory]
    [InlineData(403, "AuthorizationPermissionMismatch", "The table syncrecords refused access (AuthorizationPermissionMismatch); the app's identity needs the role Storage Table Data Contributor, and the account's network rules must let it in.")]
    [InlineData(503, "ServerBusy", "The table syncrecords is throttled (ServerBusy); try again later.")]
    [InlineData(500, "InternalError", "The table syncrecords answered 500 (InternalError); try again later.")]
    [InlineData(400, "InvalidInput", "The table syncrecords answered 400 (InvalidInput); try again later.")]
    public async Task Says_in_one_sentence_what_the_service_answered(int status, string code, string sentence)
    {
        var ledger = Ledger(_ => Answer(status, code));

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
        var ledger = Ledger(_ => throw new HttpRequestException("Connection refused."));

        var fault = await Assert.ThrowsAsync<LedgerUnavailableException>(async () => await ledger.FindAsync("item", default));

        Assert.Equal("The table syncrecords at account.table.core.windows.net cannot be reached (Connection refused).", fault.Message);
    }

    [Fact]
    public async Task Takes_the_clients_own_timeout_for_an_unavailable_store_and_not_for_a_cancellation()
    {
        var ledger = Ledger(_ => throw new TaskCanceledException("The operation was cancelled because it exceeded the configured timeout."));

        var fault = await Assert.ThrowsAsync<LedgerUnavailableException>(async () => await ledger.FindAsync("item", default));

        Assert.Contains("did not answer in time", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Leaves_a_cancellation_a_cancellation()
    {
        using var gone = new CancellationTokenSource();
        var ledger = Ledger(_ =>
        {
            gone.Cancel();
            throw new HttpRequestException("Connection reset.");
        });

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await ledger.AcceptAsync([_submissions.Of("1", "A", 1), _submissions.Of("2", "A", 1)], gone.Token));
    }

    [Fact]
    public async Task Reports_the_fault_of_one_content_of_a_batch_and_not_that_the_others_were_stopped()
    {
        var ledger = Ledger(request => request.RequestUri!.AbsoluteUri.Contains("item-7", StringComparison.Ordinal) ? Answer(403, "AuthorizationFailure") : Answer(404, "ResourceNotFound", delay: true));

        var submissions = Enumerable.Range(0, 10).Select(i => _submissions.Of($"item-{i}", "A", 1)).ToArray();

        await Assert.ThrowsAsync<LedgerUnavailableException>(async () => await ledger.AcceptAsync(submissions, default));
    }

    [Fact]
    public async Task Gives_up_on_a_record_that_others_always_change_first()
    {
        var writes = 0;
        var ledger = Ledger(request =>
        {
            if (request.Method == HttpMethod.Get) return Answer(404, "ResourceNotFound");
            writes++;
            return Answer(409, "EntityAlreadyExists");
        });

        var fault = await Assert.ThrowsAsync<LedgerUnavailableException>(async () => await ledger.AcceptAsync([_submissions.Of("item", "A", 1)], default));

        Assert.Equal("A record in the table syncrecords was changed by others 20 times while it was to be written; try again.", fault.Message);
        Assert.Equal((20, 1), (writes, _submissions.Prepared));
    }

    private static TableLedger Ledger(Func<HttpRequestMessage, Task<HttpResponseMessage>> answer)
    {
        var options = new TableClientOptions { Transport = new HttpClientTransport(new FakeService(answer)), Retry = { MaxRetries = 1, Delay = TimeSpan.FromMilliseconds(1) } };
        var credential = new TableSharedKeyCredential("account", Convert.ToBase64String(new byte[32]));
        return new TableLedger(new TableClient(new Uri("https://account.table.core.windows.net"), "syncrecords", credential, options), new NoWaits());
    }

    private static async Task<HttpResponseMessage> Answer(int status, string code, bool delay = false)
    {
        if (delay) await Task.Yield();
        return new HttpResponseMessage((HttpStatusCode)status)
        {
            Content = new StringContent($$$"""{"odata.error":{"code":"{{{code}}}","message":{"lang":"en-US","value":"No."} } }""", Encoding.UTF8, "application/json"),
        };
    }

    private sealed class FakeService(Func<HttpRequestMessage, Task<HttpResponseMessage>> answer) : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) => answer(request);
    }

    private sealed class NoWaits : TimeProvider
    {
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) => base.CreateTimer(callback, state, TimeSpan.Zero, period);
    }
}
