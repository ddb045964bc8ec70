using System.Net;
using System.Security.Cryptography;
using System.Text.Json;
using ContentSync.Simulator;
using Microsoft.Extensions.Time.Testing;
using static ContentSync.Tests.Simulator.TestCaller;

namespace ContentSync.Tests.Simulator;

public sealed class SimulatedGatewayTests
{
    [Fact]
    public async Task Accepts_a_correctly_signed_item_and_responds_signed()
    {
        await using var caller = await StartAsync();

        var response = await caller.SendAsync(Body("sku-1", contentInfo: new { title = "凍檸茶" }, requestId: "r1"));

        Assert.Equal(200, response.Status);
        Assert.Equal("SUCCESS", response.Code);
        Assert.Equal("S", response.ResultStatus);
        Assert.True(IsSigned(response));
        Assert.Equal(ClientId, response.Header("Client-Id"));
        Assert.False(string.IsNullOrEmpty(response.Header("Tracer-Id")));
        Assert.Equal("application/json; charset=UTF-8", response.ContentHeaders.ContentType?.ToString());
        var stored = Assert.Single(caller.Gateway.Snapshot()).Value;
        Assert.Equal(("sku-1", "SKU", 1, "r1", 1L), (stored.ContentId, stored.ContentType, stored.ContentStatus, stored.RequestId, stored.Calls));
        Assert.Equal("凍檸茶", JsonDocument.Parse(stored.ContentInfo).RootElement.GetProperty("title").GetString());
    }

    [Fact]
    public async Task Responds_with_the_time_of_its_clock_in_Hong_Kong()
    {
        var time = new FakeTimeProvider(new DateTimeOffset(2026, 3, 1, 20, 0, 0, TimeSpan.Zero));
        await using var caller = await StartAsync(time: time);

        var response = await caller.SendAsync(Body());

        Assert.Equal("2026-03-02T04:00:00+08:00", response.Header("Response-Time"));
    }

    public static TheoryData<string, string> GatewayRefusals => new()
    {
        { "another path", "INVALID_API" },
        { "a query", "INVALID_API" },
        { "PUT", "METHOD_NOT_SUPPORTED" },
        { "no Client-Id", "INVALID_CLIENT" },
        { "an unknown Client-Id", "INVALID_CLIENT" },
        { "no charset", "MEDIA_TYPE_NOT_ACCEPTABLE" },
        { "another charset", "MEDIA_TYPE_NOT_ACCEPTABLE" },
        { "text/plain", "MEDIA_TYPE_NOT_ACCEPTABLE" },
        { "no Request-Time", "PARAM_ILLEGAL" },
        { "no Signature", "INVALID_SIGNATURE" },
        { "ECC224", "INVALID_SIGNATURE" },
        { "an unregistered keyVersion", "INVALID_SIGNATURE" },
        { "a raw base64 value", "INVALID_SIGNATURE" },
        { "a truncated signature", "INVALID_SIGNATURE" },
        { "a Signature header without pairs", "INVALID_SIGNATURE" },
        { "a changed byte", "INVALID_SIGNATURE" },
        { "a trailing line break that was not signed", "INVALID_SIGNATURE" },
        { "an unknown key", "INVALID_SIGNATURE" },
        { "another Client-Id signed", "INVALID_SIGNATURE" },
    };

    [Theory]
    [MemberData(nameof(GatewayRefusals))]
    public async Task Refuses_untrusted_requests_with_an_unsigned_response(string what, string code)
    {
        await using var caller = await StartAsync();
        using var unknownKey = RSA.Create(2048);

        var response = await caller.SendAsync(Body(), parts => Tamper(parts, what, unknownKey));

        Assert.Equal(code, response.Code);
        Assert.Equal("F", response.ResultStatus);
        Assert.Null(response.Header("Signature"));
        Assert.Null(response.Header("Response-Time"));
        Assert.Empty(caller.Gateway.Snapshot());
    }

    private static void Tamper(Parts parts, string what, RSA unknownKey)
    {
        switch (what)
        {
            case "another path": parts.Path = "/api/open/alipay/v1/content/other"; break;
            case "a query": parts.Path += "?x=1"; break;
            case "PUT": parts.Method = HttpMethod.Put; break;
            case "no Client-Id": parts.ClientId = null; break;
            case "an unknown Client-Id": parts.ClientId = parts.SignedClientId = "UNKNOWN_CLIENT"; break;
            case "no charset": parts.ContentType = "application/json"; break;
            case "another charset": parts.ContentType = "application/json; charset=GBK"; break;
            case "text/plain": parts.ContentType = "text/plain; charset=UTF-8"; break;
            case "no Request-Time": parts.RequestTime = null; break;
            case "no Signature": parts.SignatureHeader = (_, _) => null; break;
            case "ECC224": parts.SignatureHeader = (header, _) => header.Replace("RSA256", "ECC224", StringComparison.Ordinal); break;
            case "an unregistered keyVersion":
                parts.SignatureHeader = (header, _) => header.Replace("keyVersion=1", "keyVersion=2", StringComparison.Ordinal);
                break;
            case "a raw base64 value": parts.SignatureHeader = (header, _) => Uri.UnescapeDataString(header); break;
            case "a truncated signature": parts.SignatureHeader = (header, _) => header[..^60]; break;
            case "a Signature header without pairs": parts.SignatureHeader = (_, value) => value; break;
            case "a changed byte": parts.SignedBody = [.. parts.Body]; parts.SignedBody[20] ^= 1; break;
            case "a trailing line break that was not signed": parts.SignedBody = parts.Body; parts.Body = [.. parts.Body, (byte)'\n']; break;
            case "an unknown key": parts.Key = unknownKey; break;
            case "another Client-Id signed": parts.SignedClientId = "UNKNOWN_CLIENT"; break;
            default: throw new ArgumentOutOfRangeException(nameof(what), what, null);
        }
    }

    [Theory]
    [InlineData("algorithm=RSA256, keyVersion=1, signature={0}")]
    [InlineData("signature={0},algorithm=rsa256,keyVersion=1")]
    [InlineData("algorithm=RSA256,signature={0}")]
    public async Task Accepts_every_documented_form_of_the_signature_header(string form)
    {
        await using var caller = await StartAsync();

        var response = await caller.SendAsync(
            Body(), parts => parts.SignatureHeader = (_, value) => form.Replace("{0}", value, StringComparison.Ordinal));

        Assert.Equal("SUCCESS", response.Code);
    }

    [Fact]
    public async Task Accepts_lower_case_percent_encoding()
    {
        await using var caller = await StartAsync();

        var response = await caller.SendAsync(Body(), parts => parts.SignatureHeader = (header, _) => header
            .Replace("%2B", "%2b", StringComparison.Ordinal)
            .Replace("%2F", "%2f", StringComparison.Ordinal)
            .Replace("%3D", "%3d", StringComparison.Ordinal));

        Assert.Equal("SUCCESS", response.Code);
    }

    [Fact]
    public async Task Selects_the_callers_key_by_keyVersion_and_uses_the_latest_without_one()
    {
        using var next = RSA.Create(2048);
        var options = Options with { CallerKeys = [.. Options.CallerKeys, new RegisteredKey("2", next.ExportSubjectPublicKeyInfoPem())] };
        await using var caller = await StartAsync(options);

        Assert.Equal("SUCCESS", (await caller.SendAsync(Body())).Code);
        Assert.Equal("SUCCESS", (await caller.SendAsync(Body(), parts => SignWithNext(parts, "keyVersion=2,"))).Code);
        Assert.Equal("SUCCESS", (await caller.SendAsync(Body(), parts => SignWithNext(parts, ""))).Code);
        Assert.Equal("INVALID_SIGNATURE", (await caller.SendAsync(Body(), parts => SignWithNext(parts, "keyVersion=1,"))).Code);

        void SignWithNext(Parts parts, string version)
        {
            parts.Key = next;
            parts.SignatureHeader = (header, _) => header.Replace("keyVersion=1,", version, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("2024-05-22T06:42:21+05:30", true)]
    [InlineData("2024-05-22T06:42:21Z", true)]
    [InlineData("2024-05-22T06:42:21.1234567+08:00", true)]
    [InlineData("2024-05-22T06:42:21", false)]
    [InlineData("2024-05-22T06:42:21+0530", false)]
    [InlineData("1716339741000", false)]
    [InlineData("2024-13-22T06:42:21+05:30", false)]
    public async Task Requires_request_time_in_ISO_8601_with_a_zone(string requestTime, bool isAccepted)
    {
        await using var caller = await StartAsync();

        var response = await caller.SendAsync(Body(), parts => parts.RequestTime = requestTime);

        Assert.Equal(isAccepted ? "SUCCESS" : "PARAM_ILLEGAL", response.Code);
        Assert.Equal(!isAccepted, response.Message!.Contains("Request-Time", StringComparison.Ordinal));
        Assert.True(IsSigned(response));
    }

    [Fact]
    public async Task Refuses_a_request_time_outside_the_max_clock_skew_only_if_one_is_set()
    {
        var time = new FakeTimeProvider(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));
        await using var strict = await StartAsync(Options with { ClockSkew = TimeSpan.FromMinutes(5) }, time);
        await using var lenient = await StartAsync(Options, time);

        Assert.Equal("SUCCESS", (await strict.SendAsync(Body(), parts => parts.RequestTime = "2026-03-01T11:56:00+00:00")).Code);
        Assert.Equal("PARAM_ILLEGAL", (await strict.SendAsync(Body(), parts => parts.RequestTime = "2026-03-01T12:05:01+00:00")).Code);
        Assert.Equal("SUCCESS", (await lenient.SendAsync(Body(), parts => parts.RequestTime = "2020-03-01T12:05:01+00:00")).Code);
    }

    [Theory]
    [InlineData("""{"contentId":"a","contentType":"SKU","contentStatus":1,"contentInfo":"{}"}""", "requestId")]
    [InlineData(
        """{"requestId":"123e4567-e89b-12d3-a456-426614174000","contentId":"a","contentType":"SKU","contentStatus":1,"contentInfo":"{}"}""",
        "requestId")]
    [InlineData("""{"requestId":"r","contentType":"SKU","contentStatus":1,"contentInfo":"{}"}""", "contentId")]
    [InlineData("""{"requestId":"r","contentId":7,"contentType":"SKU","contentStatus":1,"contentInfo":"{}"}""", "contentId")]
    [InlineData("""{"requestId":"r","contentId":"a","contentType":"sku","contentStatus":1,"contentInfo":"{}"}""", "contentType")]
    [InlineData("""{"requestId":"r","contentId":"a","contentType":"SKU","contentStatus":"1","contentInfo":"{}"}""", "contentStatus")]
    [InlineData("""{"requestId":"r","contentId":"a","contentType":"SKU","contentStatus":true,"contentInfo":"{}"}""", "contentStatus")]
    [InlineData("""{"requestId":"r","contentId":"a","contentType":"SKU","contentStatus":2,"contentInfo":"{}"}""", "contentStatus")]
    [InlineData("""{"requestId":"r","contentId":"a","contentType":"SKU","contentStatus":1,"contentInfo":{}}""", "contentInfo")]
    [InlineData("""{"requestId":"r","contentId":"a","contentType":"SKU","contentStatus":1,"contentInfo":"[]"}""", "contentInfo")]
    [InlineData("""{"requestId":"r","contentId":"a","contentType":"SKU","contentStatus":1,"contentInfo":"not json"}""", "contentInfo")]
    [InlineData("""{"requestId":"r","contentId":"a","contentType":"SKU","contentStatus":1}""", "contentInfo")]
    [InlineData("""{"requestId":"\ud800","contentId":"a","contentType":"SKU","contentStatus":1,"contentInfo":"{}"}""", "requestId")]
    [InlineData("""{"requestId":"r","requestId":"s","contentId":"a","contentType":"SKU","contentStatus":1,"contentInfo":"{}"}""", "body")]
    [InlineData("[]", "body")]
    [InlineData("{", "body")]
    [InlineData("", "body")]
    public async Task Names_the_illegal_field_in_a_signed_response(string body, string field)
    {
        await using var caller = await StartAsync();

        var response = await caller.SendAsync(body);

        Assert.Equal("PARAM_ILLEGAL", response.Code);
        Assert.StartsWith(field, response.Message, StringComparison.Ordinal);
        Assert.True(IsSigned(response));
        Assert.Empty(caller.Gateway.Snapshot());
    }

    [Fact]
    public async Task Refuses_a_body_that_is_not_utf_8()
    {
        await using var caller = await StartAsync();

        var response = await caller.SendAsync("", parts => parts.Body = [.. "{\"requestId\":\""u8, 0xC3, 0x28, .. "\"}"u8]);

        Assert.Equal(("PARAM_ILLEGAL", "body is not UTF-8"), (response.Code, response.Message));
    }

    [Theory]
    [InlineData("resultInfo", "resultMessage")]
    [InlineData("result", "resultMessage")]
    [InlineData("result", "resultMsg")]
    [InlineData("resultInfo", "resultMsg")]
    public async Task Spells_the_envelope_as_configured(string result, string message)
    {
        await using var caller = await StartAsync(Options with { ResultMember = result, MessageMember = message });

        var response = await caller.SendAsync(Body());

        var member = Assert.Single(response.Json.EnumerateObject());
        Assert.Equal(result, member.Name);
        Assert.Equal(["resultCode", "resultStatus", message], member.Value.EnumerateObject().Select(inner => inner.Name));
        Assert.True(IsSigned(response));
    }

    [Fact]
    public async Task Upserts_by_contentId_and_counts_the_requests()
    {
        var time = new FakeTimeProvider(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));
        await using var caller = await StartAsync(time: time);

        await caller.SendAsync(Body("sku-1", contentInfo: new { title = "old" }, requestId: "r1"));
        time.Advance(TimeSpan.FromMinutes(1));
        await caller.SendAsync(Body("sku-1", contentStatus: 0, contentInfo: new { title = "new" }, requestId: "r2"));

        var stored = Assert.Single(caller.Gateway.Snapshot()).Value;
        Assert.Equal((2L, "r2", 0, """{"title":"new"}"""), (stored.Calls, stored.RequestId, stored.ContentStatus, stored.ContentInfo));
        Assert.Equal(time.GetUtcNow(), stored.ReceivedAt);
        Assert.Equal(time.GetUtcNow() - TimeSpan.FromMinutes(1), stored.FirstReceivedAt);
    }

    [Theory]
    [InlineData("""{"simulate":"risky"}""")]
    [InlineData("""{"title":"Genuine COUNTERFEIT bag"}""")]
    [InlineData("""{"deep":{"list":["\u5192\u724c\u624b\u888b"]}}""")]
    public async Task Rejects_a_risky_item_and_keeps_the_previous_version(string contentInfo)
    {
        await using var caller = await StartAsync();
        await caller.SendAsync(Body("sku-1", contentInfo: new { title = "fine" }));

        var response = await caller.SendAsync(Body("sku-1", contentInfo: JsonDocument.Parse(contentInfo).RootElement));

        Assert.Equal(("CONTENT_RISKY", "F"), (response.Code, response.ResultStatus));
        Assert.True(IsSigned(response));
        Assert.Equal("""{"title":"fine"}""", caller.Gateway.Snapshot()["sku-1"].ContentInfo);
    }

    [Fact]
    public async Task Changes_the_status_of_a_movie_template_through_its_life_cycle()
    {
        var time = new FakeTimeProvider(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));
        var endDate = time.GetUtcNow().AddDays(1).ToUnixTimeMilliseconds();
        await using var caller = await StartAsync(time: time);
        Task<Response> SendAsync(int status) => caller.SendAsync(Body("film-1", "MOVIE", status, new { title = "夜航", endDate }));

        var valid = await SendAsync(1);
        var paused = await SendAsync(0);
        time.Advance(TimeSpan.FromDays(2));
        var expired = await SendAsync(1);
        await caller.AdminAsync(HttpMethod.Post, "/simulator/content/film-1/freeze");
        var frozen = await SendAsync(1);
        await caller.AdminAsync(HttpMethod.Delete, "/simulator/content/film-1/freeze");
        var thawed = await SendAsync(1);

        Response[] responses = [valid, paused, expired, frozen, thawed];
        Assert.Equal(["valid", "paused", "expired", "frozen", "expired"], responses.Select(response => response.TemplateStatus));
        Assert.Single(responses.Select(response => response.TemplateCode).Distinct());
        Assert.Equal(32, valid.TemplateCode!.Length);
    }

    [Fact]
    public async Task Freezes_a_movie_on_demand_and_gives_an_SKU_no_template()
    {
        await using var caller = await StartAsync();

        var film = await caller.SendAsync(Body("film-1", "MOVIE", contentInfo: new { simulate = "frozen" }));
        var sku = await caller.SendAsync(Body("sku-1"));

        Assert.Equal("frozen", film.TemplateStatus);
        Assert.False(sku.Json.TryGetProperty("templateCode", out _));
        Assert.Equal(404, (await caller.AdminAsync(HttpMethod.Post, "/simulator/content/sku-1/freeze")).Status);
    }

    [Fact]
    public async Task Signs_every_other_response_with_the_previous_key_during_a_rotation()
    {
        using var previous = RSA.Create(2048);
        await using var caller = await StartAsync(Options with { PreviousKey = new GatewayKey("0", previous.ExportRSAPrivateKeyPem()) });

        var responses = new[] { await caller.SendAsync(Body()), await caller.SendAsync(Body()) };

        var old = Assert.Single(responses, response => response.Header("Signature")!.Contains("keyVersion=0,", StringComparison.Ordinal));
        Assert.True(IsSigned(old, previous));
        Assert.True(IsSigned(Assert.Single(responses, response => response != old)));
    }

    [Fact]
    public async Task Publishes_its_generated_key()
    {
        await using var caller = await StartAsync(Options with { Key = null });
        using var key = RSA.Create();
        key.ImportSubjectPublicKeyInfo(Convert.FromBase64String(caller.Gateway.PublicKey), out _);

        Assert.True(IsSigned(await caller.SendAsync(Body()), key));
    }

    [Fact]
    public async Task Counts_a_requestId_reused_with_another_body_but_not_a_plain_retry()
    {
        await using var caller = await StartAsync();
        var body = Body("sku-1", requestId: "same");

        await caller.SendAsync(body);
        await caller.SendAsync(body);
        Assert.Equal(0, caller.Gateway.Stats.ReusedRequestIds);

        await caller.SendAsync(Body("sku-2", requestId: "same"));
        Assert.Equal(1, caller.Gateway.Stats.ReusedRequestIds);
    }

    [Fact]
    public async Task Counts_two_requests_in_flight_for_one_contentId()
    {
        var time = new FakeTimeProvider();
        await using var caller = await StartAsync(Options with { Faults = GatewayFaults.Parse("latency=10s") }, time);

        var both = Task.WhenAll(caller.SendAsync(Body("sku-1")), caller.SendAsync(Body("sku-1")));
        await AdvanceUntilDoneAsync(time, both, caller, requests: 2);

        Assert.Equal(1, caller.Gateway.Stats.OverlappingRequests);
    }

    [Fact]
    public async Task Does_not_count_different_items_or_a_disconnected_caller_as_overlapping()
    {
        var time = new FakeTimeProvider();
        await using var caller = await StartAsync(Options with { Faults = GatewayFaults.Parse("latency=10s") }, time);
        using var disconnect = new CancellationTokenSource();

        var first = caller.SendAsync(Body("sku-1"), cancellationToken: disconnect.Token);
        await WaitForAsync(() => caller.Gateway.Stats.SignaturesVerified == 1);
        await disconnect.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        var others = Task.WhenAll(caller.SendAsync(Body("sku-1")), caller.SendAsync(Body("sku-2")));
        await AdvanceUntilDoneAsync(time, others, caller, requests: 3);

        Assert.Equal(0, caller.Gateway.Stats.OverlappingRequests);
        Assert.Equal(2, caller.Gateway.Stats.Effects);
    }

    private static async Task AdvanceUntilDoneAsync(FakeTimeProvider time, Task task, TestCaller caller, int requests)
    {
        await WaitForAsync(() => caller.Gateway.Stats.SignaturesVerified == requests);
        while (!task.IsCompleted)
        {
            time.Advance(TimeSpan.FromSeconds(10));
            await Task.WhenAny(task, Task.Delay(5));
        }

        await task;
    }

    private static async Task WaitForAsync(Func<bool> condition)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (!condition()) await Task.Delay(2, limit.Token);
    }

    [Fact]
    public async Task Shows_its_items_sorted_by_contentId()
    {
        await using var caller = await StartAsync();
        foreach (var id in new[] { "b", "a/1", "B" }) await caller.SendAsync(Body(id, contentInfo: new { title = "蛋撻" }));

        var (status, text) = await caller.AdminAsync(HttpMethod.Get, "/simulator/content");
        var one = await caller.AdminAsync(HttpMethod.Get, "/simulator/content/a%2F1");
        var none = await caller.AdminAsync(HttpMethod.Get, "/simulator/content/zzz");

        Assert.Equal(200, status);
        var lines = text.TrimEnd('\n').Split('\n').Select(line => JsonDocument.Parse(line).RootElement).ToList();
        Assert.Equal(["B", "a/1", "b"], lines.Select(line => line.GetProperty("contentId").GetString()));
        Assert.Equal("""{"title":"\u86CB\u64BB"}""", lines[0].GetProperty("contentInfo").GetString());
        Assert.Equal("a/1", JsonDocument.Parse(one.Text).RootElement.GetProperty("contentId").GetString());
        Assert.Equal(404, none.Status);
    }

    [Fact]
    public async Task Shows_its_counters()
    {
        await using var caller = await StartAsync();
        await caller.SendAsync(Body());
        await caller.SendAsync("{}");

        var (_, text) = await caller.AdminAsync(HttpMethod.Get, "/simulator/stats");

        var stats = JsonDocument.Parse(text).RootElement;
        Assert.Equal(2, stats.GetProperty("requests").GetInt64());
        Assert.Equal(1, stats.GetProperty("effects").GetInt64());
        Assert.Equal(1, stats.GetProperty("results").GetProperty("PARAM_ILLEGAL").GetInt64());
    }

    [Fact]
    public async Task Changes_its_faults_while_it_runs()
    {
        await using var caller = await StartAsync();

        var put = await caller.AdminAsync(HttpMethod.Put, "/simulator/faults", """{"faults":"unknown=1"}""");
        var faulty = await caller.SendAsync(Body());
        var deleted = await caller.AdminAsync(HttpMethod.Delete, "/simulator/faults");
        var healthy = await caller.SendAsync(Body());
        var wrong = await caller.AdminAsync(HttpMethod.Put, "/simulator/faults", """{"faults":"gremlins=1"}""");
        var broken = await caller.AdminAsync(HttpMethod.Put, "/simulator/faults", "{");

        Assert.Equal((200, """{"faults":"unknown=1"}"""), put);
        Assert.Equal((200, """{"faults":""}"""), deleted);
        Assert.Equal(("UNKNOWN_EXCEPTION", "SUCCESS"), (faulty.Code, healthy.Code));
        Assert.Equal(400, wrong.Status);
        Assert.Contains("gremlins", wrong.Text, StringComparison.Ordinal);
        Assert.Equal(400, broken.Status);
    }

    [Fact]
    public async Task Names_the_keyVersion_of_an_unreadable_key()
    {
        var options = Options with { CallerKeys = [new RegisteredKey("7", "bm90IGEga2V5")] };

        var error = await Assert.ThrowsAsync<ArgumentException>(() => StartAsync(options));

        Assert.Contains("keyVersion 7", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Refuses_a_port_that_is_in_use()
    {
        await using var caller = await StartAsync();

        await Assert.ThrowsAsync<IOException>(() => StartAsync(Options with { Port = caller.Gateway.Address.Port }));
        Assert.Equal(IPAddress.Loopback.ToString(), caller.Gateway.Address.Host);
    }
}
