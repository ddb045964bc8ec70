namespace ContentSync.Content;

/// <summary>Collects the violations of one item. Bounded, so that a hostile item cannot produce a report many times its own size.</summary>
internal sealed class ViolationList
{
    private const int MaxViolations = 100;
    private const string ContentInfo = "/contentInfo";

    private List<ContentViolation>? _violations;
    private int _unlisted;
    private int _elsewhere;

    /// <summary>Whether there are violations, all of them inside contentInfo.</summary>
    public bool IsOnlyContentInfo => Count > 0 && _elsewhere == 0;

    public int Count => (_violations?.Count ?? 0) + _unlisted;

    public void Add(string pointer, string code, string message)
    {
        if (pointer != ContentInfo && !pointer.StartsWith(ContentInfo + "/", StringComparison.Ordinal)) _elsewhere++;
        _violations ??= [];
        if (_violations.Count < MaxViolations - 1)
            _violations.Add(new ContentViolation(pointer, code, message));
        else
            _unlisted++;
    }

    /// <summary>Returns the violations and clears the list.</summary>
    public IReadOnlyList<ContentViolation> Take()
    {
        if (_violations is not { } taken) return [];
        if (_unlisted > 0)
        {
            var message = $"{Wording.Count(_unlisted, "more violation is", "more violations are")} not listed; fix the listed ones first.";
            taken.Add(new ContentViolation("", ViolationCodes.MoreViolations, message));
        }

        _violations = null;
        _unlisted = 0;
        _elsewhere = 0;
        return taken;
    }
}
