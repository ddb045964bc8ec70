using System.CommandLine;
using ContentSync.Http;
using ContentSync.Ledger;

namespace ContentSync.Local.CommandLine;

/// <summary>The options that select items, as the API's list has them.</summary>
internal sealed class FilterArguments
{
    private readonly Option<SyncState?> _state = new("--state")
    {
        Description = $"Only items in this state: {EnumText.All<SyncState>()}.",
        HelpName = "STATE",
        CustomParser = OptionValue.Name<SyncState>(),
        CompletionSources = { _ => OptionValue.Completions<SyncState>() },
    };

    private readonly Option<string?> _type = new("--type") { Description = "Only items of this contentType.", HelpName = "TYPE" };

    private readonly Option<string?> _code = new("--code") { Description = "Only items whose last attempt ended with this code.", HelpName = "CODE" };

    private readonly Option<ParkReason?> _reason = new("--reason")
    {
        Description = $"Only items parked for this reason: {EnumText.All<ParkReason>()}.",
        HelpName = "REASON",
        CustomParser = OptionValue.Name<ParkReason>(),
        CompletionSources = { _ => OptionValue.Completions<ParkReason>() },
    };

    private readonly Option<string?> _prefix = new("--prefix")
    {
        Description = "Only items whose contentId begins with this text.",
        HelpName = "TEXT",
    };

    private readonly Option<bool> _stale = new("--stale")
    {
        Description = "Only items of which AlipayHK holds an older version, because a newer one was not valid.",
    };

    public void AddTo(Command command)
    {
        foreach (var option in new Option[] { _state, _type, _code, _reason, _prefix, _stale }) command.Options.Add(option);
    }

    public ListQuery Read(ParseResult parsed) =>
        new(parsed.GetValue(_state), parsed.GetValue(_type), parsed.GetValue(_code), parsed.GetValue(_stale))
        {
            Reason = parsed.GetValue(_reason),
            Prefix = parsed.GetValue(_prefix),
        };
}
