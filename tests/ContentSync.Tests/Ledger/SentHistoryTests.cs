using ContentSync.Content;
using ContentSync.Ledger;

namespace ContentSync.Tests.Ledger;

public sealed class SentHistoryTests
{
    private static readonly DateTimeOffset Start = new(2026, 3, 1, 8, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Reads_what_it_wrote()
    {
        var history = SentHistory.Empty.With(Request(1) with { Body = "票 one"u8.ToArray() }).With(Request(2)).With(Request(3) with { Body = "two"u8.ToArray() });

        var read = SentHistory.Of(history.ToText(), history.StoredBodies.Span);

        Assert.Equal(history, read);
        Assert.Equal(["票 one"u8.ToArray(), [], "two"u8.ToArray()], read.Select(request => request.Body?.ToArray() ?? []));
        Assert.Equal(history.Select(request => request.Attempted), read.Select(request => request.Attempted));
    }

    [Fact]
    public void Replaces_the_entry_of_the_same_request_and_keeps_its_body()
    {
        var history = SentHistory.Empty.With(Request(1) with { Body = "one"u8.ToArray() }).With(Request(2));

        var again = history.With(Request(1) with { At = Start.AddDays(1), Code = "SUCCESS" });

        Assert.Equal(["r2", "r1"], again.Select(request => request.RequestId));
        Assert.Equal(("SUCCESS", 3), (again[1].Code, again[1].Body!.Value.Length));
    }

    [Fact]
    public void Drops_what_is_older_and_nothing_else()
    {
        var history = SentHistory.Empty.With(Request(1)).With(Request(2)).With(Request(3));

        Assert.Same(history, history.Since(Start.AddMinutes(1)));
        Assert.Equal(["r2", "r3"], history.Since(Start.AddMinutes(2)).Select(request => request.RequestId));
        Assert.Same(SentHistory.Empty, history.Since(Start.AddDays(1)));
    }

    [Theory]
    [InlineData(SentHistory.MaxBodyBytes, true)]
    [InlineData(SentHistory.MaxBodyBytes + 1, false)]
    public void Keeps_no_body_that_could_unpack_to_more_than_the_limit(int length, bool isKept) =>
        Assert.Equal(isKept, SentHistory.Empty.With(Request(1) with { Body = new byte[length] })[0].Body is not null);

    [Theory]
    [InlineData("1 1 x - - 0")]
    [InlineData("1 1 AAAA - - 0")]
    [InlineData("1 1")]
    public void Refuses_a_text_that_is_no_version_of_an_attempt(string text) =>
        Assert.Throws<FormatException>(() => AttemptedVersion.Of(text));

    private static SentRequest Request(int number) => new(
        $"r{number}",
        Start.AddMinutes(number),
        "TIMEOUT",
        new AttemptedVersion(
            new ChangeVersion(number == 2 ? null : number, number == 2 ? Start : null, Start.AddTicks(number)),
            TestSubmissions.HashOf($"{number}"),
            AttemptOutcomeKind.RetryAt,
            WasSent: true));
}
