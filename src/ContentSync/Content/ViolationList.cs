using System.Globalization;

namespace ContentSync.Content;

/// <summary>Gathers the violations of one item. Bounded, so that a hostile item cannot make a report many times its own size.</summary>
internal sealed class ViolationList
{
    private const int Most = 100;

    private List<ContentViolation>? _violations;
    private int _more;

    public int Count => (_violations?.Count ?? 0) + _more;

    public void Add(string pointer, string code, string message)
    {
        _violations ??= [];
        if (_violations.Count < Most - 1)
            _violations.Add(new ContentViolation(pointer, code, message));
        else
            _more++;
    }

    /// <summary>Hands over what was gathered and starts afresh.</summary>
    public IReadOnlyList<ContentViolation> Take()
    {
        if (_violations is not { } taken) return [];
        if (_more > 0)
            taken.Add(new ContentViolation("", ViolationCodes.MoreViolations, string.Create(CultureInfo.InvariantCulture, $"{_more:N0} more violations are not listed; mend the listed ones first.")));
        _violations = null;
        _more = 0;
        return taken;
    }
}
