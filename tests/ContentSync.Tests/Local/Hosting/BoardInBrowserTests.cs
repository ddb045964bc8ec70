using ContentSync.AlipayHk;
using ContentSync.Diagnostics.Trends;
using ContentSync.Ledger;
using ContentSync.Resync;
using ContentSync.Simulator;
using ContentSync.Sqlite;
using ContentSync.Tests.Http;
using Microsoft.Extensions.DependencyInjection;
using OpenQA.Selenium;

namespace ContentSync.Tests.Local.Hosting;

[Trait(TestCategory.Name, TestCategory.Slow)]
public sealed class BoardInBrowserTests(Chromium chromium) : IClassFixture<Chromium>
{
    /// <summary>Names what is wider than the page, if the page can be scrolled sideways.</summary>
    private const string TooWide =
        """
        const page = document.documentElement;
        if (page.scrollWidth <= page.clientWidth) return '';
        const wide = [...document.querySelectorAll('main *')].filter(part => part.getBoundingClientRect().right > page.clientWidth + 1);
        return wide.slice(0, 9).map(part => `${part.tagName} ${part.id} ${part.className} ${part.name ?? ''}`).join('; ') || 'something';
        """;

    // Markup, an override of the text direction, and an invisible character.
    private const string Hostile = "<img src=x onerror=alert(1)>\u202Egnp.exe\u200B";

    [BrowserFact]
    public async Task Shows_figures_and_opens_and_replays_an_item()
    {
        await using var host = await RunningHost.StartAsync();
        await host.SubmitAsync(ApiHarness.Item("GOOD-1"));
        host.Pipeline.Gateway!.Faults = GatewayFaults.Parse("risky=1");
        await host.SubmitAsync(ApiHarness.Item("RISKY-1"));
        using var browser = chromium.Open();
        browser.Open(host.Address);
        browser.Await("#live", "Live");
        browser.Await("#count-synchronized", "1");
        browser.Await("#count-parked", "1");
        browser.Await("#causes tbody tr", "Take out what is risky");

        Search(browser, "GOOD-1");
        browser.Await("#item-state", "synchronized");
        browser.Await("#history", "SUCCESS");
        browser.Find("#item .close").Click();

        browser.Await("#items button.link", "RISKY-1").Click();
        browser.Await("#item-state", "rejected by AlipayHK");
        browser.Await("#history", "CONTENT_RISKY");
        host.Pipeline.Gateway.Faults = GatewayFaults.None;
        browser.Await("#item-state button", "Replay").Click();
        browser.Await("#toast", "RISKY-1 is being sent again");
        browser.Find("#item .close").Click();
        browser.Await("#count-synchronized", "2");
        browser.Await("#items-none", "Nothing needs your attention");
        Assert.Equal(SyncState.Synchronized, (await host.Pipeline.Ledger.FindAsync("RISKY-1", CancellationToken.None))!.State);
        Assert.Empty(browser.Complaints);
    }

    [BrowserFact]
    public async Task Replays_all_items_of_one_code_after_confirmation()
    {
        await using var host = await RunningHost.StartAsync();
        host.Pipeline.Gateway!.Faults = GatewayFaults.Parse("risky=1");
        foreach (var i in Enumerable.Range(0, 3)) await host.SubmitAsync(ApiHarness.Item($"RISKY-{i}"));
        host.Pipeline.Gateway.Faults = GatewayFaults.None;
        using var browser = chromium.Open(width: 420, height: 800);
        browser.Open(host.Address);
        browser.Await("#count-parked", "3");
        browser.Await("#replay-all").Click();
        browser.Await("#confirm-text", "Send 3 parked items again");
        browser.Find("#confirm-yes").Click();
        browser.Await("#toast", "3 items are being sent again");
        browser.Await("#count-synchronized", "3");
    }

    [BrowserFact]
    public async Task Shows_hostile_text_as_plain_text()
    {
        await using var host = await RunningHost.StartAsync();
        host.Pipeline.Gateway!.Faults = GatewayFaults.Parse("risky=1");
        var contentId = "<b onclick=alert(1)>x\u202Ey";
        using var submitted = await host.SubmitAsync(ApiHarness.Item(contentId, Hostile));
        using var browser = chromium.Open();
        browser.Open(host.Address);
        browser.Await("#causes button.link", "<b onclick=alert(1)>xU+202Ey").Click();
        browser.Await("#item-body pre", "<img src=x onerror=alert(1)>U+202Egnp.exeU+200B");
        Assert.Empty(browser.All("#item img, #causes b, #items b, #item b"));
        Assert.Empty(browser.Complaints);
    }

    [BrowserFact]
    public async Task Asks_for_the_key_and_keeps_it_for_the_tab()
    {
        await using var host = await RunningHost.StartAsync("the key");
        using var browser = chromium.Open();
        browser.Open(host.Address);
        browser.Await("#key").SendKeys("wrong" + Keys.Enter);
        browser.Await("#key-note", "The key is wrong");
        Assert.False(browser.Find("#main").Displayed);
        browser.Find("#key").SendKeys("the key" + Keys.Enter);
        browser.Await("#live", "Live");
        browser.Open(host.Address);
        browser.Await("#count-pending", "0");
    }

    [BrowserFact]
    public async Task Shows_when_the_circuit_breaker_opens_and_resets()
    {
        await using var host = await RunningHost.StartAsync();
        using var browser = chromium.Open(dark: true);
        browser.Open(host.Address);
        browser.Await("#live", "Live");
        Assert.True(host.Pipeline.CircuitBreaker.TryEnter("REFUSED", out var permit, out _));
        var refused = new SynchronizeResult(SynchronizeResultKind.ConfigurationFault, "INVALID_SIGNATURE", "signature is invalid")
        {
            Verification = SignatureVerification.Valid,
        };
        host.Pipeline.CircuitBreaker.Report(permit, "REFUSED", refused, isItemAtFault: false);
        await host.SubmitAsync(ApiHarness.Item("WAITS"));
        browser.Await("#circuit", "Check that Client-Id, key version and the public key");
        browser.Await("#count-synchronized", "1");
        browser.AwaitGone("#circuit");
    }

    [BrowserFact]
    public async Task Pauses_sending_only_with_a_name_and_a_reason_and_resumes_it()
    {
        await using var host = await RunningHost.StartAsync();
        using var browser = chromium.Open();
        browser.Open(host.Address);
        browser.Await("#live", "Live");
        browser.Find("#pause").Click();
        browser.Await("#pause-title", "Pause all sending?");
        Assert.Equal("pause-no", browser.Run("return document.activeElement.id"));
        browser.Find("#pause-yes").Click();
        browser.Await("#pause-title", "Pause all sending?");
        browser.Find("#pause-by").SendKeys("Mei");
        browser.Find("#pause-reason").SendKeys("wrong <b>prices</b>");
        browser.Find("#pause-yes").Click();
        browser.Await("#paused", "Mei paused all sending");
        browser.Await("#paused", "wrong <b>prices</b>");
        browser.Await("#live", "Nothing is sent");
        browser.AwaitGone("#pause");
        await host.SubmitAsync(ApiHarness.Item("WAITS"));
        browser.Await("#count-pending", "1");

        browser.Find("#paused button").Click();
        browser.Await("#confirm-text", "Resume all sending? Mei paused it");
        Assert.Equal("confirm-no", browser.Run("return document.activeElement.id"));
        browser.Find("#confirm-yes").Click();
        browser.AwaitGone("#paused");
        browser.Await("#pause", "Pause sending");
        Assert.Empty(browser.Complaints);
    }

    [BrowserFact]
    public async Task Says_that_figures_are_stale_when_the_host_stops_responding()
    {
        using var browser = chromium.Open();
        await using (var host = await RunningHost.StartAsync())
        {
            browser.Open(host.Address);
            browser.Await("#live", "Live");
        }

        Assert.Equal("ContentSync board", browser.Title);
        browser.Await("#live", "These figures are from");
        Assert.StartsWith("Stale figures", browser.Title, StringComparison.Ordinal);
        Assert.Contains("stale", browser.Find("#main").GetDomAttribute("class"), StringComparison.Ordinal);
    }

    [BrowserFact]
    public async Task Fits_a_phone_and_names_the_condition_in_its_title()
    {
        await using var host = await RunningHost.StartAsync();
        host.Pipeline.Gateway!.Faults = GatewayFaults.Parse("risky=1");
        foreach (var i in Enumerable.Range(0, 3)) (await host.SubmitAsync(ApiHarness.Item(new string('W', 60) + i))).Dispose();
        using var browser = chromium.Open(width: 390, height: 844);
        browser.Open(host.Address);
        browser.Await("#causes tbody tr", "CONTENT_RISKY");
        Assert.StartsWith("Needs attention", browser.Title, StringComparison.Ordinal);
        Assert.Equal("", browser.Run(TooWide));
        browser.Await("#causes .action button").Click();
        browser.Await("#confirm-text", "Send 3 parked items again");
        Assert.Equal("confirm-no", browser.Run("return document.activeElement.id"));
    }

    [BrowserFact]
    public async Task Explains_that_a_searched_item_is_unknown()
    {
        await using var host = await RunningHost.StartAsync();
        using var browser = chromium.Open();
        browser.Open(host.Address);
        browser.Await("#live", "Live");
        browser.Await("#trends", "Nothing was attempted and nothing was pending");
        Search(browser, "unknown");
        browser.Await("#item-state", "No item with the contentId 'unknown'");
    }

    [BrowserFact]
    public async Task Tries_the_api_from_its_page()
    {
        await using var host = await RunningHost.StartAsync();
        using var browser = chromium.Open();
        browser.Open(new Uri(host.Address, "/api/reference"));
        browser.Await("#SubmitContent summary").Click();
        browser.Find("#SubmitContent .try button").Click();
        browser.Await("#SubmitContent .try pre", "\"state\": \"synchronized\"");
        browser.Await("#GetContent summary").Click();
        browser.Find("#GetContent-contentId").SendKeys("SKU-DEMO-1");
        browser.Find("#GetContent .try button").Click();
        browser.Await("#GetContent .try pre", "港式奶茶");
        Assert.Empty(browser.Complaints);
    }

    [BrowserFact]
    public async Task Shows_the_plan_of_a_resync_and_follows_the_run_to_its_end()
    {
        await using var host = await RunningHost.StartWithCatalogAsync(Catalog(400) + "{\"contentId\":\"BAD-1\"}\n", rate: 100);
        using var browser = chromium.Open();
        browser.Open(host.Address);
        browser.Await("#resyncs-none", "None yet");
        browser.Find("#resync-plan").Click();
        browser.Await("#resyncs tbody tr", "400 new, 1 invalid");
        browser.Await("#resyncs tbody tr", "Nothing was sent");

        browser.Find("#resync-run").Click();
        browser.Await("#confirm-text", "Bring AlipayHK in sync with the catalog?");
        browser.Find("#confirm-yes").Click();
        browser.Await("#toast", "The resync has started");
        browser.Await("#resyncs-now .run-name", "catalog catalog.ndjson: sending");
        browser.Await("#resyncs-now .run-counts", "of 400");
        browser.Await("#resyncs tbody tr:first-child", "completed");
        browser.Await("#resyncs tbody tr:first-child", "400 sent");
        Assert.Empty(browser.All("#resyncs-now .run"));
        browser.Await("#count-synchronized", "400");
        browser.Find("#resyncs tbody tr:first-child summary").Click();
        browser.Await("#resyncs tbody tr:first-child li", "line 401: BAD-1");
        Assert.Empty(browser.Complaints);
    }

    [BrowserFact]
    public async Task Cancels_a_resync_after_confirmation()
    {
        await using var host = await RunningHost.StartWithCatalogAsync(Catalog(300), rate: 5);
        using var browser = chromium.Open(dark: true, width: 420, height: 900);
        browser.Open(host.Address);
        browser.Await("#resync-run").Click();
        browser.Await("#confirm-yes", "Start").Click();
        browser.Await("#resyncs-now button", "Cancel").Click();
        browser.Await("#confirm-yes", "Cancel the resync").Click();
        browser.Await("#resyncs tbody tr", "cancelled");
        Assert.Empty(browser.All("#resyncs-now .run"));
        var run = Assert.Single(await host.Pipeline.Runs.ListAsync(CancellationToken.None));
        Assert.Equal(ResyncRunState.Cancelled, run.State);
    }

    [BrowserFact]
    public async Task Delists_many_items_only_with_an_allowed_share()
    {
        await using var host = await RunningHost.StartWithCatalogAsync(Catalog(1));
        for (var i = 0; i < 4; i++) (await host.SubmitAsync(ApiHarness.Item($"GONE-{i}"))).Dispose();
        // Items accepted after the catalog was written are not delisted, so the catalog is written again.
        await File.WriteAllTextAsync(host.Catalog, Catalog(1));
        // The file system's clock may be some milliseconds behind the one that the items were accepted by.
        File.SetLastWriteTimeUtc(host.Catalog, DateTime.UtcNow);
        using var browser = chromium.Open();
        browser.Open(host.Address);
        browser.Await("#resync-run").Click();
        browser.Await("#confirm-yes", "Start").Click();
        browser.Await("#resyncs tbody tr", "stopped by the guard");
        browser.Await("#resyncs tbody tr", "It would delist 4 of 4 listed items");

        browser.Find("#resync-share").SendKeys("100");
        browser.Find("#resync-run").Click();
        browser.Await("#confirm-text", "up to 100 % of the listed items");
        browser.Find("#confirm-yes").Click();
        browser.Await("#resyncs tbody tr:first-child", "completed");
        browser.Await("#resyncs tbody tr:first-child", "5 sent");
        Assert.Equal("", browser.Find("#resync-share").GetDomProperty("value"));
    }

    [BrowserFact]
    public async Task Shows_hostile_text_of_a_catalog_as_plain_text()
    {
        var contentId = System.Text.Json.JsonSerializer.Serialize("<img src=x onerror=alert(1)>\u202Eabc");
        var item = $$$"""{"contentId":{{{contentId}}},"contentType":"<script>alert(1)</script>","contentStatus":1,"contentInfo":{}}""";
        await using var host = await RunningHost.StartWithCatalogAsync(item + "\n");
        using var browser = chromium.Open();
        browser.Open(host.Address);
        browser.Await("#resync-plan").Click();
        browser.Await("#resyncs summary", "1 invalid").Click();
        browser.Await("#resyncs li", "<img src=x onerror=alert(1)>U+202Eabc");
        Assert.Empty(browser.All("#resyncs img, #resyncs script"));
        Assert.Empty(browser.Complaints);
    }

    [BrowserFact]
    public async Task Charts_what_all_instances_did_with_the_figures_as_text()
    {
        await using var host = await RunningHost.StartAsync();
        host.Pipeline.Gateway!.Faults = GatewayFaults.Parse("risky=1");
        (await host.SubmitAsync(ApiHarness.Item("RISKY-1"))).Dispose();
        await RecordAsync(host, "one", attempts: 10);
        await RecordAsync(host, "two", attempts: 30);
        using var browser = chromium.Open();
        browser.Open(host.Address);
        browser.Await("#trends .chart", "Results by code");
        Assert.Equal(6, browser.All("#trends .chart").Count);
        Assert.StartsWith(
            "Results by code: 2,000 CONTENT_RISKY", browser.Find("#trends .plot").GetDomAttribute("aria-label"), StringComparison.Ordinal);
        Assert.Equal(50, browser.All("#trends rect.code-1").Count);
        browser.Find("#trends .chart:nth-child(3) summary").Click();
        browser.Await("#trends .chart:nth-child(3) td", "ms");
        browser.Await("#causes tbody tr", "steady: ");
        browser.Find("#trends-window option[value=day]").Click();
        browser.Await("#trends .legend", "CONTENT_RISKY");
        browser.Await("#trends .chart", "attempts per 15 minutes");
        Assert.Empty(browser.Complaints);
    }

    [BrowserFact]
    public async Task Says_that_the_trends_cannot_be_read_and_shows_the_rest()
    {
        await using var host = await RunningHost.StartAsync();
        using (var database = SqliteDatabase.Open(Path.Combine(host.Data, "send.db"), SqliteAccess.Write, TimeSpan.FromSeconds(5)))
            database.Execute("PRAGMA user_version = 2");
        using var browser = chromium.Open();
        browser.Open(host.Address);
        browser.Await("#trends-note", "was written by a newer version");
        browser.Await("#count-pending", "0");
    }

    [BrowserFact]
    public async Task Opens_a_list_by_its_address_and_exports_it()
    {
        await using var host = await RunningHost.StartAsync("the key");
        host.Client.DefaultRequestHeaders.Add("x-functions-key", "the key");
        (await host.SubmitAsync(ApiHarness.Item("GOOD-1"))).Dispose();
        host.Pipeline.Gateway!.Faults = GatewayFaults.Parse("risky=1");
        foreach (var contentId in (string[])["=HYPERLINK(1)", "RISKY-2", "RISKY-3"]) (await host.SubmitAsync(ApiHarness.Item(contentId))).Dispose();
        using var browser = chromium.Open();
        browser.Open(new Uri(host.Address, "/#/items?state=parked&prefix=RISKY"));
        browser.Await("#key").SendKeys("the key" + Keys.Enter);
        browser.Await("#items tbody tr", "RISKY-2");
        Assert.Equal(2, browser.All("#items tbody tr").Count);
        Assert.Equal("RISKY", browser.Find("#filter [name=prefix]").GetDomProperty("value"));

        browser.Find("#filter [name=prefix]").Clear();
        browser.Find("#filter [name=code]").SendKeys("CONTENT_RISKY" + Keys.Enter);
        browser.Await("#items tbody tr", "=HYPERLINK(1)");
        Assert.EndsWith("/#/items?state=parked&code=CONTENT_RISKY", browser.Address, StringComparison.Ordinal);
        browser.Find("#items button.link").Click();
        browser.Await("#item-advice", "Take out what is risky");
        browser.Find("#item .close").Click();
        for (var i = 0; i < 200 && browser.Address.Contains("/content/", StringComparison.Ordinal); i++) Thread.Sleep(25);
        Assert.EndsWith("/#/items?state=parked&code=CONTENT_RISKY", browser.Address, StringComparison.Ordinal);

        browser.Run("URL.createObjectURL = blob => { blob.text().then(text => { window.exported = JSON.stringify(text); }); return '#/items?state=parked'; }");
        browser.Find("[data-list=items] button").Click();
        browser.Await("#export-note", "Exported all 3 items");
        var csv = (string)browser.Run("return window.exported")!;
        Assert.StartsWith("\"contentId,contentType,contentStatus,", csv, StringComparison.Ordinal);
        Assert.True(csv.Contains(@"\r\n'=HYPERLINK(1),SKU,1,", StringComparison.Ordinal), csv);
        Assert.Equal(4, csv.Split(@"\r\n").Length - 1);
        browser.Find("[data-list=causes] button:last-child").Click();
        browser.Await("#toast", "Exported 1 rows");
        Assert.Contains(@"\""code\"":\""CONTENT_RISKY\""", (string)browser.Run("return window.exported")!, StringComparison.Ordinal);
    }

    [BrowserFact]
    public async Task Corrects_a_parked_item_after_checking_it()
    {
        await using var host = await RunningHost.StartAsync();
        host.Pipeline.Gateway!.Faults = GatewayFaults.Parse("risky=1");
        const string item = """{"contentId":"R-1","contentType":"SKU","contentStatus":1,"contentInfo":{"name":"x","ean":12345678901234567890},"revision":7}""";
        (await host.SubmitAsync(item)).Dispose();
        host.Pipeline.Gateway.Faults = GatewayFaults.None;
        using var browser = chromium.Open();
        browser.Open(new Uri(host.Address, "/#/content/R-1"));
        browser.Await("#item-advice", "Take out what is risky");
        browser.Find("#correct summary").Click();
        var text = browser.Await("#edit");
        Assert.Contains("12345678901234567890", text.GetDomProperty("value"), StringComparison.Ordinal);
        Assert.Equal("8", browser.Find("#edit-revision").GetDomProperty("value"));

        text.Clear();
        text.SendKeys("{\"name\":");
        browser.Find("#edit-check").Click();
        browser.Await("#edit-result", "This is not JSON");
        text.Clear();
        text.SendKeys("[1]");
        browser.Find("#edit-check").Click();
        browser.Await("#edit-result", "contentInfo");
        text.Clear();
        text.SendKeys("{\"name\":\"y\"}");
        browser.Find("#edit-check").Click();
        browser.Await("#edit-result", "Valid. It would be accepted");
        browser.Find("#edit-send").Click();
        browser.Await("#confirm-text", "Send R-1 to AlipayHK");
        Assert.Equal("confirm-no", browser.Run("return document.activeElement.id"));
        browser.Find("#confirm-yes").Click();
        browser.Await("#item-state", "synchronized");
        var record = await host.Pipeline.Ledger.FindAsync("R-1", CancellationToken.None);
        Assert.Equal("8", record!.Version.ToString());

        // The bodies of earlier requests are not kept by default.
        browser.Await("#sent-note", "Retention__SentBodies");
        Assert.Empty(browser.All("#difference"));
    }

    [BrowserFact]
    public async Task Shows_the_difference_between_two_sent_versions()
    {
        await using var host = await RunningHost.StartAsync();
        host.Pipeline.Services.GetRequiredService<RetentionOptions>().SentBodies = true;
        foreach (var name in (string[])["first", "second"])
            (await host.SubmitAsync($$$"""{"contentId":"A","contentType":"SKU","contentStatus":1,"contentInfo":{"name":"{{{name}}}","same":1}}""")).Dispose();
        using var browser = chromium.Open();
        browser.Open(new Uri(host.Address, "/#/content/A"));
        browser.Await("#item-advice", "Nothing: AlipayHK acknowledged this version");
        var older = browser.All("#item-body select")[0];
        older.FindElements(By.TagName("option"))[^1].Click();
        browser.Await("#difference del", "\"name\": \"first\"");
        browser.Await("#difference ins", "\"name\": \"second\"");
        Assert.Single(browser.All("#difference del"));
        Assert.Empty(browser.Complaints);
    }

    [BrowserFact]
    public async Task Shows_the_plan_of_a_catalog_that_was_handled_before_and_runs_it_again()
    {
        await using var host = await RunningHost.StartWithCatalogAsync(Catalog(5));
        using var browser = chromium.Open();
        browser.Open(host.Address);
        Run(again: false);
        browser.Await("#resyncs tbody tr:first-child", "5 sent");
        browser.Find("#resync-plan").Click();
        browser.Await("#resyncs tbody tr:first-child", "dry run");
        browser.Await("#resyncs tbody tr:first-child", "5 unchanged");
        Run(again: false);
        browser.Await("#resyncs tbody tr:first-child", "already handled");
        Run(again: true);
        browser.Await("#resyncs tbody tr:first-child", "completed");

        void Run(bool again)
        {
            if (again) browser.Find("#resync-again").Click();
            browser.Await("#resync-run").Click();
            browser.Await("#confirm-yes", "Start").Click();
        }
    }

    [BrowserFact]
    public async Task Fits_a_phone_with_text_twice_as_large_and_hostile_ids()
    {
        await using var host = await RunningHost.StartAsync();
        host.Pipeline.Gateway!.Faults = GatewayFaults.Parse("risky=1");
        var contentId = new string('W', 62) + "\u202E";
        (await host.SubmitAsync(ApiHarness.Item(contentId))).Dispose();
        await RecordAsync(host, "one", attempts: 10);
        using var browser = chromium.Open(dark: true, width: 390, height: 844);
        browser.Open(host.Address);
        browser.Await("#trends .chart", "Results by code");
        browser.Run("document.documentElement.style.fontSize = '200%'");
        Assert.Equal("", browser.Run(TooWide));
        browser.Run("document.querySelector('#items button.link').click()");
        browser.Await("#item-advice", "Take out what is risky");
        Assert.Equal(true, browser.Run("const item = document.getElementById('item'); return item.scrollWidth <= item.clientWidth"));
        Assert.Equal("", browser.Run(TooWide));
    }

    /// <summary>Adds the minutes that another instance wrote: attempts, requests and signatures in each of the last 50 minutes.</summary>
    private static async Task RecordAsync(RunningHost host, string process, int attempts)
    {
        var now = DateTimeOffset.UtcNow;
        var last = new DateTimeOffset(now.UtcTicks - (now.UtcTicks % TimeSpan.TicksPerMinute), TimeSpan.Zero).AddMinutes(-2);
        var minutes = Enumerable.Range(0, 50).Select(i => new TrendMinute(last.AddMinutes(-i))).ToList();
        foreach (var minute in minutes)
        {
            minute.CountOutcome("CONTENT_RISKY", attempts);
            minute.Signing.Add(TimeSpan.FromMilliseconds(20));
            minute.AlipayHk.Add(TimeSpan.FromMilliseconds(200));
            minute.SetBudget(2);
            minute.SetPending(TimeSpan.FromMinutes(3), 12);
        }

        var store = host.Pipeline.Services.GetRequiredService<ITrendStore>();
        foreach (var quarter in minutes.GroupBy(minute => new DateTimeOffset(minute.At.UtcTicks - (minute.At.UtcTicks % (15 * TimeSpan.TicksPerMinute)), TimeSpan.Zero)))
            await store.WriteAsync(new TrendRow(quarter.Key, process, TrendText.Write(quarter)), CancellationToken.None);
    }

    private static string Catalog(int items) => string.Concat(Enumerable.Range(0, items).Select(i => ApiHarness.Item($"SKU-{i:d5}") + "\n"));

    private static void Search(Browser browser, string contentId) => browser.Find("#search-id").SendKeys(contentId + Keys.Enter);
}
