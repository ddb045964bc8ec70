using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Text.Json;
using ContentSync.Http;
using ContentSync.Synchronization.Messages;
using Spectre.Console;

namespace ContentSync.Local.CommandLine;

/// <summary><c>dead-letters list|show|resubmit|discard</c>: the dead-letter queues of a host in Azure.</summary>
internal sealed class DeadLettersCommand(IAnsiConsole screen)
{
    public const string Explanation =
        """
        A message is dead-lettered if it cannot be used, or if its item is parked. It stays until a person resubmits or
        discards it. A parked item is in the ledger as well: replay it there, then discard its message.
        These commands ask a host in Azure (--host); the local host has no dead-letter queue.

        Examples:
          contentsync dead-letters list --host https://NAME.azurewebsites.net
          contentsync dead-letters show 4711
          contentsync dead-letters resubmit 4711 4712
          contentsync dead-letters resubmit --reason MaxDeliveryCountExceeded --queue resync
          contentsync dead-letters discard --reason Rejected --dry-run
        """;

    private const int ShownByDefault = 50;

    public void AddTo(Command root, CommandHelp help)
    {
        var command = help.WithExplanation(
            new Command("dead-letters", "List, show, resubmit or discard messages in a host's dead-letter queues."), Explanation);
        foreach (var part in new[] { CreateList(), CreateShow(), CreateSettle(DeadLetterAction.Resubmit), CreateSettle(DeadLetterAction.Discard) })
            command.Subcommands.Add(help.WithExplanation(part, Explanation));
        root.Subcommands.Add(command);
    }

    private Command CreateList()
    {
        var (host, filter, queue) = (new HostArguments(), new Filter(), Queue("Only this queue: content or resync. Default: both."));
        var limit = new Option<int>("--limit")
        {
            Description = $"Max messages of a queue. Default: {ShownByDefault}.",
            HelpName = "N",
            DefaultValueFactory = _ => ShownByDefault,
            CustomParser = OptionValue.Whole(1, int.MaxValue),
        };
        var command = new Command("list", "List dead-lettered messages, each with its reason.") { queue, limit };
        filter.AddTo(command);
        host.AddTo(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var view = Open(host, parsed);
            await using var closing = view.ConfigureAwait(false);
            var letters = new List<DeadLetterState>();
            var hasMore = false;
            foreach (var name in parsed.GetValue(queue) is { } one ? [one] : Enum.GetValues<DeadLetterQueue>())
            {
                hasMore |= await ReadAsync(view, name, filter.Query(parsed), parsed.GetValue(limit), letters, cancellationToken)
                    .ConfigureAwait(false);
            }

            if (host.IsJson(parsed))
                Print(parsed, JsonSerializer.Serialize(new DeadLetterList(letters, null), ApiJson.Responses.DeadLetterList));
            else
                Show(letters, hasMore);
            return ExitCodes.Done;
        });
        return command;
    }

    private Command CreateShow()
    {
        var (host, queue) = (new HostArguments(), Queue("Its queue: content or resync. Default: content."));
        var number = new Argument<long>("NUMBER")
        {
            Description = "Number of the message, as 'dead-letters list' shows it.",
            CustomParser = result => ReadNumber(result, result.Tokens[0].Value),
        };
        var command = new Command("show", "Show one dead-lettered message with its body.") { number, queue };
        host.AddTo(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var view = Open(host, parsed);
            await using var closing = view.ConfigureAwait(false);
            var letter = await view.GetDeadLetterAsync(
                EnumText.Of(parsed.GetValue(queue) ?? DeadLetterQueue.Content), parsed.GetValue(number), cancellationToken).ConfigureAwait(false);
            if (host.IsJson(parsed)) Print(parsed, JsonSerializer.Serialize(letter, ApiJson.Responses.DeadLetterState));
            else Show(letter);
            return ExitCodes.Done;
        });
        return command;
    }

    private Command CreateSettle(DeadLetterAction action)
    {
        var isResubmit = action == DeadLetterAction.Resubmit;
        var (host, filter, queue) = (new HostArguments(), new Filter(), Queue("Their queue: content or resync. Default: content."));
        var numbers = new Argument<long[]>("NUMBER")
        {
            Description = "Numbers of the messages. Without them, give a filter or --all.",
            Arity = ArgumentArity.ZeroOrMore,
            CustomParser = result => [.. result.Tokens.Select(token => ReadNumber(result, token.Value))],
        };
        var all = new Option<bool>("--all") { Description = "All messages of the queue." };
        var dryRun = new Option<bool>("--dry-run") { Description = "Count the messages, and change nothing." };
        var command = isResubmit
            ? new Command("resubmit", "Send messages to their queue again; they keep the time at which they were first received.")
            : new Command("discard", "Remove messages. They are gone; what the ledger holds stays there.");
        command.Arguments.Add(numbers);
        foreach (var option in new Option[] { queue, all, dryRun }) command.Options.Add(option);
        filter.AddTo(command);
        host.AddTo(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var given = parsed.GetValue(numbers) is { Length: > 0 } named ? named : null;
            var request = filter.Apply(
                parsed,
                new DeadLetterRequest(
                    EnumText.Of(parsed.GetValue(queue) ?? DeadLetterQueue.Content),
                    given,
                    All: parsed.GetValue(all),
                    DryRun: parsed.GetValue(dryRun)));
            if (request.Fault() is not null)
                throw new CommandException("Give numbers of messages, a filter (--reason, --code or --content-id), or --all.");
            var view = Open(host, parsed);
            await using var closing = view.ConfigureAwait(false);
            var result = await SettleAsync(view, isResubmit ? "resubmit" : "discard", request, cancellationToken).ConfigureAwait(false);
            if (host.IsJson(parsed)) Print(parsed, JsonSerializer.Serialize(result, ApiJson.Responses.DeadLetterResponse));
            else Show(result, isResubmit ? "resubmitted" : "discarded");
            return result.DryRun || result.Done == result.Matched ? ExitCodes.Done : ExitCodes.SomeFailed;
        });
        return command;
    }

    // One call takes at most a thousand messages. It ends if a call removes none, so that it cannot go on forever.
    private static async Task<DeadLetterResponse> SettleAsync(
        HostView view, string action, DeadLetterRequest request, CancellationToken cancellationToken)
    {
        var total = new DeadLetterResponse(request.DryRun, 0, 0, true, new Dictionary<string, int>());
        var reasons = new SortedDictionary<string, int>(StringComparer.Ordinal);
        DeadLetterResponse part;
        do
        {
            part = await view.SettleDeadLettersAsync(action, request, cancellationToken).ConfigureAwait(false);
            foreach (var (reason, count) in part.Reasons) reasons[reason] = reasons.GetValueOrDefault(reason) + count;
            total = total with { Matched = total.Matched + part.Matched, Done = total.Done + part.Done, More = part.More, Reasons = reasons };
        }
        while (part.More && part.Done > 0 && part.Done == part.Matched);
        return total;
    }

    private static HostView Open(HostArguments host, ParseResult parsed) => host.NamesHost(parsed)
        ? host.Host(parsed)
        : throw new CommandException(
            "A data folder has no dead-letter queue: the local host's queue keeps no messages, and what failed is parked in its ledger "
            + $"({CommandLineProgram.Name} list --state parked). Name a host in Azure with --host https://NAME.azurewebsites.net.");

    private static async Task<bool> ReadAsync(
        HostView view, DeadLetterQueue queue, string filter, int limit, List<DeadLetterState> letters, CancellationToken cancellationToken)
    {
        var end = letters.Count + (long)limit;
        long? from = 0;
        while (from is { } start && letters.Count < end)
        {
            var size = Math.Min(end - letters.Count, DeadLettersHandler.MaxLimit);
            var query = string.Create(CultureInfo.InvariantCulture, $"queue={EnumText.Of(queue)}&from={start}&limit={size}{filter}");
            var page = await view.ListDeadLettersAsync(query, cancellationToken).ConfigureAwait(false);
            letters.AddRange(page.Items);
            from = page.Next;
        }

        return from is not null;
    }

    private void Show(List<DeadLetterState> letters, bool hasMore)
    {
        if (letters.Count == 0)
        {
            screen.Line($"No message is dead-lettered.");
            return;
        }

        var table = new Table().SimpleBorder().BorderColor(Color.Grey)
            .AddColumn("Queue").AddColumn(new TableColumn("Number").RightAligned().NoWrap()).AddColumn(new TableColumn("First received").NoWrap())
            .AddColumn("Reason").AddColumn("Item").AddColumn("What is wrong");
        foreach (var letter in letters)
        {
            table.AddRow(
                new Text(letter.Queue),
                new Text(letter.SequenceNumber.ToString(CultureInfo.InvariantCulture)),
                new Text(Time(letter.FirstReceivedAt)),
                new Text(TerminalText.Plain(letter.Reason ?? "none")),
                new Text(TerminalText.Plain(letter.ContentId ?? "-")),
                new Text(TerminalText.Plain(letter.Description ?? "")));
        }

        screen.Write(table);
        foreach (var advice in letters.GroupBy(letter => (letter.Reason, letter.Advice)).OrderByDescending(group => group.Count()))
            screen.Line($"[yellow]{advice.Count():n0} {advice.Key.Reason ?? "none"}:[/] {advice.Key.Advice}");
        if (hasMore) screen.Line($"[grey]There are more; --limit N shows them.[/]");
    }

    private void Show(DeadLetterState letter)
    {
        var table = new Table().RoundedBorder().BorderColor(Color.Grey).HideHeaders().AddColumn("").AddColumn("");
        Row("queue, number", string.Create(CultureInfo.InvariantCulture, $"{letter.Queue}, {letter.SequenceNumber}"));
        Row("message id", letter.MessageId);
        Row("lane", letter.SessionId);
        Row("first received", Time(letter.FirstReceivedAt));
        Row("deliveries", letter.DeliveryCount.ToString(CultureInfo.InvariantCulture));
        Row("reason", letter.Reason);
        Row("what is wrong", letter.Description);
        Row("what to do", letter.Advice);
        Row("item", letter.ContentId);
        Row("code", letter.ResultCode);
        Row("tracer id", letter.TracerId);
        foreach (var (name, value) in letter.Properties ?? new Dictionary<string, string>()) Row(name, value);
        Row("content type", letter.ContentType);
        Row("body", letter.Body ?? (letter.BodyBase64 is { } base64 ? $"(base64) {base64}" : null));
        screen.Write(table);

        void Row(string name, string? value)
        {
            if (value is not null) table.AddRow(new Text(TerminalText.Plain(name), Style.Parse("grey")), new Text(TerminalText.Plain(value)));
        }
    }

    private void Show(DeadLetterResponse result, string verb)
    {
        foreach (var (reason, count) in result.Reasons) screen.Line($"{count:n0} {(reason.Length == 0 ? "without a reason" : reason)}");
        if (result.DryRun) screen.Line($"{Messages(result.Matched)} would be {verb}; nothing was changed.");
        else screen.Line($"{Messages(result.Done)} of {result.Matched:n0} {verb}.");
        if (result.More) screen.Line($"[grey]More messages match; one call counts at most {DeadLettersHandler.MaxMessages:n0}.[/]");
        if (!result.DryRun && result.Done < result.Matched)
            screen.Line($"[yellow]Another caller holds the others, or too many messages lie before them: try again, or the earlier ones first.[/]");
    }

    private static void Print(ParseResult parsed, string json) => parsed.InvocationConfiguration.Output.WriteLine(json);

    private static string Messages(long count) => Wording.Count(count, "message");

    private static string Time(DateTimeOffset time) => time.ToString("u", CultureInfo.InvariantCulture);

    private static long ReadNumber(ArgumentResult result, string text)
    {
        if (long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)) return number;
        if (!string.IsNullOrWhiteSpace(text)) result.AddError($"NUMBER must be the number of a message, not '{text}'.");
        return 0;
    }

    private static Option<DeadLetterQueue?> Queue(string description) => new("--queue")
    {
        Description = description,
        HelpName = "QUEUE",
        CustomParser = OptionValue.Name<DeadLetterQueue>(),
    };

    /// <summary>The options that select messages.</summary>
    private sealed class Filter
    {
        private readonly Option<string?> _reason = new("--reason") { Description = "Only messages with this reason.", HelpName = "REASON" };

        private readonly Option<string?> _code = new("--code") { Description = "Only messages with this result code.", HelpName = "CODE" };

        private readonly Option<string?> _contentId = new("--content-id") { Description = "Only messages of this item.", HelpName = "ID" };

        public void AddTo(Command command)
        {
            foreach (var option in new[] { _reason, _code, _contentId }) command.Options.Add(option);
        }

        public DeadLetterRequest Apply(ParseResult parsed, DeadLetterRequest request) => request with
        {
            Reason = parsed.GetValue(_reason),
            Code = parsed.GetValue(_code),
            ContentId = parsed.GetValue(_contentId),
        };

        public string Query(ParseResult parsed) => string.Concat(
            new[] { ("reason", _reason), ("code", _code), ("contentId", _contentId) }
                .Where(pair => parsed.GetValue(pair.Item2) is not null)
                .Select(pair => $"&{pair.Item1}={Uri.EscapeDataString(parsed.GetValue(pair.Item2)!)}"));
    }
}
